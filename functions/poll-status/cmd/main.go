// Command poll-status serves the function poll-status.
package main

import (
	"time"

	pollstatus "timbre/functions/poll-status"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/gcp"
	"timbre/shared/mailbox"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	_ pollstatus.Inquirer   = (*sii.Session)(nil)
	_ pollstatus.Companies  = (*company.Directory)(nil)
	_ pollstatus.Identities = (*company.Vault)(nil)
	_ pollstatus.Passwords  = (*company.Vault)(nil)
	_ pollstatus.Mailboxes  = (*mailbox.Reader)(nil)
)

func main() { gcp.Main(build) }

func build(cfg pollstatus.Config, c *gcp.Cloud) (gcp.Function, error) {
	dialer := dial.New(dial.Options{AllowPrivate: cfg.AllowPrivateHosts})
	client := c.SII(sii.Options{BaseURL: cfg.SIIBaseURL, TokenWait: cfg.TokenWait})
	return pollstatus.New(cfg, pollstatus.Deps{
		State: c.State, Archive: c.Archive, Companies: c.Companies, Identities: c.Vault, Passwords: c.Vault,
		Mail: mailbox.NewReader(dialer.DialContext, mailbox.Options{Timeout: 10 * time.Second, Retries: -1}),
		SII: func(env store.Environment, id *cert.Identity) pollstatus.Inquirer {
			return client.As(env, sii.PersonOf(id))
		},
		Boletas: func(env store.Environment, id *cert.Identity) pollstatus.Inquirer {
			return client.AsBoletas(env, sii.PersonOf(id))
		},
		Events: c.Events, Guard: c.Guard, Logger: c.Logger, Now: c.Now,
	})
}
