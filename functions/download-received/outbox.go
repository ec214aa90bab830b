package downloadreceived

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"timbre/shared/access"
	"timbre/shared/outmail"
	"timbre/shared/problem"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// Outgoing is a mail to a supplier.
type Outgoing struct {
	ID        store.LetterID `json:"id"`
	Kind      outmail.Kind   `json:"kind"`
	About     string         `json:"about"`
	To        string         `json:"to"`
	Subject   string         `json:"subject"`
	MessageID string         `json:"message_id"`
	State     outmail.State  `json:"state"`
	Attempts  int            `json:"attempts"`
	CreatedAt string         `json:"created_at"`
	// NextAt is when it is tried again; null once it was sent or given up.
	NextAt *string       `json:"next_at"`
	SentAt *string       `json:"sent_at"`
	Error  string        `json:"error,omitempty"`
	Links  OutgoingLinks `json:"links"`
}

// OutgoingLinks lead to the mail's bytes, and to sending a dead one once more.
type OutgoingLinks struct {
	Self   string `json:"self"`
	Resend string `json:"resend"`
}

// OutgoingList is a page of the company's mails, in the order of their ids.
type OutgoingList struct {
	Items []Outgoing `json:"items"`
	// Cursor goes on where the page ends; null on the last page.
	Cursor *string `json:"cursor"`
}

// mailingRoutes are those of answers, suppliers and reconciliation.
func (h *Handler) mailingRoutes() {
	h.route(access.Receive, "POST /v1/received/{company}/{issuer}/{type}/{folio}/answers", h.answer)
	h.route(access.Read, "GET /v1/received/{company}/outbox", h.listOutgoing)
	h.route(access.Read, "GET /v1/received/{company}/outbox/{letter}", h.outgoingBytes)
	h.route(access.Receive, "POST /v1/received/{company}/outbox/{letter}/resend", h.resend)
	h.route(access.Read, "GET /v1/received/{company}/suppliers/{issuer}", h.supplier)
	h.route(access.Receive, "PUT /v1/received/{company}/suppliers/{issuer}", h.putSupplier)
	h.route(access.Read, "GET /v1/received/{company}/reconciliation", h.reconciliation)
	h.route(access.Receive, "PUT /v1/received/{company}/reconciliation", h.putBook)
	h.route(access.Receive, "POST /v1/received/{company}/reconciliation/requests", h.requestXML)
}

// outgoing is a mail as callers see it.
func (h *Handler) outgoing(c store.Company, r *outmail.Record) Outgoing {
	self := fmt.Sprintf("/v1/received/%s/outbox/%s", c.RUT, r.ID)
	out := Outgoing{
		ID: r.ID, Kind: r.Kind, About: r.About, To: r.To, Subject: r.Subject, MessageID: r.MessageID, State: r.State, Attempts: r.Attempts,
		CreatedAt: h.at(r.CreatedAt), Error: r.Error, Links: OutgoingLinks{self, self + "/resend"},
	}
	if r.State == outmail.Waiting {
		out.NextAt = h.orNull(r.NextAt)
	}
	if r.SentAt != nil {
		out.SentAt = h.orNull(*r.SentAt)
	}
	return out
}

// box is the outbox, or why there is none.
func (h *Handler) box() (*outmail.Outbox, error) {
	if h.mailing.outbox == nil {
		return nil, problem.New(problem.MailServerMissing, "Este servicio no envía correo.")
	}
	return h.mailing.outbox, nil
}

// listOutgoing answers the company's mails, those of a state if one is asked for.
func (h *Handler) listOutgoing(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, err := h.company(r, r.PathValue("company"), access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	after, state, limit, err := readOutgoing(r)
	if err != nil {
		return serve.Reply{}, err
	}
	box, err := h.box()
	if err != nil {
		return serve.Reply{}, err
	}
	found, next, err := box.List(r.Context(), c, after, state, limit)
	if err != nil {
		return serve.Reply{}, err
	}
	page := OutgoingList{Items: make([]Outgoing, len(found))}
	for i := range found {
		page.Items[i] = h.outgoing(c, &found[i])
	}
	if next != "" {
		text := string(next)
		page.Cursor = &text
	}
	return serve.JSON(page)
}

// readOutgoing reads what a list of mails is asked for; all faults come at once.
func readOutgoing(r *http.Request) (store.LetterID, outmail.State, int, error) {
	var faults []problem.Field
	q, limit := r.URL.Query(), defaultLimit
	after, state := store.LetterID(q.Get("cursor")), outmail.State(q.Get("state"))
	if after != "" && !after.Valid() {
		faults = append(faults, problem.Field{Path: "cursor", Code: "invalid-parameter", Detail: "No es un cursor de esta lista."})
	}
	if state != "" && state != outmail.Waiting && state != outmail.Sent && state != outmail.Dead {
		faults = append(faults, problem.Field{Path: "state", Code: "invalid-parameter", Detail: "Debe ser waiting, sent o dead."})
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if limit = n; err != nil || n < 1 || n > maxLimit {
			faults = append(faults, problem.Field{Path: "limit", Code: "invalid-parameter", Detail: fmt.Sprintf("Debe estar entre 1 y %d.", maxLimit)})
		}
	}
	return after, state, limit, problem.Invalid(problem.InvalidParameter, faults)
}

// outgoingBytes answers a mail as it is sent.
func (h *Handler) outgoingBytes(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, id, err := h.letterOf(r, access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	box, err := h.box()
	if err != nil {
		return serve.Reply{}, err
	}
	raw, err := box.Bytes(r.Context(), c, id)
	if errors.Is(err, store.ErrNotFound) {
		return serve.Reply{}, problem.Wrap(problem.NotFound, "", err)
	}
	return serve.Reply{ContentType: "application/octet-stream", Body: raw}, err
}

// resend has a mail that was given up tried for three more days; one that was not given up is left as it is.
func (h *Handler) resend(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, id, err := h.letterOf(r, access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	box, err := h.box()
	if err != nil {
		return serve.Reply{}, err
	}
	record, err := box.Get(r.Context(), c, id) // first: what is not there must leave no work behind
	if errors.Is(err, store.ErrNotFound) {
		return serve.Reply{}, problem.Wrap(problem.NotFound, "", err)
	}
	if err != nil {
		return serve.Reply{}, err
	}
	again, err := box.Again(r.Context(), c, id)
	switch {
	case err == nil:
		record = again
	case !errors.Is(err, outmail.ErrNotDead):
		return serve.Reply{}, err
	}
	return serve.JSON(h.outgoing(c, record))
}

func (h *Handler) letterOf(r *http.Request, scope access.Scope) (store.Company, store.LetterID, error) {
	c, err := h.company(r, r.PathValue("company"), scope)
	id := store.LetterID(r.PathValue("letter"))
	if err == nil && !id.Valid() {
		err = problem.New(problem.NotFound, "")
	}
	return c, id, err
}
