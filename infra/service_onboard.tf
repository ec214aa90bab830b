# onboard: companies, certificates, CAFs, API keys. It alone makes and deletes secrets, and it alone
# knows the operator's key. Of the archive it reads what an export holds, and adds each configuration.
module "onboard" {
  source   = "./modules/service"
  platform = local.platform

  name          = "onboard"
  ingress       = local.public_ingress
  concurrency   = 20
  max_instances = 4
  env           = merge(local.env, local.people, { BOOTSTRAP_KEY_SHA256 = var.bootstrap_key_sha256 })

  rights = {
    state   = ["roles/storage.objectUser"]
    archive = ["roles/storage.objectCreator", "roles/storage.objectViewer"]
    topics  = [google_pubsub_topic.main["company-alert"].name]
    secrets = "write"
  }
}
