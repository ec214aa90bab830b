package sii

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/claims"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/rcv"
)

// Types that the books show. Boletas are reported as totals only, guías not at
// all; facturas de compra (46) would change sides and are left out.
var (
	purchaseTypes = []int{33, 34, 43, 56, 61}
	saleTypes     = []int{33, 34, 43, 56, 61, 110, 111, 112}
)

// ErrBook means that a book cannot be opened.
var ErrBook = errors.New("no such book")

var periodShape = regexp.MustCompile(`^20[0-9]{2}(0[1-9]|1[0-2])$`)

// Book lists the documents of a company's book in a period AAAAMM. A purchase
// belongs to the month in which it got its present state: pending ones to that of
// their reception, others to that of their acceptance or claim. A sale belongs to
// the month of its date.
func (s *Server) Book(environmentName, company, period string, book rcv.Book) ([]rcv.Row, error) {
	env, known := environment(environmentName)
	if !known || !periodShape.MatchString(period) || book != rcv.Sales && !slices.Contains(rcv.Purchases, book) {
		return nil, fmt.Errorf("%w: environment %q, period %q, book %q", ErrBook, environmentName, period, book)
	}
	return s.state.book(env, company, period, book), nil
}

func (s *state) book(env judge.Environment, company, period string, book rcv.Book) []rcv.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	s.advance(now)
	rows := []rcv.Row{}
	for _, d := range s.documents {
		if d.Environment != env.Name || !d.Accepted() {
			continue
		}
		row, month := purchaseOf(d, now)
		if book == rcv.Sales {
			row, month = saleOf(d, now)
		}
		if row.Book == book && month == period && company == partyOf(d, book) {
			rows = append(rows, row)
		}
	}
	return rows
}

// partyOf is whose book a document can stand in.
func partyOf(d *Document, book rcv.Book) string {
	switch {
	case book == rcv.Sales && slices.Contains(saleTypes, d.Type):
		return d.Issuer
	case book != rcv.Sales && slices.Contains(purchaseTypes, d.Type):
		return d.Receiver
	}
	return ""
}

func purchaseOf(d *Document, now time.Time) (rcv.Row, string) {
	standing := d.claims().Standing(now)
	row := d.row(standing)
	row.Book, row.RUT, row.Name, row.Transaction = rcv.Book(standing.State), d.Issuer, d.book.IssuerName, number(d.book.Purchase)
	if standing.State == claims.Registered && d.book.Purchase == "7" {
		row.Book = rcv.NotIncluded
	}
	return row, standing.Since.Format("200601")
}

func saleOf(d *Document, now time.Time) (rcv.Row, string) {
	row := d.row(d.claims().Standing(now))
	row.Book, row.RUT, row.Name, row.Transaction = rcv.Sales, d.Receiver, d.book.ReceiverName, number(d.book.Sale)
	return row, strings.ReplaceAll(d.Date, "-", "")[:6]
}

// row is what both sides of a document see.
func (d *Document) row(standing claims.Standing) rcv.Row {
	b := d.book
	r := rcv.Row{
		Type: d.Type, Folio: d.Folio, Date: d.Date, Received: d.ReceivedAt, By: standing.By, Exempt: b.Exempt, Net: b.Net, VAT: b.VAT,
		NotWithheld: b.NotWithheld, Total: b.Total, Reference: b.Reference, Folios: strings.Join(b.Folios, "-"),
	}
	for _, tax := range b.Taxes {
		r.Taxes = append(r.Taxes, rcv.Tax{Code: tax.Code, Amount: tax.Amount, Rate: tax.Rate})
	}
	switch standing.By {
	case "C":
		r.Receipt = standing.Since
	case "R":
		r.Claimed = standing.Since
	}
	return r
}

// downloadBook is a book as a browser saves it: UTF-8, or ISO-8859-1 as some did.
func (s *Server) downloadBook(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	book := rcv.Book(q.Get("book"))
	rows, err := s.Book(q.Get("environment"), q.Get("company"), q.Get("period"), book)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	text, charset := strings.Join(rcv.Lines(book, rows), "\n")+"\n", "UTF-8"
	if q.Get("encoding") == "latin1" {
		charset = "ISO-8859-1"
		if text, err = encoding.ReplaceUnsupported(charmap.ISO8859_1.NewEncoder()).String(text); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "text/csv; charset="+charset)
	w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(q.Get("company"), q.Get("period"), book)+`"`)
	_, _ = w.Write([]byte(text)) // an error means that the client is gone
}

// fileName is that of a download (nombreArchivo).
func fileName(company, period string, book rcv.Book) string {
	if book == rcv.Sales {
		return "RCV_VENTA_" + company + "_" + period + ".csv"
	}
	return "RCV_COMPRA_" + string(book) + "_" + company + "_" + period + ".csv"
}
