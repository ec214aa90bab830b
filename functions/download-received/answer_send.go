package downloadreceived

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/exchange"
	"timbre/shared/exchange/answer"
	"timbre/shared/outmail"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// letter is a mail to a supplier, before it is written.
type letter struct {
	company   store.Company
	id        store.LetterID
	kind      outmail.Kind
	about     string
	to        string
	supplier  rut.RUT
	inReplyTo string
	subject   string
	text      string
	file      string // what the attachment is
}

// pen is what an answer is signed with.
type pen struct {
	head     answer.Head
	identity *cert.Identity
	at       time.Time
}

// send writes an answer, signed in the company's name, and puts it into the outbox. One that was written before is
// not written again.
func (s *service) send(ctx context.Context, l letter, write func(*pen) ([]byte, error)) (*outmail.Record, error) {
	if s.mailing.outbox == nil {
		return nil, outmail.ErrNoServer
	}
	_, err := s.mailing.outbox.Get(ctx, l.company, l.id)
	if err == nil { // Put has it looked at again, and writes nothing
		return s.mailing.outbox.Put(ctx, l.company, outmail.Letter{ID: l.id})
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	c, err := s.Companies.Load(ctx, l.company.RUT)
	if err != nil {
		return nil, err
	}
	if err := s.mailing.outbox.CanSend(ctx, c.RUT); err != nil {
		return nil, err
	}
	identity, err := s.identity(ctx, c, l.company.Env)
	if err != nil {
		return nil, err
	}
	number, err := s.number(ctx, l.company, l.id)
	if err != nil {
		return nil, err
	}
	xml, err := write(&pen{identity: identity, at: s.wallClock(), head: answer.Head{
		From: c.RUT, To: l.supplier, ID: number, Contact: answer.Contact{Name: c.RznSoc, Mail: c.Intercambio.Email},
	}})
	if err != nil {
		return nil, fmt.Errorf("write answer %s: %w", l.id, err)
	}
	return s.mailing.outbox.Put(ctx, l.company, outmail.Letter{
		ID: l.id, Kind: l.kind, About: l.about, Mail: mailLetter(&l, c, fileName(l.file, c.RUT, number), xml),
	})
}

// checker judges what comes for a company.
func (s *service) checker(c store.Company) *exchange.Checker {
	return &exchange.Checker{Company: c.RUT, Environment: caf.Environment(c.Env), Keys: s.SIIKeys, Zone: s.chile}
}
