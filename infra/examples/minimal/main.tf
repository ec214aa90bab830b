# The least that is needed: buckets, functions, queues and alerts, reached at the functions' own addresses.
terraform {
  required_version = ">= 1.8"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.0"
    }
  }
}

provider "google" {
  project = var.project
}

variable "project" {
  type = string
}

variable "release" {
  type = string
}

variable "bootstrap_key_sha256" {
  type = string
}

variable "alert_email" {
  type    = string
  default = null
}

module "timbre" {
  source = "../.."

  project              = var.project
  release              = var.release
  bootstrap_key_sha256 = var.bootstrap_key_sha256
  alert_email          = var.alert_email
}

output "addresses" {
  value = module.timbre.addresses
}

output "images" {
  value = module.timbre.images
}
