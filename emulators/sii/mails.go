package sii

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"timbre/emulators/sii/faults"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/resultmail"
)

// States of a result mail.
const (
	mailWaiting = "waiting" // for its time, or for a server
	mailSent    = "sent"
	mailLost    = "lost"    // by fault
	mailRefused = "refused" // the server does not take it
)

// Mail is a result mail and what became of it.
type Mail struct {
	Environment string    `json:"environment"`
	TrackID     string    `json:"track_id"`
	Company     string    `json:"company"`
	To          string    `json:"to"`
	Subject     string    `json:"subject"`
	DueAt       time.Time `json:"due_at"`
	State       string    `json:"state"`
	Fault       string    `json:"fault,omitempty"`
	Copies      int       `json:"copies"` // to be sent
	Sent        int       `json:"sent"`

	number   int // place in the state's list
	envelope *Envelope
}

// afterVerdict is when a result mail leaves, at speed 1.
const afterVerdict = 5 * time.Second

// post writes the result mail of a judged envelope. Boletas get none (their
// service tells everything), nor does what was not looked at (106, VOF).
func (s *state) post(e *Envelope, at time.Time) {
	if e.Channel != channelDTE || e.State == "106" || e.State == "VOF" {
		return
	}
	m := &Mail{
		Environment: e.Environment, TrackID: e.TrackID, Company: e.Company, To: s.addressOf(e.env, e.Company), Subject: resultOf(e).Subject(),
		DueAt: at.Add(time.Duration(float64(afterVerdict) / e.speed)), State: mailWaiting, Copies: 1, number: len(s.mails), envelope: e,
	}
	rule, struck := s.faults.Draw(faults.Mail, "", e.Environment+"/"+e.TrackID)
	if struck {
		m.Fault = rule.Fault
	}
	switch {
	case !struck:
	case rule.Fault == faults.MailLost:
		m.State = mailLost
	case rule.Fault == faults.MailDoubled:
		m.Copies = 2
	case rule.Fault == faults.MailLate:
		m.DueAt = m.DueAt.Add(time.Duration(float64(rule.For) / e.speed))
	}
	s.mails = append(s.mails, m)
}

// addressOf is the company's "Mail Contacto SII".
func (s *state) addressOf(env judge.Environment, company string) string {
	if account := s.account(env.Name, company); account != nil && account.Mail != "" {
		return account.Mail
	}
	return "dte-" + strings.ToLower(company) + "@" + s.mailHost
}

// stateTexts are the documents' states as the mail writes them.
var stateTexts = map[string]string{
	"RCH": "RCH - DTE Rechazado", "RPR": "RPR - DTE Aceptado con Reparos", "RLV": "RLV - DTE Aceptado con Reparos Leves",
}

func resultOf(e *Envelope) resultmail.Result {
	r := resultmail.Result{
		Issuer: e.Company, Sender: e.Sender, Track: strings.TrimLeft(e.TrackID, "0"), Received: e.ReceivedAt, State: e.State + " - " + glosas[e.State],
	}
	if e.Fault != nil {
		r.Faults = []string{e.Fault.Detail()}
	}
	if len(e.faults) > 1 {
		r.Faults = append(r.Faults, e.faults[1:]...) // the first one is the finding
	}
	for _, t := range tallies(e.Documents) {
		r.Totals = append(r.Totals, resultmail.Total{Type: t.kind, Informed: t.informed, Rejected: t.rejected, Remarked: t.remarked, Accepted: t.accepted})
	}
	for _, d := range e.Documents {
		if d.State != "DOK" {
			r.Reviews = append(r.Reviews, resultmail.Review{Type: d.Type, Folio: d.Folio, State: stateTexts[d.State], Details: d.Details})
		}
	}
	return r
}

// mailAgain has the result of an envelope mailed once more (reenvioCorreo).
func (s *state) mailAgain(env judge.Environment, person, company, track string, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	e := s.envelope(env, channelDTE, track)
	switch {
	case s.rightsOf(env.Name, person, company) == nil:
		return "106"
	case e == nil || e.Company != company:
		return "105"
	case !e.Final || e.State == "106" || e.State == "VOF":
		return "114"
	}
	if err := s.record("mail again", now, again{env.Name, e.TrackID}); err != nil {
		return "103"
	}
	s.post(e, now)
	return "0"
}

// again and mailed are the journal's entries about mails.
type again struct {
	Environment string `json:"environment"`
	TrackID     string `json:"track_id"`
}

type mailed struct {
	Number int    `json:"number"`
	State  string `json:"state"`
	Sent   int    `json:"sent"`
}

func (s *state) repeat(raw json.RawMessage, at time.Time) error {
	var a again
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	env, _ := environment(a.Environment)
	if e := s.envelope(env, channelDTE, a.TrackID); e != nil && e.Final {
		s.post(e, at)
	}
	return nil
}

func (s *state) remember(raw json.RawMessage) error {
	var m mailed
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	if m.Number < len(s.mails) {
		s.mails[m.Number].State, s.mails[m.Number].Sent = m.State, m.Sent
	}
	return nil
}

// Mails lists every result mail, oldest first.
func (s *Server) Mails() []Mail {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.advance(s.state.clock.now())
	all := make([]Mail, len(s.state.mails))
	for i, m := range s.state.mails {
		all[i] = *m
		all[i].envelope = nil
	}
	return all
}

// nextMail is a mail whose time has come, written out.
func (s *state) nextMail() (Mail, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	s.advance(now)
	i := slices.IndexFunc(s.mails, func(m *Mail) bool { return m.State == mailWaiting && !m.DueAt.After(now) })
	if i < 0 {
		return Mail{}, nil, nil
	}
	m := *s.mails[i]
	message := resultmail.Message{
		To: m.To, ID: fmt.Sprintf("%s.%d.%d", m.TrackID, m.number, m.Sent), Date: now, Garbled: m.Fault == faults.MailMojibake, Result: resultOf(m.envelope),
	}
	data, err := message.Bytes()
	return m, data, err
}

// settle notes what became of one copy. A crash before it doubles the mail, as
// with any mail server.
func (s *state) settle(m Mail, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	mail := s.mails[m.number]
	switch {
	case err != nil:
		mail.State = mailRefused
	default:
		if mail.Sent++; mail.Sent == mail.Copies {
			mail.State = mailSent
		}
	}
	return s.record("mailed", s.clock.now(), mailed{Number: mail.number, State: mail.State, Sent: mail.Sent})
}

// mailRetry is how long a mail server that is away is left alone.
const mailRetry = time.Second

// deliver is the SII's mail system: it looks for mails that are due until the
// simulator stops.
func (s *Server) deliver() {
	rest := glance
	for s.pause(rest) {
		rest = glance
		for {
			more, err := s.deliverNext()
			if err != nil {
				s.log.Warn("mail", slog.Any("error", err))
				rest = mailRetry
			}
			if !more || err != nil {
				break
			}
		}
	}
}

// deliverNext sends one mail; false means that none is due.
func (s *Server) deliverNext() (bool, error) {
	m, data, err := s.state.nextMail()
	switch {
	case err != nil:
		return true, err
	case data == nil:
		return false, nil
	}
	err = resultmail.Send(s.options.SMTPAddr, m.To, data)
	if err != nil && !errors.Is(err, resultmail.ErrRefused) {
		return true, err
	}
	return true, errors.Join(err, s.state.settle(m, err))
}
