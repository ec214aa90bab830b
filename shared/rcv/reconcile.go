package rcv

import (
	"cmp"
	"slices"
	"time"
)

// Held is a document whose XML the company has.
type Held struct {
	Key
	Total int64
	// Date is FchEmis, AAAA-MM-DD.
	Date string
	// ReceivedAt is when it came here.
	ReceivedAt time.Time
}

// Entry is a Row with the place where it stands in the register.
type Entry struct {
	Period Period
	Book   Book
	Row
}

// Gaps are where register and XML do not agree.
type Gaps struct {
	// Missing are in the register; the company has no XML of them. Ask the supplier.
	Missing []Entry
	// Unknown are held, but the register does not have them: perhaps rejected, or never sent to the SII.
	Unknown []Held
	// Differing are in both, with other amounts.
	Differing []Difference
	// Agreeing counts the documents that are in both with one amount.
	Agreeing int
}

// Difference is a document with two amounts.
type Difference struct {
	Entry Entry
	Held  Held
}

// compared are the types of which suppliers mail an XML and that the register of purchases lists. Guías and boletas are in
// no register; what is on paper has no XML; a factura de compra (46) stands there under the supplier's RUT, but the
// company itself issued it.
var compared = map[int]bool{33: true, 34: true, 43: true, 56: true, 61: true}

// Grace is how long a document may be on its way into the register (WEBSERVICES §9.4).
const Grace = 2 * 24 * time.Hour

// Reconcile tells the gaps of a month. Entries may be of other months and books too, where a document may stand as
// well: in the month in which the SII received it, or in Reclamado. What counts as missing is of the month's Registro and
// Pendiente.
func Reconcile(entries []Entry, held []Held, month Period, now time.Time) Gaps {
	var g Gaps
	have := map[Key]Held{}
	for _, h := range held {
		have[h.Key] = h
	}
	listed, done := map[Key]bool{}, map[Key]bool{}
	for _, e := range entries {
		listed[e.Key] = true
		if !compared[e.Type] || done[e.Key] || e.Period != month || e.Book != Registro && e.Book != Pendiente {
			continue
		}
		done[e.Key] = true
		h, ok := have[e.Key]
		g.add(e, h, ok)
	}
	for _, h := range held {
		if !listed[h.Key] && compared[h.Type] && month.Holds(h.Date) && now.Sub(h.ReceivedAt) > Grace {
			g.Unknown = append(g.Unknown, h)
		}
	}
	slices.SortFunc(g.Unknown, func(a, b Held) int { return cmp.Compare(a.String(), b.String()) })
	return g
}

// add files an entry under what is held of it.
func (g *Gaps) add(e Entry, h Held, ok bool) {
	switch {
	case !ok:
		g.Missing = append(g.Missing, e)
	case h.Total != e.Total:
		g.Differing = append(g.Differing, Difference{e, h})
	default:
		g.Agreeing++
	}
}
