# download-received: takes in what suppliers mail, keeps every byte, and shows the register of purchases. A
# mail is up to 20 MB and is taken apart in memory, one at a time.
module "download_received" {
  source   = "./modules/service"
  platform = local.platform

  name          = "download-received"
  ingress       = local.public_ingress
  concurrency   = 20
  max_instances = 10
  env           = merge(local.env, local.people)

  rights = {
    state   = ["roles/storage.objectUser"]
    archive = ["roles/storage.objectCreator", "roles/storage.objectViewer"]
    topics  = [google_pubsub_topic.main["dte-received"].name, google_pubsub_topic.main["company-alert"].name]
    secrets = "read"
  }
}
