// Command send serves the function send.
package main

import (
	"timbre/functions/send"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/gcp"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	_ send.Uploader   = (*sii.Session)(nil)
	_ send.Companies  = (*company.Directory)(nil)
	_ send.Identities = (*company.Vault)(nil)
)

func main() { gcp.Main(build) }

func build(cfg send.Config, c *gcp.Cloud) (gcp.Function, error) {
	client := c.SII(sii.Options{BaseURL: cfg.SIIBaseURL, DrainEvery: cfg.DrainEvery, TokenWait: cfg.TokenWait})
	return send.New(cfg, send.Deps{
		State: c.State, Archive: c.Archive, Companies: c.Companies, Identities: c.Vault,
		SII: func(env store.Environment, id *cert.Identity) send.Uploader { return client.As(env, sii.PersonOf(id)) },
		Boletas: func(env store.Environment, id *cert.Identity) send.Uploader {
			return client.AsBoletas(env, sii.PersonOf(id))
		},
		Events: c.Events, Guard: c.Guard, Logger: c.Logger, Now: c.Now,
	})
}
