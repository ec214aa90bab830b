# poll-status: follows envelopes to the verdict, and shows documents.
module "poll_status" {
  source   = "./modules/service"
  platform = local.platform

  name          = "poll-status"
  ingress       = local.public_ingress
  concurrency   = 40
  max_instances = 10
  env           = merge(local.env, local.people)

  rights = {
    state   = ["roles/storage.objectUser"]
    archive = ["roles/storage.objectCreator", "roles/storage.objectViewer"]
    topics = [
      google_pubsub_topic.main["dte-signed"].name, google_pubsub_topic.main["dte-status"].name,
      google_pubsub_topic.main["company-alert"].name,
    ]
    secrets = "read"
  }
}
