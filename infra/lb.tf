# An HTTPS load balancer that serves every public path under one name (API.md: the path is the same
# everywhere). Only what stands here is reached through it; /_push and /_tick are not.

locals {
  balanced = var.domain == null ? {} : {
    generate-sign = {
      service = module.generate_sign.name
      paths   = ["/v1/documents", "/v1/batches", "/v1/folios:reserve", "/api/dte/generate"]
    }
    send = {
      service = module.send.name
      paths   = ["/v1/outbox:flush"]
    }
    poll-status = {
      service = module.poll_status.name
      paths   = ["/v1/documents/*", "/v1/events", "/v1/status:sweep"]
    }
    download-received = {
      service = module.download_received.name
      paths   = ["/v1/received", "/v1/received:download", "/v1/received/*", "/api/dte/download/received"]
    }
    onboard = {
      service = module.onboard.name
      paths   = ["/v1/companies/*"]
    }
  }
}

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = local.balanced

  project               = var.project
  region                = var.region
  name                  = "${var.prefix}-${each.key}"
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = each.value.service
  }
}

resource "google_compute_backend_service" "function" {
  for_each = local.balanced

  project               = var.project
  name                  = "${var.prefix}-${each.key}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }
}

resource "google_compute_url_map" "public" {
  count = var.domain == null ? 0 : 1

  project         = var.project
  name            = "${var.prefix}-public"
  default_service = google_compute_backend_service.function["generate-sign"].id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "functions"
  }

  path_matcher {
    name            = "functions"
    default_service = google_compute_backend_service.function["generate-sign"].id # answers 404

    dynamic "path_rule" {
      for_each = local.balanced
      content {
        paths   = path_rule.value.paths
        service = google_compute_backend_service.function[path_rule.key].id
      }
    }
  }
}

resource "google_compute_global_address" "public" {
  count = var.domain == null ? 0 : 1

  project = var.project
  name    = "${var.prefix}-public"

  depends_on = [google_project_service.api]
}

resource "google_compute_managed_ssl_certificate" "public" {
  count = var.domain == null ? 0 : 1

  project = var.project
  name    = "${var.prefix}-public"

  managed {
    domains = [var.domain]
  }

  depends_on = [google_project_service.api]
}

resource "google_compute_ssl_policy" "public" {
  count = var.domain == null ? 0 : 1

  project         = var.project
  name            = "${var.prefix}-public"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.api]
}

resource "google_compute_target_https_proxy" "public" {
  count = var.domain == null ? 0 : 1

  project          = var.project
  name             = "${var.prefix}-public"
  url_map          = google_compute_url_map.public[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.public[0].id]
  ssl_policy       = google_compute_ssl_policy.public[0].id
}

resource "google_compute_global_forwarding_rule" "public" {
  count = var.domain == null ? 0 : 1

  project               = var.project
  name                  = "${var.prefix}-public"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.public[0].id
  port_range            = "443"
  target                = google_compute_target_https_proxy.public[0].id
}
