# What every function shares. A function has a file of its own, service_<name>.tf.

locals {
  audience = coalesce(var.audience, "https://${var.prefix}.${var.project}")
  images = coalesce(
    var.images,
    "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}",
  )
  separator = startswith(var.release, "sha256:") ? "@" : ":"

  # Public functions are reached directly, or by the load balancer alone where there is one. Pub/Sub and
  # Scheduler of the same project count as internal on a service's own address.
  public_ingress  = var.domain == null ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  flush_ingress   = var.domain == null ? "INGRESS_TRAFFIC_INTERNAL_ONLY" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  private_ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  # The environment of every function (shared/settings, shared/access). Secrets are not in it: companies'
  # certificates, CAFs and passwords are read from Secret Manager, by the versions that their
  # configuration names.
  env = {
    GOOGLE_CLOUD_PROJECT = var.project
    STATE_BUCKET         = google_storage_bucket.state.name
    ARCHIVE_BUCKET       = google_storage_bucket.archive.name
    OIDC_AUDIENCE        = local.audience
    SERVICE_ACCOUNTS     = google_service_account.invoker.email
  }
  people = { USER_EMAILS = var.user_emails }

  platform = {
    project             = var.project
    region              = var.region
    prefix              = var.prefix
    images              = local.images
    tag                 = "${local.separator}${var.release}"
    state_bucket        = google_storage_bucket.state.name
    archive_bucket      = google_storage_bucket.archive.name
    secrets             = local.secrets
    deletion_protection = var.deletion_protection
    max_instances       = var.max_instances
  }

  apis = toset(concat([
    "artifactregistry.googleapis.com", "cloudscheduler.googleapis.com", "iam.googleapis.com", "logging.googleapis.com",
    "monitoring.googleapis.com", "pubsub.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ], var.domain == null ? [] : ["compute.googleapis.com"]))
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "api" {
  for_each = local.apis

  project            = var.project
  service            = each.key
  disable_on_destroy = false
}

# Who pushes and ticks. It has no role: the functions know it by its e-mail in a verified ID token.
resource "google_service_account" "invoker" {
  project      = var.project
  account_id   = "${var.prefix}-invoker"
  display_name = "Timbre: pushes of Pub/Sub, ticks of Scheduler"
}

resource "google_artifact_registry_repository" "images" {
  project       = var.project
  location      = var.region
  repository_id = var.prefix
  description   = "Images of Timbre's functions"
  format        = "DOCKER"

  depends_on = [google_project_service.api]
}
