// Package check compares what is written beside the product with the product itself, by their sources
// alone: the infrastructure's HCL with the functions' routes, configuration, topics and log lines, and
// docs/openapi.yaml with routes and JSON types. It needs neither tofu nor a cloud, and has a module of
// its own, so that its parsers are none of the product's dependencies.
//
// Infra returns the faults of the infrastructure, each with the name of its rule; the tests plant faults
// and see that each is found.
package check
