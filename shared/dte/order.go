package dte

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"timbre/shared/amount"
	"timbre/shared/format"
	"timbre/shared/rut"
)

// Order is a document with everything in it but folio, timbre and signature. It is stored as JSON and
// read again before signing; the bytes written from it are the same each time.
type Order struct {
	doc   *format.Node
	typ   Type
	trace []string
}

// ErrOrder says that a stored order cannot be read.
var ErrOrder = errors.New("dte: unreadable order")

// Type is the type of the document.
func (o *Order) Type() Type { return o.typ }

// Folio is the folio bound to the order, or that the caller asked for; 0 if there is none yet.
func (o *Order) Folio() int64 {
	folio, err := strconv.ParseInt(o.doc.Get("Encabezado/IdDoc/Folio"), 10, 64)
	if err != nil {
		return 0
	}
	return folio
}

// WithFolio is a copy of the order with this folio.
func (o *Order) WithFolio(folio int64) *Order {
	c := &Order{doc: o.doc.Clone(), typ: o.typ, trace: o.trace}
	c.doc.Set("Encabezado/IdDoc/Folio", strconv.FormatInt(folio, 10))
	return c
}

// IssueDate is FchEmis, AAAA-MM-DD.
func (o *Order) IssueDate() string { return o.doc.Get("Encabezado/IdDoc/FchEmis") }

// Issuer is RUTEmisor.
func (o *Order) Issuer() rut.RUT { return o.rut("Encabezado/Emisor/RUTEmisor") }

// Receiver is RUTRecep.
func (o *Order) Receiver() rut.RUT { return o.rut("Encabezado/Receptor/RUTRecep") }

func (o *Order) rut(path string) rut.RUT {
	r, err := rut.Parse(o.doc.Get(path))
	if err != nil {
		return rut.RUT{}
	}
	return r
}

// ReceiverName is RznSocRecep, empty in a boleta to an unnamed buyer.
func (o *Order) ReceiverName() string { return o.doc.Get("Encabezado/Receptor/RznSocRecep") }

// Total is MntTotal: pesos, or in exports an amount of up to four decimals in their currency.
func (o *Order) Total() amount.Decimal {
	total, err := amount.Parse(o.doc.Get("Encabezado/Totales/MntTotal"))
	if err != nil {
		return amount.Decimal{}
	}
	return total
}

// Totals is the zone Totales as a JSON object in the SII's names and order, numbers as numbers.
func (o *Order) Totals() json.RawMessage {
	return o.doc.At("Encabezado/Totales").AppendJSON(nil, true)
}

// Explain tells line by line how the totals arose; nil for an order that was read from storage.
func (o *Order) Explain() []string { return o.trace }

// Reference is a line of the zone Referencia.
type Reference struct {
	Type  string // TpoDocRef: a tax document's code, or another
	Folio string
	Date  string
	Code  string // CodRef: 1 annuls, 2 corrects text, 3 corrects amounts; empty if none
	Other rut.RUT
}

// References are the documents that this one names.
func (o *Order) References() []Reference {
	var out []Reference
	for _, r := range o.doc.All("Referencia") {
		other, err := rut.Parse(r.Get("RUTOtr"))
		if err != nil {
			other = rut.RUT{}
		}
		out = append(out, Reference{
			Type: r.Get("TpoDocRef"), Folio: r.Get("FolioRef"), Date: r.Get("FchRef"), Code: r.Get("CodRef"), Other: other,
		})
	}
	return out
}

// Stamped are the fields that the TED repeats.
func (o *Order) Stamped() StampFields {
	f := StampFields{
		RE: o.Issuer(), TD: o.typ, Folio: o.Folio(), FE: o.IssueDate(), RR: o.Receiver(),
		RSR: cut(o.ReceiverName(), stampLength),
		MNT: o.doc.Get("Encabezado/Totales/MntTotal"),
		IT1: cut(o.doc.Get("Detalle/NmbItem"), stampLength),
	}
	if f.RSR == "" {
		f.RSR = "Publico General" // a boleta without a name; RSR must not be empty (FORMATS section 9)
	}
	if f.IT1 == "" {
		f.IT1 = "Sin detalle" // a boleta without lines
	}
	return f
}

// stored is the JSON form of an order.
type stored struct {
	Document json.RawMessage `json:"document"`
}

// MarshalJSON writes the order for storage: {"document": …} with every value as text, as it will be
// written.
func (o *Order) MarshalJSON() ([]byte, error) {
	out := o.doc.AppendJSON([]byte(`{"document":`), false)
	return append(out, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Order) UnmarshalJSON(text []byte) error {
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrOrder, err)
	}
	t, fault := typeOf(s.Document)
	if fault != nil {
		return fmt.Errorf("%w: %w", ErrOrder, *fault)
	}
	doc, findings, err := format.ReadJSON(format.Root(kinds[t].root), s.Document, base)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOrder, err)
	}
	if len(findings) > 0 {
		return fmt.Errorf("%w: %s: %s", ErrOrder, findings[0].Path, findings[0].Code)
	}
	o.doc, o.typ, o.trace = doc, t, nil
	return nil
}
