package answer

import (
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
)

// Head says who answers whom.
type Head struct {
	From, To rut.RUT // RutResponde; RutRecibe, who issued the documents
	// ID is IdRespuesta, the answerer's own number from 1; an EnvioRecibos has none.
	ID      int64
	Contact Contact
}

// Contact is whom to ask; each part may be empty.
type Contact struct{ Name, Phone, Mail string }

// Named is what names a document and what an answer must repeat of it.
type Named struct {
	Type      dte.Type
	Folio     int64
	IssueDate string // FchEmis, AAAA-MM-DD
	Issuer    rut.RUT
	Receiver  rut.RUT
	Total     string // MntTotal as written
}

// Reception acknowledges one envelope (RecepcionEnvio).
type Reception struct {
	FileName   string    // NmbEnvio
	ReceivedAt time.Time // FchRecep as a wall clock of Chile; read back with the zone UTC
	Code       int64     // CodEnvio: the receiver's own number of the envelope, from 1
	EnvelopeID string    // EnvioDTEID: the ID of SetDTE
	Digest     []byte    // DigestValue of the envelope's signature
	Issuer     rut.RUT
	Receiver   rut.RUT
	State      EnvelopeState
	Gloss      string // the SII's text of the State where it is left empty
	Documents  []DocumentReception
}

// DocumentReception acknowledges one document (RecepcionDTE).
type DocumentReception struct {
	Named
	State DocumentState
	Gloss string // as in Reception
}

// Decision is the commercial answer to one document (ResultadoDTE).
type Decision struct {
	Named
	Code  int64 // CodEnvio of the envelope that brought it
	State DecisionState
	// Gloss gives the reason where the State is not Accepted; a rejection under Ley 19.983 names the law.
	Gloss string
	// Reason is CodRchDsc, the answerer's own code: negative, or 0 for none.
	Reason int
}

// Receipt declares that goods or services of one document were received (DocumentoRecibo, Ley 19.983).
type Receipt struct {
	Named
	Place    string  // Recinto
	Signer   rut.RUT // RutFirma; when writing it is who signs
	SignedAt string  // TmstFirmaRecibo as written; when writing it is the time of signing
}

// EnvelopeState is EstadoRecepEnv.
type EnvelopeState int

// The states of an envelope (FORMATS 13.1; RespuestaEnvioDTE_v10.xsd).
const (
	EnvelopeOK         EnvelopeState = 0
	EnvelopeSchema     EnvelopeState = 1
	EnvelopeSignature  EnvelopeState = 2
	EnvelopeReceiver   EnvelopeState = 3
	EnvelopeRepeated   EnvelopeState = 90
	EnvelopeUnreadable EnvelopeState = 91
	EnvelopeOther      EnvelopeState = 99
)

var envelopeGlosses = map[EnvelopeState]string{
	EnvelopeOK:         "Envío Recibido Conforme",
	EnvelopeSchema:     "Envío Rechazado - Error de Schema",
	EnvelopeSignature:  "Envío Rechazado - Error de Firma",
	EnvelopeReceiver:   "Envío Rechazado - RUT Receptor No Corresponde",
	EnvelopeRepeated:   "Envío Rechazado - Archivo Repetido",
	EnvelopeUnreadable: "Envío Rechazado - Archivo Ilegible",
	EnvelopeOther:      "Envío Rechazado - Otros",
}

// Gloss is the SII's text of the state.
func (s EnvelopeState) Gloss() string { return envelopeGlosses[s] }

// DocumentState is EstadoRecepDTE.
type DocumentState int

// The states of a document in an envelope that was received (as above).
const (
	DocumentOK        DocumentState = 0
	DocumentSignature DocumentState = 1
	DocumentIssuer    DocumentState = 2
	DocumentReceiver  DocumentState = 3
	DocumentRepeated  DocumentState = 4
	DocumentOther     DocumentState = 99
)

var documentGlosses = map[DocumentState]string{
	DocumentOK:        "DTE Recibido OK",
	DocumentSignature: "DTE No Recibido - Error de Firma",
	DocumentIssuer:    "DTE No Recibido - Error en RUT Emisor",
	DocumentReceiver:  "DTE No Recibido - Error en RUT Receptor",
	DocumentRepeated:  "DTE No Recibido - DTE Repetido",
	DocumentOther:     "DTE No Recibido - Otros",
}

// Gloss is the SII's text of the state.
func (s DocumentState) Gloss() string { return documentGlosses[s] }

// DecisionState is EstadoDTE.
type DecisionState int

// The commercial states (as above).
const (
	Accepted             DecisionState = 0
	AcceptedDiscrepantly DecisionState = 1
	Rejected             DecisionState = 2
)

// Answerable tells whether the schemas of answers know the type: DTEType lacks 43, boletas and exports.
func Answerable(t dte.Type) bool {
	switch t {
	case dte.Factura, dte.FacturaExenta, dte.FacturaCompra, dte.GuiaDespacho, dte.NotaDebito, dte.NotaCredito:
		return true
	}
	return false
}

// Receivable tells whether a receipt of goods makes sense for the type (FORMATS 13.2): the schema would let notes pass.
func Receivable(t dte.Type) bool { return Answerable(t) && !t.IsNote() }
