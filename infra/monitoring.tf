# What is watched. Each alert carries its runbook as its text; docs/runbooks/ holds one for each.

locals {
  # Lines of the functions' logs that count. The texts are the product's own (infra/check compares them).
  logged = {
    no-verdict = {
      about  = "Documents that the SII has not decided about for a day"
      filter = "jsonPayload.message=\"no verdict of the SII\""
    }
    sii-unreachable = {
      about  = "Calls that the SII did not answer"
      filter = "jsonPayload.message=(\"SII not reachable\" OR \"no answer of the SII\")"
    }
    sending-blocked = {
      about  = "Companies for which nothing is sent until a person mends something"
      filter = "jsonPayload.message=(\"chain blocked\" OR \"envelope cannot be sent\" OR \"certificate refused by the SII\")"
    }
    unsent = {
      about  = "Documents that wait for more than five minutes to be sent"
      filter = "jsonPayload.message=\"documents wait to be sent\""
    }
    webhook-given-up = {
      about  = "Events that a webhook did not take in three days"
      filter = "jsonPayload.message=(\"webhook given up\" OR \"mail given up\")"
    }
    folio-lost = {
      about  = "Folios whose CAF expired before their document was signed"
      filter = "jsonPayload.message=\"CAF expired before the document was signed\""
    }
    broken = {
      about  = "What must not happen: panics, messages given up, verdicts that do not fit, ID tokens without signature"
      filter = "jsonPayload.message=(\"panic in handler\" OR \"message given up\" OR \"verdict does not fit the document's state\" OR \"function stopped\")"
    }
  }

  # Lines of the logs whose fields are measured: what stands in the field value, by the fields of labels.
  measured = {
    sii-latency = {
      about  = "How long the SII takes to answer, by its service and by how it ended (ms)"
      filter = "jsonPayload.message=\"SII called\""
      value  = "latency_ms"
      labels = ["service", "outcome"]
    }
    document-age = {
      about  = "How old documents are when they come to a status (s)"
      filter = "jsonPayload.message=\"document changed\""
      value  = "age_seconds"
      labels = ["status", "environment"]
    }
    folio-days = {
      about  = "For how many days the folios of a type last at the present pace"
      filter = "jsonPayload.message=\"folios left\""
      value  = "days_left"
      labels = ["rut_emisor", "tipo_dte"]
    }
    certificate-days = {
      about  = "For how many days a company's certificates last"
      filter = "jsonPayload.message=\"certificate left\""
      value  = "days_left"
      labels = ["rut_emisor"]
    }
  }

  on_services = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^${var.prefix}-\""
  run         = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = starts_with(\"${var.prefix}-\")"
  subscribed  = "resource.type = \"pubsub_subscription\""

  # A condition: the filter's series, aligned by align over period seconds and reduced by reduce, stay
  # above the threshold for duration seconds. over is the denominator of a ratio.
  alerts = {
    dead-letters = {
      about     = "Messages among the dead letters"
      filter    = "${local.subscribed} AND resource.labels.subscription_id = ends_with(\"-dead\") AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      align     = "ALIGN_MAX"
      reduce    = "REDUCE_MAX"
      by        = ["resource.label.subscription_id"]
      period    = 300
      duration  = 0
      threshold = 0
      over      = null
    }
    queue-age = {
      about     = "A message waits for more than 15 minutes"
      filter    = "${local.subscribed} AND resource.labels.subscription_id = one_of(${join(", ", [for name in keys(local.pushes) : "\"${name}\""])}) AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      align     = "ALIGN_MAX"
      reduce    = "REDUCE_MAX"
      by        = ["resource.label.subscription_id"]
      period    = 300
      duration  = 300
      threshold = 900
      over      = null
    }
    company-alerts = {
      about     = "Folios low, CAF or certificate expiring: a company has been told"
      filter    = "resource.type = \"pubsub_topic\" AND resource.labels.topic_id = \"company-alert\" AND metric.type = \"pubsub.googleapis.com/topic/send_request_count\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = []
      period    = 3600
      duration  = 0
      threshold = 0
      over      = null
    }
    no-verdict = {
      about     = "The SII has not decided about documents for a day"
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/no-verdict\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = []
      period    = 3600
      duration  = 0
      threshold = 0
      over      = null
    }
    sii-unreachable = {
      about     = "The SII does not answer"
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/sii-unreachable\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = []
      period    = 600
      duration  = 600
      threshold = 5
      over      = null
    }
    sending-blocked = {
      about     = "Nothing is sent for a company until a person mends something"
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/sending-blocked\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = []
      period    = 600
      duration  = 0
      threshold = 0
      over      = null
    }
    unsent = {
      about     = "Documents have waited for more than five minutes to be sent, for a quarter of an hour"
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/unsent\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = []
      period    = 300
      duration  = 900
      threshold = 0
      over      = null
    }
    webhook-given-up = {
      about     = "An event was not taken by a webhook in three days"
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/webhook-given-up\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = []
      period    = 3600
      duration  = 0
      threshold = 0
      over      = null
    }
    folio-lost = {
      about     = "A folio was lost with its CAF"
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/folio-lost\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = []
      period    = 3600
      duration  = 0
      threshold = 0
      over      = null
    }
    broken = {
      about     = "Something happened that must not"
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/broken\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = ["resource.label.service_name"]
      period    = 600
      duration  = 0
      threshold = 0
      over      = null
    }
    ticks-failing = {
      about     = "The ticks of a function fail"
      filter    = "resource.type = \"cloud_scheduler_job\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/ticks-failing\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = ["resource.label.job_id"]
      period    = 600
      duration  = 600
      threshold = 3
      over      = null
    }
    error-rate = {
      about     = "More than 1 % of a function's answers are 5xx"
      filter    = "${local.run} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      align     = "ALIGN_DELTA"
      reduce    = "REDUCE_SUM"
      by        = ["resource.label.service_name"]
      period    = 300
      duration  = 600
      threshold = 0.01
      over      = "${local.run} AND metric.type = \"run.googleapis.com/request_count\""
    }
    slow = {
      about     = "95 of 100 requests for documents take more than two seconds, not all less"
      filter    = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.prefix}-generate-sign\" AND metric.type = \"run.googleapis.com/request_latencies\""
      align     = "ALIGN_PERCENTILE_95"
      reduce    = "REDUCE_MAX"
      by        = []
      period    = 300
      duration  = 900
      threshold = 2000
      over      = null
    }
  }

  channels = concat(var.notification_channels, google_monitoring_notification_channel.email[*].id)
}

resource "google_logging_metric" "logged" {
  for_each = local.logged

  project     = var.project
  name        = "${var.prefix}/${each.key}"
  description = each.value.about
  filter      = "${local.on_services} AND ${each.value.filter}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "measured" {
  for_each = local.measured

  project          = var.project
  name             = "${var.prefix}/${each.key}"
  description      = each.value.about
  filter           = "${local.on_services} AND ${each.value.filter}"
  value_extractor  = "EXTRACT(jsonPayload.${each.value.value})"
  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"

    dynamic "labels" {
      for_each = toset(each.value.labels)
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 64
      growth_factor      = 1.4142
      scale              = 1
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "ticks_failing" {
  project     = var.project
  name        = "${var.prefix}/ticks-failing"
  description = "Ticks that Scheduler could not have done"
  filter      = "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=~\"^${var.prefix}-\" AND severity>=ERROR"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == null ? 0 : 1

  project      = var.project
  display_name = "Timbre"
  type         = "email"
  labels       = { email_address = var.alert_email }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts

  project               = var.project
  display_name          = "Timbre: ${each.key}"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = each.value.about

    condition_threshold {
      filter             = each.value.filter
      denominator_filter = each.value.over
      comparison         = "COMPARISON_GT"
      threshold_value    = each.value.threshold
      duration           = "${each.value.duration}s"

      aggregations {
        alignment_period     = "${each.value.period}s"
        per_series_aligner   = each.value.align
        cross_series_reducer = each.value.reduce
        group_by_fields      = each.value.by
      }

      dynamic "denominator_aggregations" {
        for_each = each.value.over == null ? [] : [each.value.over]
        content {
          alignment_period     = "${each.value.period}s"
          per_series_aligner   = each.value.align
          cross_series_reducer = each.value.reduce
          group_by_fields      = each.value.by
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${path.module}/../docs/runbooks/${each.key}.md")
  }

  # A metric that was just made is not known at once to Cloud Monitoring: a first apply may have to be repeated.
  depends_on = [google_logging_metric.logged, google_logging_metric.ticks_failing]
}

locals {
  charts = [
    { title = "Requests by function", filter = "${local.run} AND metric.type = \"run.googleapis.com/request_count\"", align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Answers 5xx", filter = "${local.run} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\"", align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Time of an answer, 95 of 100 (ms)", filter = "${local.run} AND metric.type = \"run.googleapis.com/request_latencies\"", align = "ALIGN_PERCENTILE_95", reduce = "REDUCE_MAX", by = ["resource.label.service_name"] },
    { title = "Instances", filter = "${local.run} AND metric.type = \"run.googleapis.com/container/instance_count\"", align = "ALIGN_MAX", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Oldest message that waits (s)", filter = "${local.subscribed} AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"", align = "ALIGN_MAX", reduce = "REDUCE_MAX", by = ["resource.label.subscription_id"] },
    { title = "Messages that wait, dead letters among them", filter = "${local.subscribed} AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\"", align = "ALIGN_MAX", reduce = "REDUCE_MAX", by = ["resource.label.subscription_id"] },
    { title = "The SII does not answer", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/sii-unreachable\"", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Time of the SII's answers, 95 of 100 (ms)", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/sii-latency\"", align = "ALIGN_PERCENTILE_95", reduce = "REDUCE_MAX", by = ["metric.label.service"] },
    { title = "Age of documents at a status, 95 of 100 (s)", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/document-age\"", align = "ALIGN_PERCENTILE_95", reduce = "REDUCE_MAX", by = ["metric.label.status"] },
    { title = "Days that folios last, the fewest", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/folio-days\"", align = "ALIGN_PERCENTILE_05", reduce = "REDUCE_MIN", by = ["metric.label.tipo_dte"] },
    { title = "Days that certificates last, the fewest", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/certificate-days\"", align = "ALIGN_PERCENTILE_05", reduce = "REDUCE_MIN", by = [] },
    { title = "Documents without verdict", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/no-verdict\"", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Companies that are blocked", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/sending-blocked\"", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Events given up", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/webhook-given-up\"", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "What must not happen", filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.prefix}/broken\"", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["resource.label.service_name"] },
  ]
}

resource "google_monitoring_dashboard" "timbre" {
  project = var.project
  dashboard_json = jsonencode({
    displayName = "Timbre"
    mosaicLayout = {
      columns = 12
      tiles = [for i, chart in local.charts : {
        xPos   = (i % 2) * 6
        yPos   = floor(i / 2) * 4
        width  = 6
        height = 4
        widget = {
          title = chart.title
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = chart.filter
                  aggregation = {
                    alignmentPeriod    = "300s"
                    perSeriesAligner   = chart.align
                    crossSeriesReducer = chart.reduce
                    groupByFields      = chart.by
                  }
                }
              }
            }]
          }
        }
      }]
    }
  })

  depends_on = [google_logging_metric.logged, google_logging_metric.measured]
}
