# Secrets are made at run time by onboard, one for each certificate, CAF type, mailbox and webhook, all
# named timbre-… (shared/company/secret.go). Rights are bound to that name.

locals {
  secrets = {
    condition = "resource.name.startsWith(\"projects/${data.google_project.this.number}/secrets/timbre-\")"
    create    = google_project_iam_custom_role.secret_creator.id
    keep      = google_project_iam_custom_role.secret_keeper.id
    read      = "roles/secretmanager.secretAccessor"
  }
}

# Making a secret is a right on the project: a condition on the name of what is not there yet cannot hold.
resource "google_project_iam_custom_role" "secret_creator" {
  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_secret_creator"
  title       = "Timbre: make secrets"
  permissions = ["secretmanager.secrets.create"]
}

resource "google_project_iam_custom_role" "secret_keeper" {
  project = var.project
  role_id = "${replace(var.prefix, "-", "_")}_secret_keeper"
  title   = "Timbre: versions of secrets"
  permissions = [
    "secretmanager.secrets.delete",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
  ]
}
