package exchange

import (
	"cmp"
	"fmt"
	"strings"

	"timbre/shared/format"
	"timbre/shared/rules"
	"timbre/shared/xmldsig"
)

// document judges one DTE.
func (c *Checker) document(f *File, r *DocumentReport, schema documentSchema) {
	d := r.Document
	r.Checks.judge(CheckIdentity, d.err == nil, Fail, "tipo, folio y RUT se pueden leer", "tipo, folio, RUT emisor o RUT receptor faltan o no son válidos")
	if schema.known {
		addSchema(&r.Checks, schema.found)
	}
	if d.content == nil {
		r.Checks.add(CheckSignature, Fail, "el DTE no contiene ningún documento")
		return
	}
	_, r.Signature = c.signature(&r.Checks, d.content, d.SignedAt)
	c.parties(f, r)
	c.stamp(f, r)
}

// parties judges who issued the document, and for whom.
func (c *Checker) parties(f *File, r *DocumentReport) {
	if f.Kind != AEC { // a ceded document was for somebody else
		r.Checks.judge(CheckReceiver, r.Receiver == c.Company, Fail, "el documento es para esta empresa",
			fmt.Sprintf("el documento es para %s, no para esta empresa", cmp.Or(r.Receiver.String(), "nadie")))
	}
	if f.Envelope != nil {
		r.Checks.judge(CheckIssuer, r.Issuer == f.Envelope.Issuer, Fail, "el emisor es el de la carátula",
			fmt.Sprintf("lo emitió %s, pero la carátula es de %s", r.Issuer, f.Envelope.Issuer))
	}
}

// judgeContent judges amounts and all else that package rules knows of one document. It only warns: what was issued is the
// issuer's to mend, and the SII has judged it.
func (r *DocumentReport) judgeContent() {
	def := format.Root(r.content.Local)
	if r.Type.IsBoleta() {
		def = format.Root("Boleta")
	}
	today, _, _ := strings.Cut(r.SignedAt, "T")
	facts := rules.Facts{Type: int(r.Type), Issuer: r.Issuer.String(), Today: today}
	doc, found := (&converter{}).node(r.content, def), len(r.Checks)
	warn := func(path, reason string) {
		r.Checks = append(r.Checks, Check{CheckContent, Warn, reason, path})
	}
	for _, b := range rules.Check(doc, facts) {
		warn(b.Path, b.Rule.Text)
	}
	sums(doc, r.Type, warn)
	if len(r.Checks) == found {
		r.Checks.add(CheckContent, Pass, "montos y reglas del formato cuadran")
	}
}

// converter gives received elements the form in which package rules reads documents. Elements that the format does not
// have are left out; the schema check has told them.
type converter struct{ nodes []format.Node } // made many at once

func (c *converter) node(n *xmldsig.Node, def *format.Element) *format.Node {
	if len(c.nodes) == 0 {
		c.nodes = make([]format.Node, 64)
	}
	out := &c.nodes[0]
	c.nodes = c.nodes[1:]
	out.Def = def
	if def.Type != nil {
		out.Text = n.Text()
		return out
	}
	out.Kids = make([]*format.Node, 0, 8)
	for child := range n.Elements() {
		if d := def.Child(child.Local); d != nil {
			out.Kids = append(out.Kids, c.node(child, d))
		}
	}
	return out
}
