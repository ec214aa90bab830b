package exchange

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"timbre/shared/dte"
	"timbre/shared/exchange/answer"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// Envelope is the Caratula of an envelope as it is written; what cannot be read is zero.
type Envelope struct {
	ID       string  // of SetDTE
	Issuer   rut.RUT // RutEmisor
	Sender   rut.RUT // RutEnvia
	Receiver rut.RUT // RutReceptor
	// ResolutionNumber is NroResol as written: "0" in certificación.
	ResolutionNumber string
	SignedAt         string // TmstFirmaEnv as written
	// Digest is the DigestValue of the envelope's signature, which an answer repeats.
	Digest []byte

	counts map[string]string // SubTotDTE: NroDTE by TpoDTE, as written
	err    error
}

func readEnvelope(set *xmldsig.Node) *Envelope {
	if set == nil {
		return &Envelope{err: errNoSet}
	}
	head := set.Child("Caratula")
	r := &fields{}
	e := &Envelope{
		Issuer: r.rut(head, "RutEmisor"), Sender: r.rut(head, "RutEnvia"), Receiver: r.rut(head, "RutReceptor"),
		ResolutionNumber: head.Child("NroResol").Text(), SignedAt: head.Child("TmstFirmaEnv").Text(),
		counts: map[string]string{},
	}
	e.ID, _ = set.Attr("ID")
	e.Digest = digestOf(set)
	for s := range head.Elements() {
		if s.Local == "SubTotDTE" {
			e.counts[s.Child("TpoDTE").Text()] = s.Child("NroDTE").Text()
		}
	}
	e.err = errors.Join(r.errs...)
	return e
}

// digestOf is the DigestValue beside a signed element; nil if it cannot be read.
func digestOf(signed *xmldsig.Node) []byte {
	text := xmldsig.SignatureOf(signed).At("SignedInfo", "Reference", "DigestValue").Text()
	digest, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil
	}
	return digest
}

// Document is one DTE as it was sent; what cannot be read is zero.
type Document struct {
	answer.Named
	IssuerName   string
	ReceiverName string
	SignedAt     string // TmstFirma as written
	// SignatureValue is what getEstDteAv asks for to prove that the SII holds this very document.
	SignatureValue string
	// Bytes are <DTE>…</DTE> as written, in the file's Encoding; they are a part of the file's.
	Bytes []byte

	element, content *xmldsig.Node
	err              error
}

// contents are the elements that hold a document (DTE_v10.xsd, DTE).
var contents = map[string]bool{"Documento": true, "Liquidacion": true, "Exportaciones": true}

func (f *File) document(element *xmldsig.Node) *Document {
	from, to := element.Range()
	d := &Document{Bytes: f.text[from:to:to], element: element}
	for e := range element.Elements() {
		if contents[e.Local] {
			d.content = e
			break
		}
	}
	head := d.content.Child("Encabezado")
	id, issuer, receiver := head.Child("IdDoc"), head.Child("Emisor"), head.Child("Receptor")
	r := &fields{}
	d.Type, d.Folio, d.IssueDate = r.kind(id, "TipoDTE"), r.number(id, "Folio"), id.Child("FchEmis").Text()
	d.Issuer, d.Receiver = r.rut(issuer, "RUTEmisor"), r.rut(receiver, "RUTRecep")
	d.Total = head.At("Totales", "MntTotal").Text()
	d.IssuerName, d.ReceiverName = issuer.Child("RznSoc").Text(), receiver.Child("RznSocRecep").Text()
	if d.IssuerName == "" {
		d.IssuerName = issuer.Child("RznSocEmisor").Text() // boletas
	}
	d.SignedAt = d.content.Child("TmstFirma").Text()
	value := xmldsig.SignatureOf(d.content).Child("SignatureValue").Text()
	d.SignatureValue = strings.Join(strings.Fields(value), "")
	d.err = errors.Join(r.errs...)
	return d
}

// fields reads typed values of others and collects what cannot be read.
type fields struct{ errs []error }

func (r *fields) note(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *fields) rut(n *xmldsig.Node, name string) rut.RUT {
	v, err := rut.Parse(n.Child(name).Text())
	r.note(err)
	return v
}

func (r *fields) kind(n *xmldsig.Node, name string) dte.Type {
	v, err := dte.ParseType(strings.TrimSpace(n.Child(name).Text()))
	r.note(err)
	return v
}

func (r *fields) number(n *xmldsig.Node, name string) int64 {
	v, err := strconv.ParseInt(strings.TrimSpace(n.Child(name).Text()), 10, 64)
	r.note(err)
	return v
}
