locals {
  six_years  = (6 * 365 + 2) * 86400 # at most two leap days in six years
  thirty_day = 30 * 86400
}

# Signed documents, envelopes, evidence, received mail: six years, nothing overwritten or deleted.
resource "google_storage_bucket" "archive" {
  project                     = var.project
  name                        = coalesce(var.archive_bucket, "${var.project}-${var.prefix}-archive")
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  retention_policy {
    retention_period = local.six_years
    is_locked        = var.archive_locked
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.storage]
}

# Claims, requests, documents' state, queues. It has no lifecycle rule, and must never have one that
# reaches claims/ or req/: a claim that is gone is a folio that is used twice. What was deleted or
# replaced can be had back for thirty days.
resource "google_storage_bucket" "state" {
  project                     = var.project
  name                        = coalesce(var.state_bucket, "${var.project}-${var.prefix}-state")
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  soft_delete_policy {
    retention_duration_seconds = local.thirty_day
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.storage]
}

data "google_storage_project_service_account" "storage" {
  count = var.kms_key == null ? 0 : 1

  project = var.project
}

resource "google_kms_crypto_key_iam_member" "storage" {
  count = var.kms_key == null ? 0 : 1

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${data.google_storage_project_service_account.storage[0].email_address}"
}
