// Package serve runs a function under the Functions Framework and adds what the framework lacks:
// request ids, one log line a request with Cloud Logging's keys, panics turned into logged 500s, limits
// of body and time, /health and /health/ready, a drain on SIGTERM, and the decoding of Pub/Sub pushes
// and scheduler ticks.
//
// A function's main calls Main with a function that reads the configuration, builds the adapters and
// ends in Run. Tests use New, the same handler without a port. Routes belong in a Mux, which answers
// unknown paths with problem documents.
//
// The framework (v1.9.2) takes no server options: its http.Server has no ReadHeaderTimeout. Bodies and
// answers have deadlines here, per read and per write; clients that send headers slowly are kept away
// by what stands in front, Cloud Run's front end or the local gateway.
package serve
