# notify: numbers events and posts them to webhooks. Nothing outside the project calls it, and it has no
# right on the archive.
module "notify" {
  source   = "./modules/service"
  platform = local.platform

  name          = "notify"
  ingress       = local.private_ingress
  concurrency   = 40
  max_instances = 10
  env           = merge(local.env, local.people)

  rights = {
    state   = ["roles/storage.objectUser"]
    archive = []
    topics  = []
    secrets = "read"
  }
}
