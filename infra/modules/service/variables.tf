variable "platform" {
  description = "What every function shares (../../main.tf)."
  type = object({
    project             = string
    region              = string
    prefix              = string
    images              = string
    tag                 = string
    state_bucket        = string
    archive_bucket      = string
    secrets             = object({ condition = string, create = string, keep = string, read = string })
    deletion_protection = bool
    max_instances       = map(number)
  })
}

variable "name" {
  description = "The function: its folder under functions/."
  type        = string
}

variable "ingress" {
  description = "Who reaches it, one of Cloud Run's INGRESS_TRAFFIC_…"
  type        = string
}

variable "concurrency" {
  description = "Requests of an instance at a time."
  type        = number
}

variable "max_instances" {
  description = "Most instances, unless platform.max_instances says otherwise."
  type        = number
}

variable "env" {
  description = "Its environment."
  type        = map(string)
}

variable "rights" {
  description = "Roles on the buckets, topics that it publishes on, and secrets: read or write."
  type = object({
    state   = list(string)
    archive = list(string)
    topics  = list(string)
    secrets = string
  })

  validation {
    condition     = contains(["read", "write"], var.rights.secrets)
    error_message = "rights.secrets is read or write."
  }
}
