package rcv

import (
	"strconv"
	"time"
)

// Book is a part of the register with columns of its own.
type Book string

// The books: those of purchases are named by their estadoContab.
const (
	Registered  Book = "REGISTRO"
	Pending     Book = "PENDIENTE"
	NotIncluded Book = "NO_INCLUIR"
	Refused     Book = "RECLAMADO"
	Sales       Book = "VENTA"
)

// Purchases are the books of purchases.
var Purchases = []Book{Registered, Pending, NotIncluded, Refused}

// Tax is one of a document's other taxes (otros impuestos).
type Tax struct {
	Code   int
	Amount int64
	Rate   string
}

// Row is one document in a book. A moment that did not happen is zero.
type Row struct {
	Book        Book
	Type        int
	Transaction int    // TpoTranCompra or TpoTranVenta; 0: 1
	RUT         string // of the other party
	Name        string
	Folio       int
	Date        string // AAAA-MM-DD
	Received    time.Time
	Receipt     time.Time // Fecha Acuse
	Claimed     time.Time // Fecha Reclamo
	By          string    // detEventoReceptor: A, C, P, R; empty while pending
	Exempt      int64
	Net         int64
	VAT         int64
	NotWithheld int64
	Total       int64
	Taxes       []Tax
	Reference   string // type of the document referred to
	Folios      string // its folios, joined by "-"
}

// Names of the transactions, as the downloads write them (WEBSERVICES §10.3).
var (
	purchaseNames = []string{"Del Giro", "Supermercado", "Bienes Raíces", "Activo Fijo", "IVA Uso Común", "IVA no Recuperable", "No Corresp. Incluir"}
	saleNames     = []string{"Del Giro", "Activo Fijo", "Bienes Raíces"}
)

func (r Row) transaction() string {
	names := purchaseNames
	if r.Book == Sales {
		names = saleNames
	}
	if r.Transaction < 1 || r.Transaction > len(names) {
		return names[0]
	}
	return names[r.Transaction-1]
}

// IVA of a purchase goes to one of three columns, by its transaction.
const (
	fixedAsset   = 4
	commonUse    = 5
	unrecovered  = 6
	notIncluded  = 7
	otherReason  = 9 // Codigo IVA No Rec. "otros", as exported rows show it
	noCreditCode = 1 // "compras destinadas a operaciones no gravadas o exentas"
)

// recoverable, lost and common are the parts of the VAT of a purchase.
func (r Row) recoverable() int64 {
	if r.Transaction >= commonUse && r.Transaction <= notIncluded {
		return 0
	}
	return r.VAT
}

func (r Row) lost() int64 {
	if r.Transaction == unrecovered || r.Transaction == notIncluded {
		return r.VAT
	}
	return 0
}

func (r Row) common() int64 {
	if r.Transaction == commonUse {
		return r.VAT
	}
	return 0
}

// lostCode says why VAT is not recoverable; 0: it is.
func (r Row) lostCode() int {
	switch {
	case r.lost() == 0:
		return 0
	case r.Transaction == notIncluded:
		return otherReason
	}
	return noCreditCode
}

func (r Row) asset(amount int64) int64 {
	if r.Transaction == fixedAsset {
		return amount
	}
	return 0
}

// day turns AAAA-MM-DD into DD/MM/AAAA.
func day(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return t.Format("02/01/2006")
}

// stamp is how moments are written; a moment that did not happen is empty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("02/01/2006 15:04:05")
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// some is an amount that stays empty when it is 0.
func some(n int64) string {
	if n == 0 {
		return ""
	}
	return digits(n)
}
