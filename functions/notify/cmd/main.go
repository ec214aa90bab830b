// Command notify serves the function notify.
package main

import (
	"timbre/functions/notify"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/gcp"
	"timbre/shared/gcp/secret"
)

var (
	_ notify.Companies = (*company.Directory)(nil)
	_ notify.Secrets   = (*secret.Manager)(nil)
)

func main() { gcp.Main(build) }

func build(cfg notify.Config, c *gcp.Cloud) (gcp.Function, error) {
	return notify.New(cfg, notify.Deps{
		State: c.State, Companies: c.Companies, Secrets: c.Secrets,
		Dial:  dial.New(dial.Options{AllowPrivate: cfg.AllowPrivateHosts}).DialContext,
		Guard: c.Guard, Logger: c.Logger, Now: c.Now,
	})
}
