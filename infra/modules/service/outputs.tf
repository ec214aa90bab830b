output "uri" {
  description = "Its own address."
  value       = google_cloud_run_v2_service.this.uri
}

output "name" {
  description = "Name of the Cloud Run service."
  value       = google_cloud_run_v2_service.this.name
}

output "account" {
  description = "E-mail of its service account."
  value       = google_service_account.this.email
}
