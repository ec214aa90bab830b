package judge

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"timbre/emulators/sii/pki"
	"timbre/emulators/sii/world"
)

// Environment is certification (maullin) or production (palena): separate worlds.
type Environment struct {
	Name string // certificacion, produccion
	IDK  int    // of the key that signs its CAFs
}

// The two environments (WEBSERVICES §1; Instructivo Técnico for the IDKs).
var (
	Certification = Environment{Name: "certificacion", IDK: 100}
	Production    = Environment{Name: "produccion", IDK: 300}
)

// receiverSII is the RutReceptor of every envelope that is sent to the SII.
const receiverSII = "60803000-K"

// tolerance forgives a sender's clock that runs slightly ahead.
const tolerance = 10 * time.Minute

// chileanTime is the form of TmstFirma: local time without zone.
const chileanTime = "2006-01-02T15:04:05"

// Uploader is what the SII knows of the sender when it judges an envelope.
type Uploader struct {
	Sender  string // rutSender of the upload
	Company string // rutCompany of the upload
	MaySign func(person, company string) bool
}

// SignatureFault judges the envelope's signature: any fault is RFR. The text is
// one that the SII was seen to give for a signer without permission.
func (e *Envelope) SignatureFault(pool pki.Pool, up Uploader, zone *time.Location) *Finding {
	cert, err := e.VerifyEnvelope()
	if err != nil {
		f := reject("RFR", "envelope-signature", "Rechazado por Error en Firma: %v", err)
		return &f
	}
	at, err := time.ParseInLocation(chileanTime, e.Cover.Signed, zone)
	if err != nil {
		f := reject("RFR", "envelope-signature", "TmstFirmaEnv ilegible: %v", err)
		return &f
	}
	if err := pool.Trust(cert, at); err != nil {
		f := reject("RFR", ruleOf(err), "Certificado del envío no válido a la fecha de firma: %v", err)
		return &f
	}
	signer := pki.SignerRUT(cert)
	if signer != e.Cover.Sender || !up.MaySign(signer, up.Company) {
		f := reject("RFR", "signer-not-authorized", "Rut No Autorizado a Firmar: %s (RutEnvia %s)", signer, e.Cover.Sender)
		return &f
	}
	return nil
}

func ruleOf(err error) string {
	if errors.Is(err, pki.ErrExpired) {
		return "certificate-expired"
	}
	return "certificate-untrusted"
}

// CoverFault judges the carátula: any fault is RCT. Codes CRT-3-11 (official),
// CRT-3-18 and CRT-3-19 (seen in real answers).
func (e *Envelope) CoverFault(company world.Company, env Environment, up Uploader, received time.Time) *Finding {
	c := e.Cover
	resolution := company.Certification
	if env == Production && company.Production != nil {
		resolution = *company.Production
	}
	signed, err := time.ParseInLocation(chileanTime, c.Signed, received.Location())
	var f Finding
	switch {
	case c.Sender != up.Sender:
		f = reject("CRT-3-11", "cover-sender", "Rut Envia %s diferente al del upload %s", c.Sender, up.Sender)
	case c.Receiver != receiverSII:
		f = reject("CRT-3-18", "cover-receiver", "Rut Receptor inválido: %s", c.Receiver)
	case c.ResolDate != resolution.Date || c.ResolNo != strconv.Itoa(resolution.Number):
		f = reject("CRT-3-19", "cover-resolution", "Fecha/Numero Resolucion Invalido [%s/%s] <> [%s/%d]", c.ResolDate, c.ResolNo, resolution.Date, resolution.Number)
	case c.Issuer != up.Company:
		f = reject("", "cover-issuer", "Rut Emisor %s diferente a la empresa del upload %s", c.Issuer, up.Company)
	case err != nil || signed.After(received.Add(tolerance)):
		f = reject("", "cover-future", "Fecha de firma del envío posterior a la recepción: %s", c.Signed)
	default:
		return e.countFault()
	}
	return &f
}

// countFault compares SubTotDTE with the documents, and their issuers with the
// carátula's (official: REJECTIONS, cover; no code is known).
func (e *Envelope) countFault() *Finding {
	counts := map[int]int{}
	for _, d := range e.Documents {
		counts[d.Type]++
		if d.Issuer != e.Cover.Issuer {
			f := reject("", "cover-document-issuer", "DTE %d/%d de otro emisor: %s", d.Type, d.Folio, d.Issuer)
			return &f
		}
	}
	for _, sub := range e.Cover.Subtotals {
		counts[sub.Type] -= sub.Count
	}
	for kind, difference := range counts {
		if difference != 0 {
			f := reject("", "cover-subtotals", "SubTotDTE del tipo %d no corresponde a los documentos (diferencia %d)", kind, difference)
			return &f
		}
	}
	return repeatedSubtotal(e.Cover.Subtotals)
}

// Inconsistent says whether an envelope's documents are not what its carátula says.
func (f Finding) Inconsistent() bool {
	return f.Rule == "cover-subtotals" || f.Rule == "cover-document-issuer"
}

func repeatedSubtotal(subtotals []Subtotal) *Finding {
	seen := map[int]bool{}
	for _, sub := range subtotals {
		if seen[sub.Type] {
			f := reject("", "cover-subtotals", "SubTotDTE del tipo %d repetido", sub.Type)
			return &f
		}
		seen[sub.Type] = true
	}
	return nil
}

// String names an environment in logs.
func (e Environment) String() string { return fmt.Sprintf("%s (IDK %d)", e.Name, e.IDK) }
