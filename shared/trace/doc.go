// Package trace carries a request's trace through the product: as traceparent (W3C Trace Context, level 1) in
// HTTP headers and in the attributes of messages, and in the records by which ticks go on with work that no
// message announced. Logs carry its ids with the keys of Cloud Logging, which shows the lines of a trace
// together. It exports nothing: docs/adr/0005 says why.
package trace
