package received

import (
	"slices"
	"time"

	"timbre/shared/claim"
)

// ResponseState is what became of a Response.
type ResponseState string

// The states. The last three are ends.
const (
	ResponsePending  ResponseState = "pending"  // to be entered; the SII may have it already
	ResponseRecorded ResponseState = "recorded" // in the SII's register
	ResponseRefused  ResponseState = "refused"  // the SII does not take it
	ResponseReplaced ResponseState = "replaced" // by another one, before the SII was known to have it
)

// Response is what a person answered to a document at the SII. It stands here before the SII is called, so that
// whoever comes after a crash knows what was asked for; at most one is pending.
type Response struct {
	ID     string        `json:"id"`
	Action claim.Action  `json:"action"`
	Reason string        `json:"reason,omitempty"`
	At     time.Time     `json:"at"` // of the request
	State  ResponseState `json:"state"`
	Ended  time.Time     `json:"ended,omitzero"`
	// Code and Glosa are the SII's last answer, Text ours; Code is nil while there is none.
	Code  *claim.Code `json:"code,omitempty"`
	Glosa string      `json:"glosa,omitempty"`
	Text  string      `json:"text,omitempty"`
}

// Pending is the response that is to be entered; nil if there is none.
func (r *Record) Pending() *Response {
	for i := range r.Responses {
		if r.Responses[i].State == ResponsePending {
			return &r.Responses[i]
		}
	}
	return nil
}

// Response finds one by its ID; nil if there is none.
func (r *Record) Response(id string) *Response {
	i := slices.IndexFunc(r.Responses, func(p Response) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Responses[i]
}

// Respond notes a response before it is entered. The same action again is the response that is pending; another
// one takes its place.
func (r *Record) Respond(p Response) *Response {
	if open := r.Pending(); open != nil {
		if open.Action == p.Action {
			return open
		}
		open.State, open.Ended = ResponseReplaced, p.At
	}
	p.State = ResponsePending
	r.Responses = append(r.Responses, p)
	return &r.Responses[len(r.Responses)-1]
}

// History is what the SII's register is known to hold.
func (r *Record) History() claim.History {
	h := make(claim.History, len(r.Claims))
	for i, c := range r.Claims {
		h[i] = claim.Event{Action: claim.Action(c.Action), At: c.At}
	}
	return h
}

// Learn takes over the SII's list of events, which replaces what was noted before, and ends the pending response if
// it is in the list. An event that was answered as recorded and is not listed yet stays.
func (r *Record) Learn(h claim.History, now time.Time, chile *time.Location) {
	known := r.Claims
	r.Claims = nil
	for _, e := range h {
		c := Claim{Action: string(e.Action), At: e.At, Reason: r.reasonOf(e.Action)}
		if !e.By.IsZero() {
			c.By = e.By.String()
		}
		r.Claims = append(r.Claims, c)
	}
	for _, c := range known {
		if h.Find(claim.Action(c.Action)) == nil {
			r.Claims = append(r.Claims, c)
		}
	}
	if p := r.Pending(); p != nil && h.Find(p.Action) != nil {
		p.State, p.Ended = ResponseRecorded, now
	}
	r.Stand(now, chile)
}

// Enter notes that the SII has recorded a response.
func (r *Record) Enter(p *Response, now time.Time, chile *time.Location) {
	p.State, p.Ended = ResponseRecorded, now
	if r.History().Find(p.Action) == nil {
		r.Claims = append(r.Claims, Claim{Action: string(p.Action), At: now, Reason: p.Reason})
	}
	r.Stand(now, chile)
}

// Stand brings the state up to date: by the events, or by eight days of silence.
func (r *Record) Stand(now time.Time, chile *time.Location) {
	switch r.History().Standing(r.Term(chile), now) {
	case claim.Claimed:
		r.State = StateClaimed
	case claim.Accepted, claim.Silent:
		r.State = StateAccepted
	case claim.Pending:
		r.State = StateReceived
	}
}

// Term is the time to respond, in the calendar of Chile; zero while the SII's reception is not known.
func (r *Record) Term(chile *time.Location) claim.Term {
	if r.SIIReceivedAt.IsZero() {
		return claim.Term{}
	}
	return claim.TermOf(r.SIIReceivedAt, chile)
}

// Arrive notes when the SII received the document, and with it the deadline.
func (r *Record) Arrive(at time.Time, chile *time.Location) {
	r.SIIReceivedAt = at
	r.ClaimDeadline = r.Term(chile).Ends
}

func (r *Record) reasonOf(a claim.Action) string {
	for _, p := range slices.Backward(r.Responses) {
		if p.Action == a && p.Reason != "" {
			return p.Reason
		}
	}
	return ""
}
