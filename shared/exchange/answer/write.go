package answer

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // the SII's signatures are RSA with SHA-1 (xmldsignature_v10.xsd)
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/text/encoding/charmap"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/xmldsig"
)

// Reasons why an answer is not written.
var (
	ErrNothing = errors.New("answer: an answer to nothing")
	ErrParties = errors.New("answer: the document is not between these two companies")
	ErrType    = errors.New("answer: documents of this type cannot be answered with this schema")
	ErrState   = errors.New("answer: the schema has no such state")
	ErrReason  = errors.New("answer: a rejection or discrepancy gives no reason")
	ErrWritten = errors.New("answer: the answer that was written is not valid")
)

// WriteReceptions makes a RespuestaDTE that acknowledges envelopes. Its time is the wall clock of at, which the caller
// gives in America/Santiago. The result was read back: schema and signatures hold.
func WriteReceptions(h Head, receptions []Reception, signer *cert.Identity, at time.Time) ([]byte, error) {
	w := &writer{}
	for _, r := range receptions {
		if err := w.reception(r); err != nil {
			return nil, fmt.Errorf("write reception of %.40q: %w", r.FileName, err)
		}
	}
	return w.response(h, len(receptions), signer, at)
}

// WriteDecisions makes a RespuestaDTE that accepts or rejects documents of one issuer.
func WriteDecisions(h Head, decisions []Decision, signer *cert.Identity, at time.Time) ([]byte, error) {
	w := &writer{}
	for _, d := range decisions {
		if err := w.decision(h, d); err != nil {
			return nil, fmt.Errorf("write decision on %d/%d: %w", d.Type, d.Folio, err)
		}
	}
	return w.response(h, len(decisions), signer, at)
}

// writer collects text in canonical form.
type writer struct{ out []byte }

func (w *writer) raw(s string) { w.out = append(w.out, s...) }

func (w *writer) leaf(name, value string) {
	w.raw("<" + name + ">")
	w.out = xmldsig.AppendText(w.out, value)
	w.raw("</" + name + ">\n")
}

func (w *writer) number(name string, n int64) { w.leaf(name, strconv.FormatInt(n, 10)) }

// optional writes a leaf unless it is empty.
func (w *writer) optional(name, value string) {
	if value != "" {
		w.leaf(name, value)
	}
}

func (w *writer) named(typeName string, n Named) {
	w.leaf(typeName, n.Type.String())
	w.number("Folio", n.Folio)
	w.leaf("FchEmis", n.IssueDate)
	w.leaf("RUTEmisor", n.Issuer.String())
	w.leaf("RUTRecep", n.Receiver.String())
	w.leaf("MntTotal", n.Total)
}

// contact writes the parts of the Caratula that both answers have.
func (w *writer) contact(c Contact) {
	w.optional("NmbContacto", clean(c.Name, 40))
	w.optional("FonoContacto", clean(c.Phone, 40))
	w.optional("MailContacto", clean(c.Mail, 80))
}

// reception writes RecepcionEnvio in the order of RespuestaEnvioDTE_v10.xsd.
func (w *writer) reception(r Reception) error {
	if r.State.Gloss() == "" {
		return fmt.Errorf("%w: %d", ErrState, r.State)
	}
	w.raw("<RecepcionEnvio>\n")
	w.leaf("NmbEnvio", clean(r.FileName, 80))
	w.leaf("FchRecep", r.ReceivedAt.Format(dte.TimeLayout))
	w.number("CodEnvio", r.Code)
	w.leaf("EnvioDTEID", clean(r.EnvelopeID, 80))
	w.optional("Digest", base64.StdEncoding.EncodeToString(r.Digest))
	w.optional("RutEmisor", r.Issuer.String())
	w.optional("RutReceptor", r.Receiver.String())
	w.number("EstadoRecepEnv", int64(r.State))
	w.leaf("RecepEnvGlosa", cmp.Or(clean(r.Gloss, 256), r.State.Gloss()))
	if len(r.Documents) > 0 {
		w.number("NroDTE", int64(len(r.Documents)))
	}
	for _, d := range r.Documents {
		if err := w.documentReception(d); err != nil {
			return fmt.Errorf("%d/%d: %w", d.Type, d.Folio, err)
		}
	}
	w.raw("</RecepcionEnvio>\n")
	return nil
}

func (w *writer) documentReception(d DocumentReception) error {
	switch {
	case d.State.Gloss() == "":
		return fmt.Errorf("%w: %d", ErrState, d.State)
	case !Answerable(d.Type):
		return ErrType
	}
	w.raw("<RecepcionDTE>\n")
	w.named("TipoDTE", d.Named)
	w.number("EstadoRecepDTE", int64(d.State))
	w.leaf("RecepDTEGlosa", cmp.Or(clean(d.Gloss, 256), d.State.Gloss()))
	w.raw("</RecepcionDTE>\n")
	return nil
}

// decision writes ResultadoDTE in the order of RespuestaEnvioDTE_v10.xsd.
func (w *writer) decision(h Head, d Decision) error {
	gloss := clean(d.Gloss, 256)
	switch {
	case !Answerable(d.Type):
		return ErrType
	case !d.between(h):
		return ErrParties
	case d.State != Accepted && gloss == "":
		return ErrReason
	}
	w.raw("<ResultadoDTE>\n")
	w.named("TipoDTE", d.Named)
	w.number("CodEnvio", d.Code)
	w.number("EstadoDTE", int64(d.State))
	w.leaf("EstadoDTEGlosa", cmp.Or(gloss, "DTE Aceptado OK"))
	if d.Reason != 0 {
		w.number("CodRchDsc", int64(d.Reason))
	}
	w.raw("</ResultadoDTE>\n")
	return nil
}

// between tells whether the document went from whom is answered to who answers.
func (n Named) between(h Head) bool { return n.Issuer == h.To && n.Receiver == h.From }

// response puts what was written into a RespuestaDTE, and signs Resultado as it stands there (FORMATS 10.3).
func (w *writer) response(h Head, details int, signer *cert.Identity, at time.Time) ([]byte, error) {
	if details == 0 {
		return nil, ErrNothing
	}
	if err := signer.Check(at); err != nil {
		return nil, fmt.Errorf("write RespuestaDTE: %w", err)
	}
	body := w.out
	id := "R" + strconv.FormatInt(h.ID, 10)
	w.out = []byte(` ID="` + id + `">` + "\n" + `<Caratula version="1.0">` + "\n")
	w.leaf("RutResponde", h.From.String())
	w.leaf("RutRecibe", h.To.String())
	w.number("IdRespuesta", h.ID)
	w.number("NroDetalles", int64(details))
	w.contact(h.Contact)
	w.leaf("TmstFirmaResp", at.Format(dte.TimeLayout))
	w.raw("</Caratula>\n" + string(body) + "</Resultado>")
	content := string(w.out)
	digest := sha1.Sum([]byte("<Resultado" + xmldsig.Both.Attributes() + content)) //nolint:gosec // see the import
	signature, err := xmldsig.Sign(signer, digest, "#"+id, xmldsig.Both)
	if err != nil {
		return nil, fmt.Errorf("write RespuestaDTE: %w", err)
	}
	return finish("RespuestaDTE", "RespuestaEnvioDTE_v10.xsd", "<Resultado"+content+"\n"+string(signature), signer)
}

// finish puts the signed text into its root, in ISO-8859-1, and reads the result back.
func finish(root, schema, content string, signer *cert.Identity) ([]byte, error) {
	whole := `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n<" + root + xmldsig.Both.Attributes() +
		` xsi:schemaLocation="` + xmldsig.NamespaceSII + " " + schema + `" version="1.0">` + "\n" + content + "\n</" + root + ">\n"
	text, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(whole))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWritten, err)
	}
	if err := verifyWritten(text, root, signer); err != nil {
		return nil, err
	}
	return text, nil
}
