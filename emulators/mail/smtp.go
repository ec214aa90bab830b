package mail

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"timbre/emulators/mail/depot"
)

// incoming is one SMTP connection.
type incoming struct {
	srv  *Server
	conn *smtp.Conn
	from string
	to   []*depot.Account
}

func (s *Server) receive(c *smtp.Conn) (smtp.Session, error) { return &incoming{srv: s, conn: c}, nil }

// Reset implements smtp.Session.
func (in *incoming) Reset() { in.from, in.to = "", nil }

// Logout implements smtp.Session.
func (in *incoming) Logout() error { return nil }

// AuthMechanisms implements smtp.AuthSession. Nobody has to log in, as at any server that takes mail for
// its own mailboxes.
func (in *incoming) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (in *incoming) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if _, ok := in.srv.depot.Login(user, password); !ok {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (in *incoming) Mail(from string, _ *smtp.MailOptions) error {
	in.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (in *incoming) Rcpt(to string, _ *smtp.RcptOptions) error {
	a, err := in.srv.depot.Account(to)
	if err != nil && in.srv.opts.CatchAll != "" {
		a, err = in.srv.depot.Account(in.srv.opts.CatchAll)
	}
	if err != nil {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox here"}
	}
	in.to = append(in.to, a)
	return nil
}

// Data implements smtp.Session: when it returns nil the mail is on disk.
func (in *incoming) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	what := in.srv.faults.next()
	if what.refuse != 0 {
		return refusal(what.refuse, "refused as told")
	}
	for _, a := range in.to {
		if err := in.deliver(a, raw, what); err != nil {
			return refusal(451, "not stored")
		}
	}
	if what.up {
		return errors.Join(refusal(421, "hung up as told"), in.conn.Conn().Close())
	}
	return nil
}

func refusal(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 3, 0}, Message: text}
}

func (in *incoming) deliver(a *depot.Account, raw []byte, what fate) error {
	if what.drop {
		return nil
	}
	inbox, err := a.Folder(depot.Inbox)
	if err != nil {
		return err
	}
	raw = append(in.trace(a), raw...)
	copies := 1
	if what.twice {
		copies = 2
	}
	for range copies {
		if what.delay > 0 {
			err = errors.Join(err, in.srv.depot.DeliverLate(a, raw, what.delay))
			continue
		}
		_, failed := inbox.Deliver(raw, time.Now())
		err = errors.Join(err, failed)
	}
	return err
}

// trace are the lines that a server puts on top of a mail (RFC 5321 §4.4).
func (in *incoming) trace(a *depot.Account) []byte {
	host, _, _ := strings.Cut(in.conn.Conn().RemoteAddr().String(), ":")
	return fmt.Appendf(nil, "Return-Path: <%s>\r\nDelivered-To: %s\r\nReceived: from %s ([%s])\r\n by mail.emulator for <%s>;\r\n %s\r\n",
		in.from, a.Address, in.conn.Hostname(), host, a.Address, time.Now().Format(time.RFC1123Z))
}
