# send: packs signed documents into envelopes and uploads them. One envelope of a company is open at a
# time, so that few instances are enough. POST /v1/outbox:flush is reached by the load balancer alone.
module "send" {
  source   = "./modules/service"
  platform = local.platform

  name          = "send"
  ingress       = local.flush_ingress
  concurrency   = 20
  max_instances = 10
  env           = merge(local.env, local.people)

  rights = {
    state   = ["roles/storage.objectUser"]
    archive = ["roles/storage.objectCreator", "roles/storage.objectViewer"]
    topics = [
      google_pubsub_topic.main["dte-signed"].name, google_pubsub_topic.main["dte-sent"].name,
      google_pubsub_topic.main["dte-status"].name, google_pubsub_topic.main["company-alert"].name,
    ]
    secrets = "read"
  }
}
