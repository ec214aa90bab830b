package judge

import (
	"crypto/rsa"
	"strconv"
	"time"

	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/pki"
	"timbre/emulators/sii/world"
)

// Record is a document that the SII holds.
type Record struct {
	Date, Receiver, VAT, Total string
}

// Registry answers what the SII already holds.
type Registry interface {
	// Received finds a document that was accepted, with or without remarks.
	Received(issuer string, kind, folio int) (Record, bool)
	// Annulled says whether the company gave the folio back.
	Annulled(issuer string, kind, folio int) bool
}

// Court holds what judging a document needs besides the document.
type Court struct {
	Registry    Registry
	Company     world.Company
	Environment Environment
	Pool        pki.Pool
	SIIKeys     map[int]*rsa.PublicKey
	MaySign     func(person, company string) bool
	Received    time.Time // of the envelope, Chilean time
	InPlace     bool      // demand that the signature also verifies inside the envelope
	UF          *int      // value of the UF in pesos; nil: not known
	Strict      bool      // apply what FD states though documents that were taken break it
}

// Signature is what the slow, registry-free part of judging a document found.
type Signature struct {
	Signer  string // RUT of the certificate
	Err     error
	InPlace error // of the signature inside the envelope; informative
	trust   error
}

// Examine verifies a document's signature; it needs no registry, so the server
// runs it while the envelope waits.
func (d *Document) Examine(pool pki.Pool, zone *time.Location) Signature {
	s := Signature{InPlace: d.VerifyInPlace()}
	cert, err := d.VerifyAlone()
	if s.Err = err; err != nil {
		return s
	}
	s.Signer = pki.SignerRUT(cert)
	if at, err := time.ParseInLocation(chileanTime, d.Signed, zone); err == nil {
		s.trust = pool.Trust(cert, at)
	} else {
		s.trust = err
	}
	return s
}

// Judge runs the checks in the SII's order. A rejection ends it: an early fault
// hides later ones (REJECTIONS §3).
func (c Court) Judge(d *Document, s Signature) []Finding {
	stages := []func(*Document) []Finding{
		c.folio, c.expiry, c.caf, c.stamp,
		func(d *Document) []Finding { return c.signature(d, s) },
		c.header, c.detail, c.totals, c.references, c.boletas, c.statements,
	}
	var all []Finding
	for _, stage := range stages[:5] {
		all = append(all, stage(d)...)
		if anyRejects(all) {
			return all
		}
	}
	// The business rules are reported together.
	for _, stage := range stages[5:] {
		all = append(all, stage(d)...)
	}
	return all
}

// folio: DTE-3-100 and DTE-3-101 are live; 601 is known from a client's source
// only, so the annulled folio goes without a code.
func (c Court) folio(d *Document) []Finding {
	if old, found := c.Registry.Received(d.Issuer, d.Type, d.Folio); found {
		if old == (Record{Date: d.Date, Receiver: d.Receiver, VAT: d.VAT, Total: d.Total}) {
			return []Finding{reject("DTE-3-100", "folio-repeated", "DTE Repetido: tipo %d folio %d", d.Type, d.Folio)}
		}
		return []Finding{reject("DTE-3-101", "folio-used", "Folio ya recibido con otros datos: tipo %d folio %d", d.Type, d.Folio)}
	}
	if c.Registry.Annulled(d.Issuer, d.Type, d.Folio) {
		return []Finding{reject("", "folio-annulled", "Folio anulado en el SII: tipo %d folio %d", d.Type, d.Folio)}
	}
	return nil
}

// expiring are the types that give fiscal credit: their CAFs live six months
// (Res. Ex. SII 58 of 2017).
var expiring = map[int]bool{33: true, 43: true, 46: true, 56: true, 61: true}

// expiry: CAF-3-517 is live; it compares the signature's date with FA.
func (c Court) expiry(d *Document) []Finding {
	if d.cafErr != nil {
		return []Finding{reject("", "caf-unreadable", "CAF ilegible: %v", d.cafErr)}
	}
	authorized, err := time.Parse(time.DateOnly, d.caf.Date)
	if err != nil {
		return []Finding{reject("", "caf-unreadable", "CAF con FA ilegible: %v", err)}
	}
	if !expiring[d.Type] || len(d.Signed) < 10 || d.caf.Date < "2018-07-01" {
		return nil
	}
	if d.Signed[:10] > authorized.AddDate(0, 6, 0).Format(time.DateOnly) {
		return []Finding{reject("CAF-3-517", "caf-expired", "CAF Vencido (Fecha Firma - Fecha CAF > 6 meses) [%s] [%s]", d.Signed[:10], d.caf.Date)}
	}
	return nil
}

// caf: the authorization is the SII's own, of this environment, and covers the
// document (official statements without known codes; 516 is client code only).
func (c Court) caf(d *Document) []Finding {
	key := c.SIIKeys[d.caf.IDK]
	switch {
	case d.caf.IDK != c.Environment.IDK || key == nil:
		return []Finding{reject("", "caf-environment", "CAF de otro ambiente: IDK %d", d.caf.IDK)}
	case !verifySHA1(key, latin1(d.flat("DA")), decode64(d.get("TED/DD/CAF/FRMA"))):
		return []Finding{reject("", "caf-frma", "CAF alterado: FRMA no corresponde")}
	case d.caf.RUT != d.Issuer:
		return []Finding{reject("", "caf-issuer", "CAF de otro emisor: %s", d.caf.RUT)}
	case d.caf.Type != d.Type:
		return []Finding{reject("", "caf-type", "CAF de otro tipo de documento: %d", d.caf.Type)}
	case !d.caf.Covers(d.Issuer, d.Type, d.Folio):
		return []Finding{reject("", "caf-range", "Folio %d fuera del rango autorizado %d-%d", d.Folio, d.caf.From, d.caf.To)}
	case d.Date < d.caf.Date:
		return []Finding{reject("", "issued-before-caf", "Fecha de emisión %s anterior a la autorización %s", d.Date, d.caf.Date)}
	}
	return nil
}

// CAF is the authorization that the document carries; only a judged document's
// is to be believed.
func (d *Document) CAF() world.CAF { return d.caf }

// latin1 gives the bytes as they stood in the file.
func latin1(s string) []byte {
	b, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(s))
	if err != nil {
		return nil
	}
	return b
}

// stamp compares the TED with the document (Formato DTE: "los valores deben
// coincidir") and verifies FRMT. A wrong FRMT was seen as a remark, TED-2-510.
func (c Court) stamp(d *Document) []Finding {
	pairs := []struct{ field, want string }{
		{"RE", d.Issuer}, {"TD", strconv.Itoa(d.Type)}, {"F", strconv.Itoa(d.Folio)}, {"FE", d.Date},
		{"RR", d.Receiver}, {"MNT", d.Total}, {"RSR", d.stampedName()}, {"IT1", first40(d.firstItem())},
	}
	var all []Finding
	for _, p := range pairs {
		if got := d.get("TED/DD/" + p.field); got != p.want {
			all = append(all, reject("", "ted-"+p.field, "Timbre no coincide con el documento: %s [%s] <> [%s]", p.field, got, p.want))
		}
	}
	if !verifySHA1(d.caf.Key, latin1(d.flat("DD")), decode64(d.get("TED/FRMT"))) {
		all = append(all, remark("TED-2-510", "ted-frmt", "Firma del timbre incorrecta"))
	}
	stamped := d.get("TED/DD/TSTED")
	if len(stamped) >= 10 && stamped[:10] < d.caf.Date {
		all = append(all, slight("TED-1-646", "ted-before-caf", "Fecha del timbre %s anterior a la del CAF %s", stamped, d.caf.Date))
	}
	if stamped > d.Signed {
		all = append(all, slight("", "ted-after-signature", "Timbre %s posterior a la firma %s", stamped, d.Signed))
	}
	return all
}

// stampedName is what RSR must say. A boleta need not name its receiver; its
// stamp then says anything that is not blank.
func (d *Document) stampedName() string {
	if text := d.get("TED/DD/RSR"); d.boleta() && d.ReceiverName == "" && !blank(text) {
		return text
	}
	return first40(d.ReceiverName)
}

func (d *Document) firstItem() string { return d.get("Detalle/NmbItem") }

// first40 cuts as RSR and IT1 are cut: 40 characters of the unescaped text.
func first40(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40])
	}
	return s
}

// signature: DTE-3-505 is live. The certificate must have been valid when it
// signed, and its owner allowed to sign (the glosa is live, the code is not).
func (c Court) signature(d *Document, s Signature) []Finding {
	switch {
	case s.Err != nil:
		return []Finding{reject("DTE-3-505", "signature", "Firma DTE Incorrecta: %v", s.Err)}
	case c.InPlace && s.InPlace != nil:
		return []Finding{reject("DTE-3-505", "signature-in-place", "Firma DTE Incorrecta dentro del envío: %v", s.InPlace)}
	case s.trust != nil:
		return []Finding{reject("", ruleOf(s.trust), "Certificado no válido a la fecha de firma: %v", s.trust)}
	case !c.MaySign(s.Signer, d.Issuer):
		return []Finding{reject("", "signer-not-authorized", "Rut No Autorizado a Firmar: %s", s.Signer)}
	}
	return nil
}
