# generate-sign: order in, signed document stored. It owns folios: claims and requests in the state
# bucket, signed bytes in the archive, which it may add to and read, and never overwrite or delete.
module "generate_sign" {
  source   = "./modules/service"
  platform = local.platform

  name          = "generate-sign"
  ingress       = local.public_ingress
  concurrency   = 40
  max_instances = 20
  env           = merge(local.env, local.people)

  rights = {
    state   = ["roles/storage.objectUser"]
    archive = ["roles/storage.objectCreator", "roles/storage.objectViewer"]
    topics  = [google_pubsub_topic.main["dte-signed"].name]
    secrets = "read"
  }
}
