package exchange

import (
	"strconv"
	"time"
)

// Arrival is what only the mailbox and the register know of an envelope.
type Arrival struct {
	FileName   string
	Code       int64     // the receiver's own number of the envelope
	ReceivedAt time.Time // wall clock of Chile
	// Repeated: the same file was received before.
	Repeated bool
	// Known tells whether the document was received before in another file; nil is never.
	Known func(*Document) bool
}

// Reception is the technical answer to an envelope, by what was found. False for what is never answered so: anything but an
// EnvioDTE (answers above all, or two programs would answer each other for ever), and one whose issuer cannot be read.
func (r *Report) Reception(a Arrival) (Reception, bool) {
	e := r.File.Envelope
	if r.File.Kind != EnvioDTE || e.Issuer.IsZero() {
		return Reception{}, false
	}
	out := Reception{
		FileName: a.FileName, ReceivedAt: a.ReceivedAt, Code: a.Code, EnvelopeID: e.ID, Digest: e.Digest,
		Issuer: e.Issuer, Receiver: e.Receiver, State: r.state(a.Repeated),
	}
	if out.State != EnvelopeOK {
		return out, true
	}
	for _, d := range r.Documents {
		if _, err := strconv.ParseUint(d.Total, 10, 63); err != nil || !Answerable(d.Type) {
			continue // the schema of answers has no place for it
		}
		state := d.state(a.Known != nil && a.Known(d.Document))
		out.Documents = append(out.Documents, DocumentReception{Named: d.Named, State: state})
	}
	return out, true
}

// state is the first of the SII's reasons that applies; a repeated file first, as its answer was given.
func (r *Report) state(repeated bool) EnvelopeState {
	schema := r.Checks.Of(CheckSchema)
	for _, d := range r.Documents {
		schema = schema.worse(d.Checks.Of(CheckSchema))
	}
	switch {
	case repeated:
		return EnvelopeRepeated
	case schema == Fail:
		return EnvelopeSchema
	case r.Checks.Of(CheckSignature, CheckCertificateKey, CheckCertificateTime) == Fail:
		return EnvelopeSignature
	case r.Checks.Of(CheckReceiver) == Fail:
		return EnvelopeReceiver
	case r.Checks.Worst() == Fail:
		return EnvelopeOther
	}
	return EnvelopeOK
}

func (d *DocumentReport) state(known bool) DocumentState {
	switch {
	case d.Checks.Of(CheckSignature, CheckCertificateKey, CheckCertificateTime) == Fail:
		return DocumentSignature
	case d.Checks.Of(CheckIssuer) == Fail:
		return DocumentIssuer
	case d.Checks.Of(CheckReceiver) == Fail:
		return DocumentReceiver
	case known:
		return DocumentRepeated
	case d.Checks.Worst() == Fail:
		return DocumentOther
	}
	return DocumentOK
}
