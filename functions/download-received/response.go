package downloadreceived

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"timbre/shared/access"
	"timbre/shared/claim"
	"timbre/shared/exchange"
	"timbre/shared/problem"
	"timbre/shared/received"
	"timbre/shared/serve"
	"timbre/shared/sii"
)

const (
	// maxResponse bounds the body of a response, maxReason the characters of its reason.
	maxResponse = 8 << 10
	maxReason   = 500
)

// ResponseRequest is POST /v1/received/…/response: what the company says to the SII about a document.
type ResponseRequest struct {
	// Action is ACD, RCD, ERM, RFP or RFT.
	Action string `json:"action"`
	// Reason is kept here; the SII's register has no place for it.
	Reason string `json:"reason,omitempty"`
}

// ResponseAnswer says that the SII's register holds the action.
type ResponseAnswer struct {
	ID            string           `json:"id"`
	Action        claim.Action     `json:"action"`
	Reason        string           `json:"reason,omitempty"`
	RecordedAt    string           `json:"recorded_at"`
	State         received.State   `json:"state"`
	SIIReceivedAt *string          `json:"sii_received_at"`
	ClaimDeadline *string          `json:"claim_deadline"`
	Claims        []received.Claim `json:"claims"`
	Links         Links            `json:"links"`
}

// response enters what a person says about a document into the SII's register of acceptance or claim. The same
// request again is the same response, whatever became of the first.
func (h *Handler) response(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	var request ResponseRequest
	if err := serve.ReadJSON(w, r, maxResponse, &request); err != nil {
		return serve.Reply{}, err
	}
	record, err := h.record(r, access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	action, err := request.read()
	if err != nil {
		return serve.Reply{}, err
	}
	record, err = h.respond(r.Context(), record, action, request.Reason)
	if err != nil {
		return serve.Reply{}, err
	}
	if err := h.answered(r.Context(), &record); err != nil { // the tick mails it
		h.Logger.WarnContext(r.Context(), "response recorded, not mailed yet", "id", record.ReceivedID.String(), "error", err)
	}
	return serve.JSON(h.responded(&record, action))
}

func (q *ResponseRequest) read() (claim.Action, error) {
	var faults []problem.Field
	action, err := claim.Parse(q.Action)
	if err != nil {
		faults = append(faults, problem.Field{Path: "action", Code: "invalid-action", Detail: "Debe ser ACD, RCD, ERM, RFP o RFT."})
	}
	if utf8.RuneCountInString(q.Reason) > maxReason {
		faults = append(faults, problem.Field{Path: "reason", Code: "too-long", Detail: fmt.Sprintf("Tiene más de %d caracteres.", maxReason)})
	}
	return action, problem.Invalid(problem.InvalidRequest, faults)
}

func (h *Handler) responded(r *received.Record, a claim.Action) ResponseAnswer {
	answer := ResponseAnswer{
		ID: r.ReceivedID.String(), Action: a, State: r.State, SIIReceivedAt: h.orNull(r.SIIReceivedAt), ClaimDeadline: h.orNull(r.ClaimDeadline),
		Claims: append([]received.Claim{}, r.Claims...), Links: links(r, r.Main(), ""),
	}
	for _, c := range r.Claims {
		if c.Action == string(a) {
			answer.RecordedAt, answer.Reason = h.at(c.At), c.Reason
		}
	}
	return answer
}

// respond takes a response through to its end, or as far as the SII lets it: what stays pending the tick takes up.
// Nothing is noted of one that cannot be entered.
func (s *service) respond(ctx context.Context, r received.Record, a claim.Action, reason string) (received.Record, error) {
	if r.History().Find(a) != nil {
		return r, nil
	}
	if !claim.Handles(r.Type) {
		return r, impossible(claim.BadType, "")
	}
	desk, err := s.desk(ctx, r.Company)
	if err != nil {
		return r, siiProblem(err)
	}
	if err := s.confirm(ctx, &r); err != nil {
		return r, err
	}
	r, said, err := s.consult(ctx, desk, r)
	if err != nil {
		return r, err
	}
	if r.History().Find(a) != nil {
		return r, nil
	}
	if err := s.may(&r, a, said); err != nil {
		return r, err
	}
	r, id, err := s.intend(ctx, r, a, reason)
	if err != nil || id == "" {
		return r, err
	}
	r, err = s.enter(ctx, desk, r, id)
	if err != nil {
		return r, err
	}
	return r, ended(r.Response(id))
}

// confirm makes sure that the SII holds the document: nobody accepts or claims one that it does not have, or has with
// other data (WEBSERVICES §9.3).
func (s *service) confirm(ctx context.Context, r *received.Record) error {
	if r.Registered() {
		return nil
	}
	var last received.AtSII
	for i := range r.Variants {
		v := &r.Variants[i]
		if !askable(r.ReceivedID, v) {
			continue
		}
		said, err := s.ask(ctx, r.ReceivedID, v)
		if err != nil {
			return siiProblem(err)
		}
		if err := s.noteSII(ctx, r.ReceivedID, v.SHA256, said); err != nil {
			return err
		}
		if said.Standing == exchange.AtTheSII {
			return nil
		}
		last = said
	}
	e := problem.New(problem.NotAtSII, "No se acepta ni se reclama: "+exchange.AtSII(last.Standing).Reason+".")
	if last.State != "" {
		e.SII = &problem.SII{Code: last.State, Glosa: last.Glosa}
	}
	return e
}

// may tells whether an action can be entered: by the SII's word about the document, by the term, and by the state
// machine.
func (s *service) may(r *received.Record, a claim.Action, said sii.ClaimAnswer) error {
	switch said.Code.Meaning() {
	case claim.Refused, claim.Closed, claim.Forbidden:
		return impossible(said.Code, said.Glosa)
	case claim.Later:
		return later(said)
	case claim.Told, claim.Recorded, claim.Undocumented:
	}
	if term := r.Term(s.chile); !term.Received.IsZero() && term.Over(s.Now()) {
		return impossible(claim.TooLate, "")
	}
	if code := r.History().Allows(a); code != claim.Done {
		return impossible(code, "")
	}
	return nil
}

// impossible says why the register takes no such response; by our own tables, or by the SII's word where there is a
// glosa.
func impossible(code claim.Code, glosa string) error {
	kind := problem.ClaimImpossible
	switch code.Meaning() {
	case claim.Closed:
		kind = problem.ClaimClosed
	case claim.Forbidden:
		kind = problem.SIIPermission
	case claim.Undocumented, claim.Recorded, claim.Told, claim.Refused, claim.Later:
	}
	e := problem.New(kind, code.Text())
	e.SII = &problem.SII{Code: fmt.Sprint(int(code)), Glosa: glosa}
	return e
}

// later says that the SII must be asked again: nothing was noted.
func later(said sii.ClaimAnswer) error {
	return &problem.Error{
		Code: problem.Unavailable, Detail: said.Code.Text() + " Repita más tarde.", RetryAfter: retryLater,
		SII: &problem.SII{Code: fmt.Sprint(int(said.Code)), Glosa: said.Glosa},
	}
}

// retryLater is when a caller may try again where the SII does not answer.
const retryLater = time.Minute

// siiProblem tells the caller why the SII was not asked or gave no answer.
func siiProblem(err error) error {
	switch {
	case errors.Is(err, errNoCertificate):
		return problem.Wrap(problem.CertificateMissing, "", err)
	case errors.Is(err, sii.ErrCertificate):
		return problem.Wrap(problem.SIIPermission, "El SII no acepta el certificado de la empresa.", err)
	case errors.Is(err, sii.ErrUnavailable), errors.Is(err, sii.ErrIndeterminate):
		return &problem.Error{
			Code: problem.Unavailable, Detail: "El SII no contestó. Repita la misma solicitud.", RetryAfter: retryLater, Cause: err,
		}
	}
	return err
}

// ended tells the caller what became of his response; nil: it is in the SII's register.
func ended(p *received.Response) error {
	switch p.State {
	case received.ResponseRecorded:
		return nil
	case received.ResponseRefused:
		return impossible(*p.Code, p.Glosa)
	case received.ResponseReplaced:
		return problem.New(problem.RequestInProgress, "Otra respuesta reemplazó a ésta antes de que el SII la registrara.")
	case received.ResponsePending:
	}
	e := &problem.Error{
		Code: problem.Unavailable, RetryAfter: retryLater,
		Detail: "El SII no contestó. La respuesta quedó anotada y se registrará apenas conteste; repetir la solicitud no la duplica.",
	}
	if p.Code != nil {
		e.Detail = p.Code.Text() + " La respuesta quedó anotada y se intentará otra vez dentro del plazo; repetir la solicitud no la duplica."
		e.SII = &problem.SII{Code: fmt.Sprint(int(*p.Code)), Glosa: p.Glosa}
	}
	return e
}
