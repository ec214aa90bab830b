package supplier

import (
	"crypto/x509"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/pki"
	"timbre/emulators/sii/schema"
)

// answer judges an attachment: its form, its signatures, then what it says.
func (d *day) answer(v *Verdict, p post, f file) {
	read, err := judge.Read(f.data)
	if err != nil {
		v.check(false, "%s: %v", f.name, err)
		return
	}
	root := read.Root
	if faults := schema.Check(root); len(faults) > 0 {
		v.Faults = append(v.Faults, faults...)
		return
	}
	signed := map[string]string{"RespuestaDTE": "Resultado", "EnvioRecibos": "SetRecibos"}[root.Tag]
	set := root.SelectElement(signed)
	head := set.SelectElement("Caratula")
	v.From = value(head, "RutResponde")
	cert, err := judge.VerifyBeside(root, signed)
	d.signature(v, cert, err, value(head, "TmstFirmaResp")+value(head, "TmstFirmaEnv"))
	v.check(value(head, "RutRecibe") == d.RUT(), "RutRecibe %s, not us", value(head, "RutRecibe"))
	v.check(value(head, "RutResponde") != d.RUT(), "we answer ourselves")
	switch {
	case root.Tag == "EnvioRecibos":
		v.Kind = "EnvioRecibos"
		d.receipts(v, p, set, f.data)
	case set.SelectElement("RecepcionEnvio") != nil:
		v.Kind = "RecepcionEnvio"
		d.response(v, p, head, set.SelectElements("RecepcionEnvio"))
		for _, el := range set.SelectElements("RecepcionEnvio") {
			d.reception(v, p, el)
		}
	default:
		v.Kind = "ResultadoDTE"
		d.response(v, p, head, set.SelectElements("ResultadoDTE"))
		for _, el := range set.SelectElements("ResultadoDTE") {
			d.result(v, p, el)
		}
	}
}

func value(el *etree.Element, name string) string {
	if child := el.SelectElement(name); child != nil {
		return strings.TrimSpace(child.Text())
	}
	return ""
}

// signature judges who signed: the person who may sign for the company that answers, with a certificate of an authority.
func (d *day) signature(v *Verdict, cert *x509.Certificate, err error, at string) {
	if err != nil {
		v.check(false, "signature: %v", err)
		return
	}
	v.check(pki.SignerRUT(cert) == d.signers[v.From], "signed by %s, who does not sign for %s", pki.SignerRUT(cert), v.From)
	moment, err := time.ParseInLocation("2006-01-02T15:04:05", at, chile)
	if err == nil {
		err = d.pool.Trust(cert, moment)
	}
	v.check(err == nil, "certificate at %s: %v", at, err)
}

var chile = func() *time.Location {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return time.UTC // without zones a certificate's last hours are judged wrong
	}
	return zone
}()

// response judges the Caratula of a RespuestaDTE: it counts right, and its number is new.
func (d *day) response(v *Verdict, p post, head *etree.Element, details []*etree.Element) {
	v.check(value(head, "NroDetalles") == strconv.Itoa(len(details)), "NroDetalles %s of %d", value(head, "NroDetalles"), len(details))
	key := v.From + "/" + value(head, "IdRespuesta")
	before, used := d.ids[key]
	v.check(!used, "IdRespuesta %s was that of %s", value(head, "IdRespuesta"), before)
	d.ids[key] = p.id
}

// reception judges a RecepcionEnvio against the envelope that it is about.
func (d *day) reception(v *Verdict, p post, el *etree.Element) {
	state, _ := strconv.Atoi(value(el, "EstadoRecepEnv")) // the schema has seen to it
	e := d.about(p, el, state)
	if e == nil {
		v.check(false, "RecepcionEnvio of no envelope of ours: digest %s", value(el, "Digest"))
		return
	}
	t := d.tallies[e]
	v.About = append(v.About, e.Digest+" "+strconv.Itoa(state))
	t.Got = append(t.Got, state)
	v.check(e.Customer == v.From, "%s answers for %s", v.From, e.Customer)
	v.check(value(el, "RecepEnvGlosa") != "" && value(el, "NmbEnvio") != "", "no RecepEnvGlosa or NmbEnvio")
	if state != 91 { // what cannot be read cannot be repeated
		v.check(value(el, "EnvioDTEID") == e.ID, "EnvioDTEID %q, not %q", value(el, "EnvioDTEID"), e.ID)
		v.check(value(el, "RutEmisor") == d.RUT(), "RutEmisor %s", value(el, "RutEmisor"))
		v.check(value(el, "RutReceptor") == e.Receiver, "RutReceptor %s, the carátula has %s", value(el, "RutReceptor"), e.Receiver)
	}
	if _, named := d.codes[e]; !named {
		d.codes[e] = value(el, "CodEnvio")
	}
	d.receptions(v, el, e, state)
}

// about finds the envelope by its digest, or, where it could not be read, by the mail that is answered.
func (d *day) about(p post, el *etree.Element, state int) *Envelope {
	digest := strings.Join(strings.Fields(value(el, "Digest")), "")
	for _, e := range d.order {
		if digest == e.Digest {
			return e
		}
	}
	if state != 91 || digest != "" {
		return nil
	}
	for i := range d.sent {
		for _, raw := range d.sent[i].Mails {
			if first, err := readPost(raw); err == nil && first.id == p.inReplyTo && len(d.sent[i].Envelopes) > 0 {
				return &d.sent[i].Envelopes[0]
			}
		}
	}
	return nil
}

// receptions judges the RecepcionDTE: an accepted envelope has one for each document, a refused one none.
func (d *day) receptions(v *Verdict, el *etree.Element, e *Envelope, state int) {
	all := el.SelectElements("RecepcionDTE")
	if state != 0 {
		v.check(len(all) == 0, "%d RecepcionDTE of an envelope that was not received", len(all))
		return
	}
	v.check(value(el, "NroDTE") == strconv.Itoa(len(all)) && len(all) == len(e.Documents), "NroDTE %s, %d RecepcionDTE, %d documents", value(el, "NroDTE"), len(all), len(e.Documents))
	for _, document := range e.Documents {
		i := slices.IndexFunc(all, document.named("TipoDTE"))
		if i < 0 {
			v.check(false, "no RecepcionDTE of %d/%d", document.Type, document.Folio)
			continue
		}
		want := "0"
		if document.Receiver != e.Customer {
			want = "3"
		}
		v.check(value(all[i], "EstadoRecepDTE") == want, "EstadoRecepDTE %s of %d/%d, expected %s", value(all[i], "EstadoRecepDTE"), document.Type, document.Folio, want)
	}
}

// named tells whether an element repeats what names the document.
func (doc Document) named(kind string) func(*etree.Element) bool {
	return func(el *etree.Element) bool {
		return value(el, kind) == strconv.Itoa(doc.Type) && value(el, "Folio") == strconv.Itoa(doc.Folio) && value(el, "FchEmis") == doc.Date &&
			value(el, "RUTEmisor") == doc.Issuer && value(el, "RUTRecep") == doc.Receiver && value(el, "MntTotal") == strconv.Itoa(doc.Total)
	}
}

// document finds which of our documents an element is about, and its envelope if there is one.
func (d *day) document(el *etree.Element, kind string) (*Document, *Envelope) {
	for _, e := range d.order {
		for i := range e.Documents {
			if e.Documents[i].named(kind)(el) {
				return &e.Documents[i], e
			}
		}
	}
	for i := range d.sent {
		for j := range d.sent[i].Documents {
			if d.sent[i].Documents[j].named(kind)(el) {
				return &d.sent[i].Documents[j], nil
			}
		}
	}
	return nil, nil
}

// result judges a ResultadoDTE.
func (d *day) result(v *Verdict, p post, el *etree.Element) {
	document, e := d.document(el, "TipoDTE")
	state, gloss := value(el, "EstadoDTE"), value(el, "EstadoDTEGlosa")
	v.About = append(v.About, value(el, "TipoDTE")+"/"+value(el, "Folio")+" "+state)
	if document == nil {
		v.check(false, "ResultadoDTE of no document of ours: %s/%s", value(el, "TipoDTE"), value(el, "Folio"))
		return
	}
	v.check(document.Receiver == v.From, "%s decides about a document of %s", v.From, document.Receiver)
	v.check(gloss != "", "no EstadoDTEGlosa")
	v.check(state != "2" || strings.Contains(gloss, "19.983"), "the rejection does not name the law 19.983: %q", gloss)
	code, named := d.codes[e]
	v.check(e == nil || !named || code == value(el, "CodEnvio"), "CodEnvio %s, before it was %s", value(el, "CodEnvio"), code)
	d.once(v, p, "ResultadoDTE "+value(el, "TipoDTE")+"/"+value(el, "Folio")+" "+gloss)
}

// once notes what may be said in one mail only.
func (d *day) once(v *Verdict, p post, what string) {
	before, said := d.said[v.From+what]
	v.check(!said, "%s was said in %s", what, before)
	d.said[v.From+what] = p.id
}

var receiptText = regexp.MustCompile(`(?s)<Recibo[\s>].*?</Recibo>`)

// receipts judges an EnvioRecibos: each Recibo is signed for itself, and must hold cut out of the set.
func (d *day) receipts(v *Verdict, p post, set *etree.Element, data []byte) {
	text, err := charmap.ISO8859_1.NewDecoder().String(string(data))
	cut := receiptText.FindAllString(text, -1)
	placed := set.SelectElements("Recibo")
	v.check(err == nil && len(cut) == len(placed), "%d receipts in the text, %d in the set: %v", len(cut), len(placed), err)
	for i := range min(len(cut), len(placed)) {
		el := placed[i].SelectElement("DocumentoRecibo")
		v.About = append(v.About, value(el, "TipoDoc")+"/"+value(el, "Folio"))
		alone, err := judge.Parse(cut[i])
		if err != nil {
			v.check(false, "receipt %d cut out: %v", i+1, err)
			continue
		}
		cert, err := judge.VerifyBeside(alone, "DocumentoRecibo")
		d.signature(v, cert, err, value(el, "TmstFirmaRecibo"))
		if cert != nil {
			v.check(value(el, "RutFirma") == pki.SignerRUT(cert), "RutFirma %s", value(el, "RutFirma"))
		}
		document, _ := d.document(el, "TipoDoc")
		v.check(document != nil && document.Receiver == v.From, "receipt of no document of ours to %s: %s/%s", v.From, value(el, "TipoDoc"), value(el, "Folio"))
		v.check(value(el, "Recinto") != "", "no Recinto")
		d.once(v, p, "Recibo "+value(el, "TipoDoc")+"/"+value(el, "Folio"))
	}
}
