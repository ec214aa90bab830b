# What a plan says, against the provider's real schema and no cloud: tofu test, or terraform test.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project              = "example"
  release              = "v1.0.0"
  bootstrap_key_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}

run "plain" {
  command = plan

  assert {
    condition     = tonumber(google_storage_bucket.archive.retention_policy[0].retention_period) == 2192 * 86400
    error_message = "the archive keeps documents for six years"
  }
  assert {
    condition     = length(google_storage_bucket.state.lifecycle_rule) == 0
    error_message = "no rule deletes claims or requests"
  }
  assert {
    condition     = google_storage_bucket.state.soft_delete_policy[0].retention_duration_seconds == 30 * 86400
    error_message = "what was deleted can be had back for thirty days"
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.push : s.dead_letter_policy[0].max_delivery_attempts == 100])
    error_message = "every push subscription buries what it cannot deliver"
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.push : s.push_config[0].oidc_token[0].audience == "https://timbre.example"])
    error_message = "every push carries a token for the functions' audience"
  }
  assert {
    condition     = length(google_cloud_scheduler_job.tick) == 5
    error_message = "every function is ticked"
  }
  assert {
    condition     = length(google_compute_global_forwarding_rule.public) == 0
    error_message = "without a domain there is no load balancer"
  }
}

run "balanced" {
  command = plan

  variables {
    domain = "dte.example.cl"
  }

  assert {
    condition     = length(google_compute_backend_service.function) == 4
    error_message = "the public functions stand behind the load balancer"
  }
  assert {
    condition     = output.public == "https://dte.example.cl"
    error_message = "the domain serves every public path"
  }
}

run "bad_key" {
  command = plan

  variables {
    bootstrap_key_sha256 = "not a hash"
  }

  expect_failures = [var.bootstrap_key_sha256]
}

run "own_key" {
  command = plan

  variables {
    kms_key = "projects/example/locations/southamerica-west1/keyRings/timbre/cryptoKeys/buckets"
  }

  assert {
    condition     = google_storage_bucket.archive.encryption[0].default_kms_key_name == var.kms_key
    error_message = "the archive is encrypted with the given key"
  }
}
