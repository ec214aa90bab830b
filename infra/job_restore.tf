# restore: makes a lost state bucket again from the archive (docs/runbooks/restore.md). It is generate-sign's
# image with another argument. Nothing starts it but a person; it adds to the state and only reads the archive.

resource "google_service_account" "restore" {
  project      = var.project
  account_id   = "${var.prefix}-restore"
  display_name = "Timbre: restore"
}

resource "google_cloud_run_v2_job" "restore" {
  project             = var.project
  location            = var.region
  name                = "${var.prefix}-restore"
  deletion_protection = var.deletion_protection

  template {
    template {
      service_account = google_service_account.restore.email
      timeout         = "86400s"
      max_retries     = 3 # a run that died is run again

      containers {
        image = "${local.images}/generate-sign${local.platform.tag}"
        args  = ["restore"]

        resources {
          limits = { cpu = "2", memory = "2Gi" }
        }

        dynamic "env" {
          for_each = local.env
          content {
            name  = env.key
            value = env.value
          }
        }
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "restore_state" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = google_service_account.restore.member
}

resource "google_storage_bucket_iam_member" "restore_archive" {
  bucket = google_storage_bucket.archive.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.restore.member
}
