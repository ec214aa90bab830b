package downloadreceived

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/rcv"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// registerOf is the kind of due entries that have the SII's register read, by RUT.
const registerOf = "register"

// registerEvery is how often it is read.
const registerEvery = 24 * time.Hour

// Purchases reads a book of the SII's register; it is best effort (package sii).
type Purchases interface {
	Purchases(ctx context.Context, company rut.RUT, month rcv.Period, book rcv.Book) ([]rcv.Row, error)
}

// Sources of a book.
const (
	fromUpload = "upload"
	fromSII    = "sii"
)

// book is a book of the register as it was read last.
type book struct {
	Period rcv.Period  `json:"period"`
	Book   rcv.Book    `json:"book"`
	Source string      `json:"source"`
	At     time.Time   `json:"at"`
	Rows   []rcv.Row   `json:"rows"`
	Faults []rcv.Fault `json:"faults,omitempty"`
}

// keepBook puts a book in the place of the one that was read before.
func (s *service) keepBook(ctx context.Context, c store.Company, b book) error {
	name := store.RegisterBook(c, b.Period, b.Book)
	_, err := s.State.CreateJSON(ctx, name, b, nil)
	if errors.Is(err, store.ErrExists) {
		_, err = store.Update(ctx, s.State, name, func(known *book) error {
			if known.At.After(b.At) {
				return store.ErrUnchanged
			}
			*known = b
			return nil
		}, nil)
	}
	return err
}

// books are those that were read of some months.
func (s *service) books(ctx context.Context, c store.Company, months ...rcv.Period) ([]book, error) {
	var all []book
	for _, month := range months {
		for _, kind := range rcv.Purchases {
			var b book
			_, err := s.State.ReadJSON(ctx, store.RegisterBook(c, month, kind), &b)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			all = append(all, b)
		}
	}
	return all, nil
}

// compared is what a month's books and the stored XML say of each other.
type compared struct {
	month rcv.Period
	books []book // of the month
	rcv.Gaps
}

// whole tells whether the month's two books were read in which a document must be: without them nothing is missing
// for certain, and what they lack is not unknown.
func (c *compared) whole() bool { return c.has(rcv.Registro) && c.has(rcv.Pendiente) }

func (c *compared) has(kind rcv.Book) bool {
	return slices.ContainsFunc(c.books, func(b book) bool { return b.Book == kind })
}

// compare reconciles months. A document may stand in the register of the month after its date, or of the one before
// where its supplier antedated, so that the neighbours are looked at too.
func (s *service) compare(ctx context.Context, c store.Company, months ...rcv.Period) ([]compared, error) {
	around := map[rcv.Period]bool{}
	for _, m := range months {
		around[m], around[m.Previous()], around[m.Next()] = true, true, true
	}
	var wanted []rcv.Period
	for m := range around {
		wanted = append(wanted, m)
	}
	read, err := s.books(ctx, c, wanted...)
	if err != nil || len(read) == 0 {
		return empty(months), err
	}
	held, err := s.held(ctx, c)
	if err != nil {
		return nil, err
	}
	var entries []rcv.Entry
	for _, b := range read {
		for _, r := range b.Rows {
			entries = append(entries, rcv.Entry{Period: b.Period, Book: b.Book, Row: r})
		}
	}
	all := empty(months)
	for i := range all {
		m := &all[i]
		for _, b := range read {
			if b.Period == m.month {
				m.books = append(m.books, b)
			}
		}
		m.Gaps = rcv.Reconcile(entries, held, m.month, s.Now())
		if !m.whole() {
			m.Unknown = nil
		}
	}
	return all, nil
}

func empty(months []rcv.Period) []compared {
	all := make([]compared, len(months))
	for i, m := range months {
		all[i].month = m
	}
	return all
}

// held are all documents whose XML is stored, by a listing that reads none of them and so does not tell when they came.
func (s *service) held(ctx context.Context, c store.Company) ([]rcv.Held, error) {
	var all []rcv.Held
	prefix := store.ReceivedPrefix(c)
	for o, err := range s.State.List(ctx, store.Query{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		key, ok := keyOf(strings.TrimPrefix(o.Name, prefix))
		if !ok {
			continue
		}
		total, err := strconv.ParseInt(o.Meta["total"], 10, 64)
		if err != nil {
			total = -1 // no amount at all: it differs from any
		}
		all = append(all, rcv.Held{Key: key, Total: total, Date: o.Meta["date"]}) // when it came, its record tells
	}
	return all, nil
}

// keyOf reads a document out of the rest of its record's name.
func keyOf(rest string) (rcv.Key, bool) {
	parts := strings.Split(strings.TrimSuffix(rest, ".json"), "/")
	if len(parts) != 3 {
		return rcv.Key{}, false
	}
	issuer, err := rut.Parse(parts[0])
	kind, kindErr := strconv.Atoi(parts[1])
	folio, folioErr := strconv.ParseInt(parts[2], 10, 64)
	return rcv.Key{Issuer: issuer, Type: kind, Folio: folio}, err == nil && kindErr == nil && folioErr == nil
}

// recent are this month and the last, in Chile.
func (s *service) recent() []rcv.Period {
	now := rcv.PeriodOf(s.Now().In(s.chile))
	return []rcv.Period{now, now.Previous()}
}

// countMissing counts the XML that suppliers owe of this month and the last; nil while no book was read.
func (s *service) countMissing(ctx context.Context, c store.Company) (*int, error) {
	all, err := s.compare(ctx, c, s.recent()...)
	if err != nil {
		return nil, err
	}
	read, n := false, 0
	for _, m := range all {
		read = read || len(m.books) > 0
		n += len(m.Missing)
	}
	if !read {
		return nil, nil //nolint:nilnil // not known is an answer
	}
	return &n, nil
}

// registerDue reads the SII's register of a company: four books of this month and the last. A book that does not
// come leaves the one that was read before; the next day it is tried again.
func (s *service) registerDue(ctx context.Context, w work) error {
	r, err := rut.Parse(w.parts[0])
	if err != nil {
		return err
	}
	c, err := s.Companies.Load(ctx, r)
	if errors.Is(err, company.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.readRegister(ctx, store.Company{Env: c.Active, RUT: r}, c, s.recent()); err != nil {
		s.Logger.WarnContext(ctx, "register of purchases not read", "rut", r.String(), "error", err)
	}
	return nil
}

// readRegister reads the books of months from the SII.
func (s *service) readRegister(ctx context.Context, at store.Company, c *company.Company, months []rcv.Period) error {
	identity, err := s.identity(ctx, c, at.Env)
	if err != nil {
		return err
	}
	register := s.Register(at.Env, identity)
	for _, month := range months {
		for _, kind := range rcv.Purchases {
			rows, err := register.Purchases(ctx, at.RUT, month, kind)
			if err != nil {
				return fmt.Errorf("read %s of %s: %w", kind, month, err)
			}
			if err := s.keepBook(ctx, at, book{Period: month, Book: kind, Source: fromSII, At: s.Now().UTC(), Rows: rows}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Registers opens the SII's register in the name of a person.
type Registers func(store.Environment, *cert.Identity) Purchases

// details reads what only a document's record tells.
func (s *service) details(ctx context.Context, c store.Company, h rcv.Held) (received.Record, error) {
	return received.Load(ctx, s.State, heldID(c, h))
}
