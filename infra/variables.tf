variable "project" {
  description = "Project of everything here. Topics have fixed names: one installation in a project."
  type        = string
}

variable "region" {
  description = "Region of services, buckets, scheduler and images; southamerica-west1 is Santiago."
  type        = string
  default     = "southamerica-west1"
}

variable "prefix" {
  description = "First part of the names of services and service accounts."
  type        = string
  default     = "timbre"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,12}$", var.prefix))
    error_message = "prefix must be 2 to 13 of a-z, 0-9 and -: a service account's name has at most 30 characters."
  }
}

variable "release" {
  description = "Tag or digest of the images, as v1.2.3 or sha256:…"
  type        = string
}

variable "images" {
  description = "Where the images are, one <function> each; null for the registry of this module."
  type        = string
  default     = null
}

variable "bootstrap_key_sha256" {
  description = "SHA-256, in hex, of the operator's key, which alone creates companies. The key itself is nowhere here."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.bootstrap_key_sha256))
    error_message = "bootstrap_key_sha256 is 64 hex digits: printf %s \"$KEY\" | sha256sum"
  }
}

variable "audience" {
  description = "The aud of every ID token, of people and of Pub/Sub and Scheduler; null for https://<prefix>.<project>."
  type        = string
  default     = null
}

variable "user_emails" {
  description = "People by Google ID token: ana@example.cl=76192083-9/issue,read;…"
  type        = string
  default     = ""
}

variable "archive_bucket" {
  description = "Name of the archive bucket; null for <project>-<prefix>-archive."
  type        = string
  default     = null
}

variable "state_bucket" {
  description = "Name of the state bucket; null for <project>-<prefix>-state."
  type        = string
  default     = null
}

variable "archive_locked" {
  description = "Lock the archive's retention of six years. It cannot be undone: the bucket then outlives the project's wishes."
  type        = bool
  default     = false
}

variable "kms_key" {
  description = "Key of Cloud KMS for both buckets, projects/…/cryptoKeys/…; null for Google's own keys."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to destroy services."
  type        = bool
  default     = true
}

variable "domain" {
  description = "Name of an HTTPS load balancer that serves every public path; null for none."
  type        = string
  default     = null
}

variable "alert_email" {
  description = "Who is told of alerts; null for nobody but notification_channels."
  type        = string
  default     = null
}

variable "notification_channels" {
  description = "Further channels of Cloud Monitoring, projects/…/notificationChannels/…"
  type        = list(string)
  default     = []
}

variable "max_instances" {
  description = "Most instances of a function, by its name."
  type        = map(number)
  default     = {}
}
