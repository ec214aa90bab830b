// Command onboard serves the function onboard.
package main

import (
	"timbre/functions/onboard"
	"timbre/shared/cert"
	"timbre/shared/dial"
	"timbre/shared/gcp"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var _ onboard.Inquirer = (*sii.Session)(nil)

func main() { gcp.Main(build) }

func build(cfg onboard.Config, c *gcp.Cloud) (gcp.Function, error) {
	client := c.SII(sii.Options{BaseURL: cfg.SIIBaseURL})
	return onboard.New(cfg, onboard.Deps{
		State: c.State, Archive: c.Archive, Secrets: c.Secrets, SIIKeys: c.SIIKeys, Keys: c.Keys,
		SII:     func(e store.Environment, id *cert.Identity) onboard.Inquirer { return client.As(e, sii.PersonOf(id)) },
		SIIDate: client.Date, Dial: dial.New(dial.Options{AllowPrivate: cfg.AllowPrivateHosts}).DialContext,
		Events: c.Events, Guard: c.Guard, Logger: c.Logger, Now: c.Now,
	})
}
