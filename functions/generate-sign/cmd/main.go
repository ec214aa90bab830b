// Command generate-sign serves the function generate-sign.
package main

import (
	generatesign "timbre/functions/generate-sign"
	"timbre/shared/gcp"
)

func main() { gcp.Main(build) }

func build(cfg generatesign.Config, c *gcp.Cloud) (gcp.Function, error) {
	return generatesign.New(cfg, generatesign.Deps{
		State: c.State, Archive: c.Archive, Companies: c.Companies, Vault: c.Vault,
		Events: c.Events, Guard: c.Guard, Logger: c.Logger, Now: c.Now,
	})
}
