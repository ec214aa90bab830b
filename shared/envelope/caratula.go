package envelope

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// Caratula says who sends what to whom. RutEnvia is the RUT of who signs.
type Caratula struct {
	Issuer           rut.RUT   // RutEmisor, of all documents
	Receiver         rut.RUT   // RutReceptor: rut.SII, or the customer in the exchange between companies
	ResolutionDate   time.Time // FchResol of the company in the environment
	ResolutionNumber int       // NroResol, 0 in certificación
}

// Subtotal is SubTotDTE: how many documents of a type there are.
type Subtotal struct {
	Type  dte.Type // TpoDTE
	Count int      // NroDTE
}

// add counts a document; subtotals stand in the order in which types first appear.
func add(subtotals []Subtotal, t dte.Type) []Subtotal {
	i := slices.IndexFunc(subtotals, func(s Subtotal) bool { return s.Type == t })
	if i < 0 {
		return append(subtotals, Subtotal{t, 1})
	}
	subtotals[i].Count++
	return subtotals
}

// appendXML writes the element in the order of EnvioDTE_v10.xsd, SetDTE/Caratula. All of it is ASCII and canonical.
func (c Caratula) appendXML(out []byte, sender rut.RUT, at time.Time, subtotals []Subtotal) []byte {
	out = append(out, `<Caratula version="1.0">`+"\n"...)
	out = appendLeaf(out, "RutEmisor", c.Issuer.String())
	out = appendLeaf(out, "RutEnvia", sender.String())
	out = appendLeaf(out, "RutReceptor", c.Receiver.String())
	out = appendLeaf(out, "FchResol", c.ResolutionDate.Format(time.DateOnly))
	out = appendLeaf(out, "NroResol", strconv.Itoa(c.ResolutionNumber))
	out = appendLeaf(out, "TmstFirmaEnv", at.Format(dte.TimeLayout))
	for _, s := range subtotals {
		out = append(out, "<SubTotDTE>\n"...)
		out = appendLeaf(out, "TpoDTE", s.Type.String())
		out = appendLeaf(out, "NroDTE", strconv.Itoa(s.Count))
		out = append(out, "</SubTotDTE>\n"...)
	}
	return append(out, "</Caratula>\n"...)
}

func appendLeaf(out []byte, name, text string) []byte {
	return append(out, "<"+name+">"+text+"</"+name+">\n"...)
}

// read takes the Caratula from a signed SetDTE.
func (e *Envelope) read(n *xmldsig.Node) error {
	issuer, issuerErr := rut.Parse(n.Child("RutEmisor").Text())
	sender, senderErr := rut.Parse(n.Child("RutEnvia").Text())
	receiver, receiverErr := rut.Parse(n.Child("RutReceptor").Text())
	date, dateErr := time.Parse(time.DateOnly, n.Child("FchResol").Text())
	number, numberErr := strconv.Atoi(n.Child("NroResol").Text())
	at, atErr := time.Parse(dte.TimeLayout, n.Child("TmstFirmaEnv").Text())
	if err := errors.Join(issuerErr, senderErr, receiverErr, dateErr, numberErr, atErr); err != nil {
		return fmt.Errorf("%w: Caratula: %w", ErrForm, err)
	}
	e.Caratula = Caratula{issuer, receiver, date, number}
	e.Sender, e.SignedAt = sender, at
	for s := range n.Elements() {
		if !isSII(s, "SubTotDTE") {
			continue
		}
		t, typeErr := dte.ParseType(s.Child("TpoDTE").Text())
		count, countErr := strconv.Atoi(s.Child("NroDTE").Text())
		if err := errors.Join(typeErr, countErr); err != nil {
			return fmt.Errorf("%w: SubTotDTE: %w", ErrForm, err)
		}
		e.Subtotals = append(e.Subtotals, Subtotal{t, count})
	}
	return nil
}
