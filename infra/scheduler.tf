# Each minute every function does what is due.

locals {
  ticks = {
    generate-sign     = module.generate_sign.uri
    send              = module.send.uri
    poll-status       = module.poll_status.uri
    download-received = module.download_received.uri
    onboard           = module.onboard.uri
    notify            = module.notify.uri
  }
}

resource "google_cloud_scheduler_job" "tick" {
  for_each = local.ticks

  project          = var.project
  region           = var.region
  name             = "${var.prefix}-${each.key}-tick"
  description      = "What is due for ${each.key}"
  schedule         = "* * * * *"
  time_zone        = "America/Santiago"
  attempt_deadline = "600s"

  retry_config {
    retry_count = 0 # the next minute is the next try
  }

  http_target {
    http_method = "POST"
    uri         = "${each.value}/_tick"

    oidc_token {
      service_account_email = google_service_account.invoker.email
      audience              = local.audience
    }
  }

  depends_on = [google_project_service.api]
}
