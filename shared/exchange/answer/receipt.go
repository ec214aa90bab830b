package answer

import (
	"crypto/sha1" //nolint:gosec // the SII's signatures are RSA with SHA-1 (xmldsignature_v10.xsd)
	"fmt"
	"time"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/xmldsig"
)

// declaration is what a receipt declares; EnvioRecibos_v10.xsd fixes it to the letter.
const declaration = "El acuse de recibo que se declara en este acto, de acuerdo a lo dispuesto en la letra b) del Art. 4, " +
	"y la letra c) del Art. 5 de la Ley 19.983, acredita que la entrega de mercaderias o servicio(s) prestado(s) ha(n) sido recibido(s)."

const receiptSet = "SetRecibos"

// WriteReceipts makes an EnvioRecibos for documents of one issuer. Each Recibo is signed as a text of its own, with both
// namespaces, and stands verbatim in the set (FORMATS 10.3). The result was read back.
func WriteReceipts(h Head, receipts []Receipt, signer *cert.Identity, at time.Time) ([]byte, error) {
	if len(receipts) == 0 {
		return nil, ErrNothing
	}
	if err := signer.Check(at); err != nil {
		return nil, fmt.Errorf("write EnvioRecibos: %w", err)
	}
	w := &writer{}
	w.receiptHead(h, at)
	canonical := &writer{out: append([]byte("<"+receiptSet+xmldsig.Both.Attributes()), w.out...)}
	for _, r := range receipts {
		inside, err := receipt(h, r, signer, at)
		if err != nil {
			return nil, fmt.Errorf("write receipt of %d/%d: %w", r.Type, r.Folio, err)
		}
		// In the set the namespaces of <Recibo> are in scope already, so canonical form drops them.
		w.raw("<Recibo" + xmldsig.Both.Attributes() + inside)
		canonical.raw("<Recibo" + inside)
	}
	w.raw("</" + receiptSet + ">")
	canonical.raw("</" + receiptSet + ">")
	signature, err := xmldsig.Sign(signer, sha1.Sum(canonical.out), "#"+receiptSet, xmldsig.Both) //nolint:gosec // see the import
	if err != nil {
		return nil, fmt.Errorf("write EnvioRecibos: %w", err)
	}
	return finish("EnvioRecibos", "EnvioRecibos_v10.xsd", "<"+receiptSet+string(w.out)+"\n"+string(signature), signer)
}

// receiptHead writes the rest of the start tag of SetRecibos, and its Caratula.
func (w *writer) receiptHead(h Head, at time.Time) {
	w.raw(` ID="` + receiptSet + `">` + "\n" + `<Caratula version="1.0">` + "\n")
	w.leaf("RutResponde", h.From.String())
	w.leaf("RutRecibe", h.To.String())
	w.contact(h.Contact)
	w.leaf("TmstFirmaEnv", at.Format(dte.TimeLayout))
	w.raw("</Caratula>\n")
}

// receipt is a signed Recibo without the beginning of its start tag.
func receipt(h Head, r Receipt, signer *cert.Identity, at time.Time) (string, error) {
	switch {
	case !Receivable(r.Type):
		return "", ErrType
	case !r.between(h):
		return "", ErrParties
	}
	id := fmt.Sprintf("T%dF%d", r.Type, r.Folio)
	w := &writer{}
	w.raw(` ID="` + id + `">` + "\n")
	w.named("TipoDoc", r.Named)
	w.leaf("Recinto", clean(r.Place, 80))
	w.leaf("RutFirma", signer.RUT.String())
	w.leaf("Declaracion", declaration)
	w.leaf("TmstFirmaRecibo", at.Format(dte.TimeLayout))
	w.raw("</DocumentoRecibo>")
	content := string(w.out)
	digest := sha1.Sum([]byte("<DocumentoRecibo" + xmldsig.Both.Attributes() + content)) //nolint:gosec // see the import
	signature, err := xmldsig.Sign(signer, digest, "#"+id, xmldsig.Both)
	if err != nil {
		return "", err
	}
	return ` version="1.0">` + "\n<DocumentoRecibo" + content + "\n" + string(signature) + "\n</Recibo>\n", nil
}
