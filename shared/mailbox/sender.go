package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Sender delivers mails. It keeps no state and may be used by several goroutines.
type Sender struct {
	dial    Dialer
	timeout time.Duration
}

// NewSender returns a Sender that connects through dial; timeout is for each step, 0 means 30 s.
func NewSender(dial Dialer, timeout time.Duration) *Sender {
	return &Sender{dial: dial, timeout: cmp.Or(timeout, defaultTimeout)}
}

// lastAnswer is how many times longer the answer to a whole mail may take (RFC 5321 §4.5.3.2.6: 10 minutes).
const lastAnswer = 10

var smtpPorts = ports{tls: 465, starttls: 587}

// Send delivers a raw mail from one address to others: to all of them, or it is an error.
// After ErrUnknown the mail may have been delivered; sent again, it carries the same Message-ID.
func (s *Sender) Send(ctx context.Context, server Server, from string, to []string, raw []byte) error {
	l, err := connect(ctx, s.dial, server, smtpPorts, s.timeout)
	if err != nil {
		return err
	}
	defer l.hangUp()
	d := &delivery{line: l, host: domainOf(from)}
	if err := d.greet(server); err != nil {
		return err
	}
	if err := d.login(server); err != nil {
		return err
	}
	if err := d.address(from, to); err != nil {
		return err
	}
	if err := d.content(raw); err != nil {
		return err
	}
	_ = d.step("quit", ErrUnreachable, d.smtp.Quit) // the mail is delivered, whatever comes now
	return nil
}

// delivery is one SMTP connection.
type delivery struct {
	*line
	smtp *smtp.Client
	host string
}

// domainOf is the domain of an address, with which a client says HELO.
func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return cmp.Or(domain, "localhost")
}

func (d *delivery) greet(s Server) error {
	fault := ErrUnreachable
	if s.security() == STARTTLS {
		fault = ErrTLS
	}
	return d.step("greet", fault, func() error {
		if s.security() == STARTTLS {
			client, err := smtp.NewClientStartTLS(d.talk, s.tlsConfig())
			if err != nil {
				return meaning(err, ErrTLS)
			}
			d.smtp = client
		} else {
			d.smtp = smtp.NewClient(d.talk)
		}
		d.smtp.CommandTimeout, d.smtp.SubmissionTimeout = d.timeout, lastAnswer*d.timeout
		return meaning(d.smtp.Hello(d.host), ErrRefused)
	})
}

func (d *delivery) login(s Server) error {
	if s.User == "" {
		return nil
	}
	var how sasl.Client
	switch {
	case d.smtp.SupportsAuth(sasl.Plain):
		how = sasl.NewPlainClient("", s.User, string(s.Password))
	case d.smtp.SupportsAuth(sasl.Login):
		how = &loginMechanism{answers: []string{s.User, string(s.Password)}}
	default:
		return fail("log in", ErrAuth, errors.New("the server offers neither PLAIN nor LOGIN"))
	}
	return d.step("log in", ErrUnreachable, func() error { return meaning(d.smtp.Auth(how), ErrAuth) })
}

// loginMechanism is LOGIN as its draft and all servers have it: no answer before the first question.
type loginMechanism struct{ answers []string }

// Start implements sasl.Client.
func (*loginMechanism) Start() (string, []byte, error) { return sasl.Login, nil, nil }

// Next implements sasl.Client.
func (m *loginMechanism) Next([]byte) ([]byte, error) {
	if len(m.answers) == 0 {
		return nil, errors.New("the server asks for more than user and password")
	}
	answer := m.answers[0]
	m.answers = m.answers[1:]
	return []byte(answer), nil
}

func (d *delivery) address(from string, to []string) error {
	if len(to) == 0 {
		return fail("name recipients", ErrSettings, errors.New("no recipient"))
	}
	return d.step("name recipients", ErrUnreachable, func() error {
		err := meaning(d.smtp.Mail(from, nil), ErrRefused)
		for _, address := range to {
			if err == nil {
				err = meaning(d.smtp.Rcpt(address, nil), ErrRefused)
			}
		}
		return err
	})
}

// chunk is how much is sent within one time limit.
const chunk = 64 << 10

func (d *delivery) content(raw []byte) error {
	var w io.WriteCloser
	err := d.step("send mail", ErrUnreachable, func() error {
		data, err := d.smtp.Data()
		w = data
		return meaning(err, ErrRefused)
	})
	for rest := raw; err == nil && len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
		err = d.step("send mail", ErrUnreachable, func() error {
			_, err := w.Write(rest[:min(chunk, len(rest))])
			return err
		})
	}
	if err != nil {
		return err
	}
	err = d.stepWithin(lastAnswer*d.timeout, "send mail", ErrUnreachable, func() error { return meaning(w.Close(), ErrRefused) })
	if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrLater) {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// meaning tells permanent answers, temporary ones and other errors apart.
func meaning(err error, permanent *Fault) error {
	var said *smtp.SMTPError
	if !errors.As(err, &said) {
		return err
	}
	if said.Temporary() {
		return fmt.Errorf("%w: %w", ErrLater, err)
	}
	return fmt.Errorf("%w: %w", permanent, err)
}
