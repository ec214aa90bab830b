package exchange

import (
	"strconv"
	"time"

	"timbre/shared/exchange/answer"
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
func (r *Report) Reception(a Arrival) (answer.Reception, bool) {
	e := r.File.Envelope
	if r.File.Kind != EnvioDTE || e.Issuer.IsZero() {
		return answer.Reception{}, false
	}
	out := answer.Reception{
		FileName: a.FileName, ReceivedAt: a.ReceivedAt, Code: a.Code, EnvelopeID: e.ID, Digest: e.Digest,
		Issuer: e.Issuer, Receiver: e.Receiver, State: r.state(a.Repeated),
	}
	if out.State != answer.EnvelopeOK {
		return out, true
	}
	for _, d := range r.Documents {
		if _, err := strconv.ParseUint(d.Total, 10, 63); err != nil || !answer.Answerable(d.Type) {
			continue // the schema of answers has no place for it
		}
		state := d.state(a.Known != nil && a.Known(d.Document))
		out.Documents = append(out.Documents, answer.DocumentReception{Named: d.Named, State: state})
	}
	return out, true
}

// state is the first of the SII's reasons that applies; a repeated file first, as its answer was given.
func (r *Report) state(repeated bool) answer.EnvelopeState {
	schema := r.Checks.Of(CheckSchema)
	for _, d := range r.Documents {
		schema = schema.worse(d.Checks.Of(CheckSchema))
	}
	switch {
	case repeated:
		return answer.EnvelopeRepeated
	case schema == Fail, r.Checks.Of(CheckNamespace) != Pass: // the schema's elements are all of that namespace
		return answer.EnvelopeSchema
	case r.Checks.Of(CheckSignature, CheckCertificateKey, CheckCertificateTime) == Fail:
		return answer.EnvelopeSignature
	case r.Checks.Of(CheckReceiver) != Pass: // the SII's copy too: its RutReceptor is not this company
		return answer.EnvelopeReceiver
	case r.Checks.Worst() == Fail:
		return answer.EnvelopeOther
	}
	return answer.EnvelopeOK
}

func (d *DocumentReport) state(known bool) answer.DocumentState {
	switch {
	case d.Checks.Of(CheckSignature, CheckCertificateKey, CheckCertificateTime) == Fail:
		return answer.DocumentSignature
	case d.Checks.Of(CheckIssuer) == Fail:
		return answer.DocumentIssuer
	case d.Checks.Of(CheckReceiver) == Fail:
		return answer.DocumentReceiver
	case known:
		return answer.DocumentRepeated
	case d.Checks.Worst() == Fail:
		return answer.DocumentOther
	}
	return answer.DocumentOK
}
