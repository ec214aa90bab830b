package judge

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"timbre/emulators/sii/world"
)

// Cover is the carátula of an envelope (EnvioDTE_v10.xsd, SetDTE/Caratula).
type Cover struct {
	Issuer    string // RutEmisor
	Sender    string // RutEnvia
	Receiver  string // RutReceptor
	ResolDate string
	ResolNo   string
	Signed    string // TmstFirmaEnv
	Subtotals []Subtotal
}

// Subtotal is one SubTotDTE.
type Subtotal struct{ Type, Count int }

// Document is one DTE, read from the text that was cut out of the envelope: what
// the signature covers is what the rules see.
type Document struct {
	Type, Folio    int
	Date           string // FchEmis
	Issuer         string
	IssuerName     string
	Receiver       string
	ReceiverName   string
	VAT            string // IVA as written
	Total          string // MntTotal as written
	Signed         string // TmstFirma
	SignatureValue string
	References     []Reference

	content *etree.Element // Documento, Liquidacion or Exportaciones, from the fragment
	text    string         // the fragment
	alone   *etree.Element // DTE of the fragment
	placed  *etree.Element // the same DTE inside the envelope
	caf     world.CAF
	cafErr  error
}

// Reference is one Referencia.
type Reference struct {
	Line   int
	Type   string // TpoDocRef: a number or a free code
	Folio  string
	Date   string
	Code   string // CodRef
	Issuer string // RUTOtr
}

func readCover(el *etree.Element) Cover {
	c := Cover{
		Issuer: get(el, "RutEmisor"), Sender: get(el, "RutEnvia"), Receiver: get(el, "RutReceptor"),
		ResolDate: get(el, "FchResol"), ResolNo: get(el, "NroResol"), Signed: get(el, "TmstFirmaEnv"),
	}
	for _, sub := range el.SelectElements("SubTotDTE") {
		c.Subtotals = append(c.Subtotals, Subtotal{Type: number(get(sub, "TpoDTE")), Count: number(get(sub, "NroDTE"))})
	}
	return c
}

func readDocument(text string, alone, placed *etree.Element) *Document {
	d := &Document{text: text, alone: alone, placed: placed, content: etree.NewElement("Documento")}
	for _, name := range []string{"Documento", "Liquidacion", "Exportaciones"} {
		if el := alone.SelectElement(name); el != nil {
			d.content = el
		}
	}
	d.Type, d.Folio = number(d.get("Encabezado/IdDoc/TipoDTE")), number(d.get("Encabezado/IdDoc/Folio"))
	d.Date = d.get("Encabezado/IdDoc/FchEmis")
	d.Issuer, d.IssuerName = d.get("Encabezado/Emisor/RUTEmisor"), d.get("Encabezado/Emisor/RznSoc")
	if d.boleta() {
		d.IssuerName = d.get("Encabezado/Emisor/RznSocEmisor") // EnvioBOLETA_v11.xsd
	}
	d.Receiver, d.ReceiverName = d.get("Encabezado/Receptor/RUTRecep"), d.get("Encabezado/Receptor/RznSocRecep")
	d.VAT, d.Total = d.get("Encabezado/Totales/IVA"), d.get("Encabezado/Totales/MntTotal")
	d.Signed = d.get("TmstFirma")
	d.SignatureValue = strings.Join(strings.Fields(get(alone, "Signature/SignatureValue")), "")
	d.References = readReferences(d.content)
	if caf := find(d.content, "TED/DD/CAF"); caf != nil {
		d.caf, d.cafErr = world.ParseCAF(caf)
	} else {
		d.cafErr = errNoCAF
	}
	return d
}

func readReferences(content *etree.Element) []Reference {
	var refs []Reference
	for _, el := range content.SelectElements("Referencia") {
		refs = append(refs, Reference{
			Line: number(get(el, "NroLinRef")), Type: get(el, "TpoDocRef"), Folio: get(el, "FolioRef"),
			Date: get(el, "FchRef"), Code: get(el, "CodRef"), Issuer: get(el, "RUTOtr"),
		})
	}
	return refs
}

func (d *Document) boleta() bool { return d.Type == 39 || d.Type == 41 }

func (d *Document) get(path string) string { return get(d.content, path) }

func find(el *etree.Element, path string) *etree.Element {
	for _, name := range strings.Split(path, "/") {
		if el = el.SelectElement(name); el == nil {
			return nil
		}
	}
	return el
}

// get is the text at a path, as written; empty when there is none.
func get(el *etree.Element, path string) string {
	if el = find(el, path); el == nil {
		return ""
	}
	return content(el)
}

// content joins all text of an element: a comment may split it.
func content(el *etree.Element) string {
	var b strings.Builder
	for _, token := range el.Child {
		if data, ok := token.(*etree.CharData); ok {
			b.WriteString(data.Data)
		}
	}
	return b.String()
}

// number reads digits; what is no number is 0, which no code or folio is.
func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0
	}
	return n
}

var betweenTags = regexp.MustCompile(`>\s+<`)

// flat cuts the text from <name> to </name> and removes the white space between
// tags: the form that FRMT and FRMA sign (Instructivo Técnico, timbre). A name
// that occurs twice, say in a comment, could mean either: nothing is signed then.
func (d *Document) flat(name string) string {
	if strings.Count(d.text, "<"+name+">") != 1 {
		return ""
	}
	start := strings.Index(d.text, "<"+name+">")
	end := strings.Index(d.text, "</"+name+">")
	if start < 0 || end < start {
		return ""
	}
	return betweenTags.ReplaceAllString(d.text[start:end+len(name)+3], "><")
}
