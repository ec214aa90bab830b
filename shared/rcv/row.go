package rcv

import (
	"fmt"
	"strconv"
	"time"

	"timbre/shared/rut"
)

// Book is a part of the register: those of purchases are named by their estadoContab (WEBSERVICES §10.2).
type Book string

// The books.
const (
	Registro  Book = "REGISTRO"
	Pendiente Book = "PENDIENTE" // not accepted yet, and less than 8 days old
	NoIncluir Book = "NO_INCLUIR"
	Reclamado Book = "RECLAMADO"
	Ventas    Book = "VENTA"
)

// Purchases are the books of purchases.
var Purchases = []Book{Registro, Pendiente, NoIncluir, Reclamado}

// Valid tells whether b is one of the books.
func (b Book) Valid() bool {
	switch b {
	case Registro, Pendiente, NoIncluir, Reclamado, Ventas:
		return true
	}
	return false
}

// Key names a document: who issued it, of which type (also types that are on paper only), which folio.
type Key struct {
	Issuer rut.RUT `json:"issuer"`
	Type   int     `json:"type"`
	Folio  int64   `json:"folio"`
}

// String is issuer/type/folio.
func (k Key) String() string { return fmt.Sprintf("%s/%d/%d", k.Issuer, k.Type, k.Folio) }

// Row is one document of a book. In Ventas the Key's Issuer is the customer.
type Row struct {
	Key
	Name string `json:"name"` // Razon Social
	Date string `json:"date"` // AAAA-MM-DD
	// Received is when the SII got it; with Receipt and Claimed AAAA-MM-DDThh:mm:ss of Chile, "" if there is none.
	Received string `json:"received,omitempty"`
	Receipt  string `json:"receipt,omitempty"`
	Claimed  string `json:"claimed,omitempty"`
	Exempt   int64  `json:"exempt"`
	Net      int64  `json:"net"`
	VAT      int64  `json:"vat"` // recoverable
	Total    int64  `json:"total"`
}

// Period is a month of the register.
type Period struct{ Year, Month int }

// ParsePeriod reads AAAA-MM.
func ParsePeriod(s string) (Period, error) {
	if len(s) == 7 && s[4] == '-' {
		year, err := strconv.ParseUint(s[:4], 10, 16)
		month, err2 := strconv.ParseUint(s[5:], 10, 8)
		if err == nil && err2 == nil && year >= 2017 && month >= 1 && month <= 12 {
			return Period{int(year), int(month)}, nil
		}
	}
	return Period{}, fmt.Errorf("rcv: no period: %.20q", s)
}

// String is AAAA-MM.
func (p Period) String() string { return fmt.Sprintf("%04d-%02d", p.Year, p.Month) }

// MarshalText writes AAAA-MM.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads AAAA-MM.
func (p *Period) UnmarshalText(text []byte) error {
	var err error
	*p, err = ParsePeriod(string(text))
	return err
}

// Compact is AAAAMM, as the SII writes it.
func (p Period) Compact() string { return fmt.Sprintf("%04d%02d", p.Year, p.Month) }

// Previous is the month before.
func (p Period) Previous() Period {
	if p.Month == 1 {
		return Period{p.Year - 1, 12}
	}
	return Period{p.Year, p.Month - 1}
}

// Next is the month after.
func (p Period) Next() Period {
	if p.Month == 12 {
		return Period{p.Year + 1, 1}
	}
	return Period{p.Year, p.Month + 1}
}

// Holds tells whether a day, AAAA-MM-DD, is of the month.
func (p Period) Holds(day string) bool { return len(day) == len("2006-01-02") && day[:7] == p.String() }

// PeriodOf is the month of a time.
func PeriodOf(t time.Time) Period { return Period{t.Year(), int(t.Month())} }
