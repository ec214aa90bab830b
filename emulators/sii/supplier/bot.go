package supplier

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/resultmail"
)

// Bot is a company that mails its documents.
type Bot struct {
	company authority.Company
	all     []authority.Company
	signer  signer
	caf     caf
}

// Order says what to write to whom.
type Order struct {
	Receiver string    // RUT of the customer, a company of the world
	To       string    // its exchange address
	From     string    // the supplier's own, to which answers go; DefaultFrom if empty
	Folio    int       // of the first document; a letter uses up to Used
	At       time.Time // of signatures and mails, Chilean
}

// DefaultFrom is the address of a supplier that names none.
const DefaultFrom = "envios@proveedor.example"

// Letter is what one oddity puts into the mailbox.
type Letter struct {
	Oddity    string
	To, From  string
	Mails     [][]byte
	Documents []Document // those of the customer, each once
	Envelopes []Envelope // those that an answer may be about, as they were signed
}

// Envelope is what an answer must repeat of an envelope, and which answers are right.
type Envelope struct {
	ID        string // of SetDTE
	Digest    string // DigestValue of its signature
	Receiver  string // of the carátula
	Customer  string // who answers
	Documents []Document
	Want      []int // EstadoRecepEnv of each answer, in order
}

// ErrFolios means that the company's CAF does not reach so far.
var ErrFolios = errors.New("no folios left in the CAF")

// Used is the most folios that one letter uses up.
const Used = 3

// ErrUnknown means that the world has no such company.
var ErrUnknown = errors.New("no such company in the world")

// New is the company with an id in a world of package authority.
func New(world, id string) (*Bot, error) {
	data, err := os.ReadFile(filepath.Join(world, "companies.json"))
	if err != nil {
		return nil, fmt.Errorf("new supplier: %w", err)
	}
	b := &Bot{}
	if err := json.Unmarshal(data, &b.all); err != nil {
		return nil, fmt.Errorf("new supplier: %w", err)
	}
	for _, c := range b.all {
		if c.ID == id {
			b.company = c
		}
	}
	if b.company.ID == "" {
		return nil, fmt.Errorf("new supplier %s: %w", id, ErrUnknown)
	}
	if b.signer, err = loadSigner(filepath.Join(world, "certs", id), b.company.Signer.RUT); err != nil {
		return nil, fmt.Errorf("new supplier: %w", err)
	}
	if b.caf, err = loadCAF(world, id, 33); err != nil {
		return nil, fmt.Errorf("new supplier: %w", err)
	}
	return b, nil
}

// Letter writes what an oddity puts into the mailbox.
func (b *Bot) Letter(odd Oddity, o Order) (Letter, error) {
	w := &writer{bot: b, order: o}
	for _, c := range b.all {
		switch {
		case c.RUT == o.Receiver:
			w.customer = c
		case c.RUT != b.company.RUT:
			w.stranger = c
		}
	}
	if w.customer.ID == "" || w.stranger.ID == "" {
		return Letter{}, fmt.Errorf("letter %s: %w: %s, or one besides", odd.Name, ErrUnknown, o.Receiver)
	}
	if o.Folio < 1 || o.Folio+Used-1 > b.caf.last {
		return Letter{}, fmt.Errorf("letter %s: %w: folio %d of %d", odd.Name, ErrFolios, o.Folio, b.caf.last)
	}
	odd.write(w)
	if w.err != nil {
		return Letter{}, fmt.Errorf("letter %s: %w", odd.Name, w.err)
	}
	return Letter{Oddity: odd.Name, To: o.To, From: w.from(), Mails: w.mails, Documents: w.documents, Envelopes: w.expect(odd.Want.Answers)}, nil
}

// Send hands a letter's mails to a mail server, by plain SMTP.
func (b *Bot) Send(smtp string, l Letter) error {
	for i, mail := range l.Mails {
		if err := resultmail.Send(smtp, l.To, mail); err != nil {
			return fmt.Errorf("send mail %d: %w", i+1, err)
		}
	}
	return nil
}
