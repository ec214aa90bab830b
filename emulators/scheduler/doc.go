// Package scheduler is a stand-in for Cloud Scheduler on one machine: it posts
// to URLs at an interval, with the headers and the ID token that the product
// checks.
//
// A job that is still running when its time comes is not started again, and a
// failed one is not repeated before its next time: the ticks of the product are
// idempotent and find what no event announced. There are no cron expressions,
// no retries, no API, and nothing is kept between runs.
//
// Start with Start(Options{Config: config}); cmd is the same as a process.
//
// Headers follow "Create HTTP target cron jobs" and the HttpTarget message of
// the Cloud Scheduler v1 reference (cloud.google.com/scheduler/docs).
package scheduler
