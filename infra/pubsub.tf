# Messages are wake-ups: the truth is in the buckets, and each function's tick finds what no message
# announced. A dead letter is therefore a sign of trouble, not a loss.

locals {
  topics = toset(["dte-signed", "dte-sent", "dte-status", "dte-received", "company-alert"])

  # Which function each topic wakes.
  pushes = {
    dte-signed-send      = { topic = "dte-signed", endpoint = module.send.uri }
    dte-sent-poll-status = { topic = "dte-sent", endpoint = module.poll_status.uri }
    dte-status-notify    = { topic = "dte-status", endpoint = module.notify.uri }
    dte-received-notify  = { topic = "dte-received", endpoint = module.notify.uri }
    company-alert-notify = { topic = "company-alert", endpoint = module.notify.uri }
  }

  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  seven_days   = "604800s"
}

resource "google_pubsub_topic" "main" {
  for_each = local.topics

  project = var.project
  name    = each.key

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic" "dead" {
  for_each = local.topics

  project = var.project
  name    = "${each.key}-dead"

  depends_on = [google_project_service.api]
}

# Without a subscription a topic keeps nothing.
resource "google_pubsub_subscription" "dead" {
  for_each = local.topics

  project                    = var.project
  name                       = "${each.key}-dead"
  topic                      = google_pubsub_topic.dead[each.key].id
  message_retention_duration = local.seven_days

  expiration_policy {
    ttl = "" # never
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = local.pushes

  project                    = var.project
  name                       = each.key
  topic                      = google_pubsub_topic.main[each.value.topic].id
  ack_deadline_seconds       = 600
  message_retention_duration = local.seven_days

  push_config {
    push_endpoint = "${each.value.endpoint}/_push/${each.value.topic}"

    oidc_token {
      service_account_email = google_service_account.invoker.email
      audience              = local.audience
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.value.topic].id
    max_delivery_attempts = 100
  }

  expiration_policy {
    ttl = "" # never: by default a subscription without traffic is gone after 31 days
  }

  depends_on = [google_service_account_iam_member.pubsub_tokens]
}

# Pub/Sub makes the invoker's ID tokens, publishes dead letters and acknowledges what it buried.
resource "google_service_account_iam_member" "pubsub_tokens" {
  service_account_id = google_service_account.invoker.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "bury" {
  for_each = local.topics

  project = var.project
  topic   = google_pubsub_topic.dead[each.key].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "bury" {
  for_each = local.pushes

  project      = var.project
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
