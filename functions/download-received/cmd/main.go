// Command download-received serves the function download-received.
package main

import (
	"os"
	"runtime/debug"
	"time"

	downloadreceived "timbre/functions/download-received"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/gcp"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	_ downloadreceived.Inquirer   = (*sii.Session)(nil)
	_ downloadreceived.Registrar  = (*sii.Claims)(nil)
	_ downloadreceived.Companies  = (*company.Directory)(nil)
	_ downloadreceived.Identities = (*company.Vault)(nil)
	_ downloadreceived.Passwords  = (*company.Vault)(nil)
	_ downloadreceived.Mailboxes  = (*mailbox.Reader)(nil)
	_ downloadreceived.Purchases  = (*sii.Session)(nil)
	_ outmail.Sender              = (*mailbox.Sender)(nil)
)

// memory is what the collector stays below as long as it can, unless GOMEMLIMIT says otherwise: a mail of 20 MB is there
// several times while it is taken apart, and what one left is still there when the next comes.
const memory = 80 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory)
	}
	gcp.Main(build)
}

func build(cfg downloadreceived.Config, c *gcp.Cloud) (gcp.Function, error) {
	dialer := dial.New(dial.Options{AllowPrivate: cfg.AllowPrivateHosts})
	client := c.SII(sii.Options{
		BaseURL: cfg.SIIBaseURL, TokenWait: cfg.TokenWait, ClaimTokens: store.Environment(cfg.ClaimTokens),
	})
	var register downloadreceived.Registers
	if cfg.RCVConnector {
		register = func(env store.Environment, id *cert.Identity) downloadreceived.Purchases {
			return client.As(env, sii.PersonOf(id))
		}
	}
	return downloadreceived.New(cfg, downloadreceived.Deps{
		State: c.State, Archive: c.Archive, Companies: c.Companies, Identities: c.Vault, Passwords: c.Vault,
		Mail: mailbox.NewReader(dialer.DialContext, mailbox.Options{}),
		SII: func(env store.Environment, id *cert.Identity) downloadreceived.Inquirer {
			return client.As(env, sii.PersonOf(id))
		},
		Claims: func(env store.Environment, id *cert.Identity, chile *time.Location) downloadreceived.Registrar {
			return client.Claims(env, sii.PersonOf(id), chile)
		},
		Letters: mailbox.NewSender(dialer.DialContext, 0), Register: register,
		SIIKeys: c.SIIKeys, Events: c.Events, Guard: c.Guard, Logger: c.Logger, Now: c.Now,
	})
}
