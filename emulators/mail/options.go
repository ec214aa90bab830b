package mail

import (
	"cmp"
	"fmt"
	"strings"

	"timbre/emulators/mail/depot"
)

// Options say where the server listens and whose mail it keeps. Dir is required.
type Options struct {
	Dir         string
	SMTPAddr    string // default 127.0.0.1:0, as the others
	IMAPAddr    string
	ControlAddr string
	Mailboxes   []Mailbox // exist from the start; those that Dir remembers stay
	CatchAll    string    // address of the mailbox for unknown recipients; empty: they are refused (550)
	TLS         TLS
	MaxBytes    int64 // of a mail; 25 MB
}

// Mailbox is an address and who may read it.
type Mailbox struct {
	Address  string `json:"address"`
	User     string `json:"user"` // the address if empty
	Password string `json:"password"`
}

func (m Mailbox) login() depot.Login {
	return depot.Login{User: cmp.Or(m.User, m.Address), Password: m.Password}
}

// TLS is how both servers encrypt.
type TLS string

// The ways. With STARTTLS and implicit TLS no password is taken in the clear.
const (
	TLSOff      TLS = "off"
	TLSStart    TLS = "starttls"
	TLSImplicit TLS = "implicit"
)

func (o Options) withDefaults() (Options, error) {
	o.SMTPAddr = cmp.Or(o.SMTPAddr, "127.0.0.1:0")
	o.IMAPAddr = cmp.Or(o.IMAPAddr, "127.0.0.1:0")
	o.ControlAddr = cmp.Or(o.ControlAddr, "127.0.0.1:0")
	o.TLS = cmp.Or(o.TLS, TLSOff)
	o.MaxBytes = cmp.Or(o.MaxBytes, 25<<20)
	if o.Dir == "" {
		return o, fmt.Errorf("mail: no directory")
	}
	if o.TLS != TLSOff && o.TLS != TLSStart && o.TLS != TLSImplicit {
		return o, fmt.Errorf("mail: TLS %q is none of off, starttls, implicit", o.TLS)
	}
	return o, nil
}

// ParseMailboxes reads a list such as "dte@a.cl:dte:secret,compras@b.cl::secret"; without a user the
// address is the user.
func ParseMailboxes(list string) ([]Mailbox, error) {
	var out []Mailbox
	for _, item := range strings.Split(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		fields := strings.SplitN(item, ":", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("mailbox %q: want address:user:password", fields[0])
		}
		out = append(out, Mailbox{Address: fields[0], User: fields[1], Password: fields[2]})
	}
	return out, nil
}
