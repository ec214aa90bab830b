# A function: a Cloud Run service with an account of its own and the rights that it needs.

resource "google_service_account" "this" {
  project      = var.platform.project
  account_id   = "${var.platform.prefix}-${var.name}"
  display_name = "Timbre: ${var.name}"
}

resource "google_cloud_run_v2_service" "this" {
  project  = var.platform.project
  location = var.platform.region
  name     = "${var.platform.prefix}-${var.name}"
  ingress  = var.ingress

  # The IAM check would take the signature off ID tokens. Every function verifies its callers itself, by
  # API key or ID token (shared/access).
  invoker_iam_disabled = true
  deletion_protection  = var.platform.deletion_protection

  template {
    service_account                  = google_service_account.this.email
    timeout                          = "600s"
    max_instance_request_concurrency = var.concurrency

    scaling {
      min_instance_count = 0
      max_instance_count = lookup(var.platform.max_instances, var.name, var.max_instances)
    }

    containers {
      image = "${var.platform.images}/${var.name}${var.platform.tag}"

      resources {
        limits            = { cpu = "1", memory = "512Mi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = var.env
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 15

        http_get {
          path = "/health"
        }
      }
    }
  }
}

resource "google_storage_bucket_iam_member" "state" {
  for_each = toset(var.rights.state)

  bucket = var.platform.state_bucket
  role   = each.key
  member = google_service_account.this.member
}

resource "google_storage_bucket_iam_member" "archive" {
  for_each = toset(var.rights.archive)

  bucket = var.platform.archive_bucket
  role   = each.key
  member = google_service_account.this.member
}

resource "google_pubsub_topic_iam_member" "publish" {
  for_each = toset(var.rights.topics)

  project = var.platform.project
  topic   = each.key
  role    = "roles/pubsub.publisher"
  member  = google_service_account.this.member
}

resource "google_project_iam_member" "secrets" {
  project = var.platform.project
  role    = var.rights.secrets == "write" ? var.platform.secrets.keep : var.platform.secrets.read
  member  = google_service_account.this.member

  condition {
    title      = "secrets of Timbre"
    expression = var.platform.secrets.condition
  }
}

resource "google_project_iam_member" "make_secrets" {
  count = var.rights.secrets == "write" ? 1 : 0

  project = var.platform.project
  role    = var.platform.secrets.create
  member  = google_service_account.this.member
}
