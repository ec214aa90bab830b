package sii

import (
	"slices"
	"time"

	"timbre/emulators/sii/judge"
)

// stage is one step of the SII's asynchronous validation (WEBSERVICES §13.5).
type stage struct {
	after time.Duration // since the upload, at speed 1
	state string        // when the step has passed
	check func(*state, *Envelope) *judge.Finding
}

// firstTick is how long getEstUp knows nothing of a new track (-11, ERR_CODE 2).
const firstTick = 2 * time.Second

var stages = []stage{
	{firstTick, "REC", nil},
	{5 * time.Second, "SOK", (*state).checkSchema},
	{10 * time.Second, "FOK", (*state).checkSignature},
	{15 * time.Second, "CRT", (*state).checkCover},
	{20 * time.Second, "PDR", nil},
	{60 * time.Second, "EPR", (*state).judgeDocuments},
}

// due is when an envelope's next step happens; speed is that of its upload, so
// that a journal replays to the same order.
func (e *Envelope) due() time.Time {
	after := stages[e.step].after
	if e.step == len(stages)-1 {
		after += time.Duration(e.Stuck)
	}
	return e.ReceivedAt.Add(time.Duration(float64(after) / e.speed))
}

// advance does, in order of time, every step that has become due.
func (s *state) advance(now time.Time) {
	for {
		var next *Envelope
		for _, e := range s.open {
			if !e.due().After(now) && (next == nil || e.due().Before(next.due())) {
				next = e
			}
		}
		if next == nil {
			return
		}
		at := next.due()
		if s.take(next); next.Final {
			s.conclude(next, at)
			s.open = slices.DeleteFunc(s.open, func(e *Envelope) bool { return e == next })
		}
	}
}

// conclude does what follows an envelope's last state: its result is mailed; the
// bytes of a lost file may be sent again.
func (s *state) conclude(e *Envelope, at time.Time) {
	if e.State == "VOF" && s.byHash[e.env.Name+e.SHA256] == e {
		delete(s.byHash, e.env.Name+e.SHA256)
	}
	s.post(e, at)
}

// take runs one step of one envelope.
func (s *state) take(e *Envelope) {
	step := stages[e.step]
	e.step++
	if step.check != nil {
		if fault := step.check(s, e); fault != nil {
			e.Fault, e.State, e.Final = fault, stateOf(e, step, fault), true
			return
		}
	}
	e.State = step.state
	e.Final = e.step == len(stages)
}

// stateOf names the envelope's end: a fault's own code, or that of its step.
func stateOf(e *Envelope, step stage, fault *judge.Finding) string {
	switch {
	case fault.Code == "106" || fault.Code == "VOF":
		return fault.Code
	case step.state == "SOK":
		return "RSC"
	case step.state == "FOK":
		return "RFR"
	case e.Channel == channelBoleta && fault.Inconsistent():
		return "RCO" // of the boletas' list only (OpenAPI)
	}
	return "RCT"
}

// checkSchema fails where the switch late_schema let a bad form through, and for
// boletas, whose form is looked at only now.
func (s *state) checkSchema(e *Envelope) *judge.Finding {
	if e.Lost {
		return &judge.Finding{Code: "VOF", Rule: "file-lost", Level: judge.Reject, Text: "No se encontro el archivo .xml"}
	}
	if len(e.faults) == 0 {
		return nil
	}
	return &judge.Finding{Code: "RSC", Rule: "schema", Level: judge.Reject, Text: e.faults[0]}
}

// checkSignature: a sender without the right to send gives 106 (live 2026),
// before the file is looked at.
func (s *state) checkSignature(e *Envelope) *judge.Finding {
	p := s.rightsOf(e.env.Name, e.Sender, e.Company)
	switch {
	case p != nil && p.Send:
	case e.Channel == channelBoleta: // 106 is not among the states of its list
		return &judge.Finding{Code: "RFR", Rule: "sender-permission", Level: judge.Reject, Text: "Usuario sin permiso de envio"}
	default:
		return &judge.Finding{Code: "106", Rule: "sender-permission", Level: judge.Reject, Text: "Usuario sin permiso de envio"}
	}
	return e.content.SignatureFault(s.world.Pool, s.uploader(e), s.clock.zone)
}

func (s *state) uploader(e *Envelope) judge.Uploader {
	return judge.Uploader{Sender: e.Sender, Company: e.Company, MaySign: s.maySign(e.env.Name)}
}

func (s *state) checkCover(e *Envelope) *judge.Finding {
	company := s.account(e.env.Name, e.Company)
	if company == nil || !company.authorized { // only boletas come so far
		return &judge.Finding{Rule: "cover-company", Level: judge.Reject, Text: "Empresa no autorizada: " + e.Company}
	}
	return e.content.CoverFault(company.Company, e.env, s.uploader(e), e.ReceivedAt)
}

// judgeDocuments decides each document in the order of the file: a note may
// refer to a document before it.
func (s *state) judgeDocuments(e *Envelope) *judge.Finding {
	court := judge.Court{
		Registry: registry{s, e.env.Name}, Company: s.account(e.env.Name, e.Company).Company, Environment: e.env,
		Pool: s.world.Pool, SIIKeys: s.world.SIIKeys, MaySign: s.maySign(e.env.Name), Received: e.ReceivedAt, InPlace: s.inPlace,
		Strict: on(s.switches.StrictFormat), UF: s.switches.UF,
	}
	for i, signature := range e.examine() {
		d := e.content.Documents[i]
		s.enter(e, d, signature, court.Judge(d, signature))
	}
	// The tree is no longer needed; the bytes are kept.
	e.content = nil
	return nil
}

// enter writes a verdict, and a document that was not rejected into the registry.
func (s *state) enter(e *Envelope, d *judge.Document, signature judge.Signature, findings []judge.Finding) {
	doc := &Document{
		Environment: e.env.Name, Issuer: d.Issuer, Type: d.Type, Folio: d.Folio, Date: d.Date, Receiver: d.Receiver, Total: d.Total,
		State: judge.State(findings), TrackID: e.TrackID, ReceivedAt: e.ReceivedAt, Signer: signature.Signer, InPlace: signature.InPlace == nil,
		Findings: append([]judge.Finding{}, findings...), Details: []string{}, Signature: d.SignatureValue, vat: d.VAT, book: d.Book(),
	}
	for _, f := range findings {
		doc.Details = append(doc.Details, f.Detail())
	}
	e.Documents = append(e.Documents, doc)
	s.documents = append(s.documents, doc)
	if !doc.Accepted() {
		return
	}
	s.learnCAF(d.CAF())
	s.received[docKey{e.env.Name, d.Issuer, d.Type, d.Folio}] = doc
	s.applyNote(e, d)
}

// effects of a note on the documents it names, by its type and CodRef
// (getEstDte, WEBSERVICES §5.1).
var effects = map[bool]map[string]string{
	true:  {"1": "ANC", "2": "TMC", "3": "MMC"}, // nota de crédito
	false: {"1": "AND", "2": "TMD", "3": "MMD"}, // nota de débito
}

func (s *state) applyNote(e *Envelope, d *judge.Document) {
	if !slices.Contains([]int{56, 61, 111, 112}, d.Type) {
		return
	}
	credit := d.Type == 61 || d.Type == 112
	for _, ref := range d.References {
		issuer := d.Issuer
		if ref.Issuer != "" {
			issuer = ref.Issuer
		}
		if original := s.received[docKey{e.env.Name, issuer, number(ref.Type), number(ref.Folio)}]; original != nil {
			noteEvent(e, original, d, ref.Code)
			if effect := effects[credit][ref.Code]; effect != "" {
				original.Effect = effect
			}
		}
	}
}

// registry shows the judge what the SII holds in one environment.
type registry struct {
	*state
	env string
}

// Received finds an accepted document.
func (r registry) Received(issuer string, kind, folio int) (judge.Record, bool) {
	d := r.received[docKey{r.env, issuer, kind, folio}]
	if d == nil {
		return judge.Record{}, false
	}
	return judge.Record{Date: d.Date, Receiver: d.Receiver, VAT: d.vat, Total: d.Total}, true
}

// Annulled finds a folio that the company gave back.
func (r registry) Annulled(issuer string, kind, folio int) bool {
	return slices.ContainsFunc(r.annulled, func(a folioRange) bool {
		return a.env == r.env && a.company == issuer && a.kind == kind && a.from <= folio && folio <= a.to
	})
}
