package onboard

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"timbre/shared/company"
	"timbre/shared/mailbox"
)

// mailTimeout is for each step of a conversation with a mail server.
const mailTimeout = 10 * time.Second

// checkMailboxes looks whether the mailbox of the exchange lets us in and the mail server answers.
func (s *service) checkMailboxes(ctx context.Context, p *patient) []checkAnswer {
	if p.Intercambio == nil {
		return []checkAnswer{{Check: "casilla de intercambio", Status: skip, Detail: "No hay casilla configurada."}}
	}
	return []checkAnswer{
		s.checkIMAP(ctx, p),
		s.checkSMTP(ctx, p),
	}
}

func (s *service) checkIMAP(ctx context.Context, p *patient) checkAnswer {
	found := checkAnswer{Check: "casilla (IMAP)"}
	if missing, skipped := withoutAccount(found, p.Intercambio.IMAP, p.IMAPPassword, "imap_password"); skipped {
		return missing
	}
	m := p.Intercambio.IMAP
	password, err := s.vault.Password(ctx, *p.IMAPPassword)
	if err == nil {
		server := mailbox.Server{Host: m.Host, Port: m.Port, Security: mailbox.Security(m.Security), User: m.User, Password: mailbox.Secret(password)}
		_, err = s.doctor.mail.Latest(ctx, mailbox.Account{Server: server, Folder: m.Folder})
	}
	return s.mailOutcome(ctx, p, found, m, err)
}

// checkSMTP only connects: without a mail to send there is no more to try.
func (s *service) checkSMTP(ctx context.Context, p *patient) checkAnswer {
	found := checkAnswer{Check: "envío de correo (SMTP)"}
	if missing, skipped := withoutAccount(found, p.Intercambio.SMTP, p.SMTPPassword, "smtp_password"); skipped {
		return missing
	}
	m := p.Intercambio.SMTP
	connection, err := s.doctor.dial(ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(m.Port)))
	if err == nil {
		err = connection.Close()
	}
	return s.mailOutcome(ctx, p, found, m, err)
}

func withoutAccount(found checkAnswer, m *company.Mailbox, password *company.Secret, field string) (checkAnswer, bool) {
	switch {
	case m == nil:
		found.Status, found.Detail = skip, "No está configurado."
	case password == nil:
		found.Status, found.Detail, found.Cure = fail, "Falta la clave.", "Envíela en "+field+" (PUT …/secrets)."
	default:
		return found, false
	}
	return found, true
}

func (s *service) mailOutcome(ctx context.Context, p *patient, found checkAnswer, m *company.Mailbox, err error) checkAnswer {
	var fault *mailbox.Fault
	switch {
	case err == nil && m.Security == string(mailbox.Plain):
		found.Status, found.Detail, found.Cure = warn, "Responde, pero la clave viaja sin cifrar.", "Use security tls o starttls."
	case err == nil:
		found.Status, found.Detail = pass, "Responde."
	case errors.As(err, &fault):
		found.Status, found.Detail, found.Cure = fail, fault.Code()+".", fault.Advice()
	default:
		found.Status, found.Detail, found.Cure = fail, mailbox.ErrUnreachable.Code()+".", mailbox.ErrUnreachable.Advice()
	}
	if err != nil {
		s.log.WarnContext(ctx, "doctor: mail server", "rut_emisor", p.RUT, "check", found.Check, "error", err)
	}
	return found
}
