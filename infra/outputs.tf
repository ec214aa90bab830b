output "addresses" {
  description = "The address of each function; with a domain only the load balancer reaches the public ones."
  value       = local.ticks
}

output "public" {
  description = "Where every public path is served; null without a domain."
  value       = var.domain == null ? null : "https://${var.domain}"
}

output "public_ip" {
  description = "What the domain's A record must name."
  value       = var.domain == null ? null : google_compute_global_address.public[0].address
}

output "images" {
  description = "Where the images belong, one for each function."
  value       = local.images
}

output "buckets" {
  description = "State and archive."
  value       = { state = google_storage_bucket.state.name, archive = google_storage_bucket.archive.name }
}

output "accounts" {
  description = "The service account of each function."
  value = {
    generate-sign     = module.generate_sign.account
    send              = module.send.account
    poll-status       = module.poll_status.account
    download-received = module.download_received.account
    onboard           = module.onboard.account
    notify            = module.notify.account
  }
}
