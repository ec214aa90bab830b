// Package gcp opens what every function stands on (buckets, Secret Manager, Pub/Sub, who may call) and
// serves the function over it. A main names its function's own parts and leaves the rest to Main:
//
//	func main() { gcp.Main(build) }
//
//	func build(cfg send.Config, c *gcp.Cloud) (gcp.Function, error) { return send.New(cfg, send.Deps{…}) }
//
// Commands that serve nothing, as a repair, take Open alone. The packages below it are the only ones
// that import a cloud SDK.
package gcp
