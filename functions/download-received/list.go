package downloadreceived

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"timbre/shared/access"
	"timbre/shared/problem"
	"timbre/shared/received"
	"timbre/shared/serve"
	"timbre/shared/store"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// list answers the register in the order of arrival, each document as it is now.
func (h *Handler) list(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	query := r.URL.Query()
	c, err := h.company(r, query.Get("company"), access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	after, limit, err := readPage(query)
	if err != nil {
		return serve.Reply{}, err
	}
	found, err := h.register.List(r.Context(), c, after, limit)
	if err != nil {
		return serve.Reply{}, err
	}
	page := List{Items: make([]Item, len(found)), Cursor: strconv.FormatInt(after, 10)}
	for i := range found {
		page.Items[i], page.Cursor = h.item(&found[i].Record), strconv.FormatInt(found[i].Number, 10)
	}
	return serve.JSON(page)
}

// readPage reads cursor and limit; all their faults come at once.
func readPage(q url.Values) (int64, int, error) {
	var faults []problem.Field
	after, limit := int64(0), defaultLimit
	if text := q.Get("cursor"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if after = n; err != nil || n < 0 {
			faults = append(faults, problem.Field{Path: "cursor", Code: "invalid-parameter", Detail: "No es un cursor de esta lista."})
		}
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if limit = n; err != nil || n < 1 || n > maxLimit {
			faults = append(faults, problem.Field{Path: "limit", Code: "invalid-parameter", Detail: fmt.Sprintf("Debe estar entre 1 y %d.", maxLimit)})
		}
	}
	return after, limit, problem.Invalid(problem.InvalidParameter, faults)
}

// quarantine answers what could not be read or is for somebody else, in the order of arrival.
func (h *Handler) quarantine(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, after, limit, err := h.page(r)
	if err != nil {
		return serve.Reply{}, err
	}
	found, err := h.register.Quarantines(r.Context(), c, after, limit)
	if err != nil {
		return serve.Reply{}, err
	}
	page := QuarantineList{Items: make([]QuarantineItem, len(found)), Cursor: strconv.FormatInt(after, 10)}
	for i, q := range found {
		page.Items[i] = QuarantineItem{Number: q.Number, Quarantined: q.Quarantined, Links: fileLinks(c, q.File, q.Mail)}
		page.Items[i].At = q.At.In(h.chile).Truncate(time.Second)
		page.Cursor = strconv.FormatInt(q.Number, 10)
	}
	return serve.JSON(page)
}

// files answers the files that are no purchases, in the order of arrival.
func (h *Handler) files(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, after, limit, err := h.page(r)
	if err != nil {
		return serve.Reply{}, err
	}
	found, err := h.register.Files(r.Context(), c, after, limit)
	if err != nil {
		return serve.Reply{}, err
	}
	page := FileList{Items: make([]FileView, len(found)), Cursor: strconv.FormatInt(after, 10)}
	for i := range found {
		page.Items[i], page.Cursor = h.fileView(c, &found[i].File), strconv.FormatInt(found[i].Number, 10)
	}
	return serve.JSON(page)
}

// page reads what a list of a company is asked for.
func (h *Handler) page(r *http.Request) (store.Company, int64, int, error) {
	c, err := h.company(r, r.PathValue("company"), access.Read)
	if err != nil {
		return c, 0, 0, err
	}
	after, limit, err := readPage(r.URL.Query())
	return c, after, limit, err
}

// seed answers the documents that arrived from a day or a time on.
func (h *Handler) seed(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	query := r.URL.Query()
	c, err := h.company(r, query.Get("rut"), access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	after, limit, err := readPage(query)
	if err != nil {
		return serve.Reply{}, err
	}
	since, err := readSince(query.Get("since"), h.chile)
	if err != nil {
		return serve.Reply{}, err
	}
	if query.Get("cursor") == "" && !since.IsZero() {
		if after, err = h.register.Before(r.Context(), c, since); err != nil {
			return serve.Reply{}, err
		}
	}
	if query.Get("limit") == "" {
		limit = maxLimit
	}
	found, err := h.register.List(r.Context(), c, after, limit)
	if err != nil {
		return serve.Reply{}, err
	}
	return serve.JSON(h.seedAnswer(found, since, limit))
}

func (h *Handler) seedAnswer(found []received.Numbered, since time.Time, limit int) SeedAnswer {
	answer := SeedAnswer{Success: true, Documents: []Item{}}
	for i := range found {
		if !found[i].ReceivedAt.Before(since) {
			answer.Documents = append(answer.Documents, h.item(&found[i].Record))
		}
	}
	if len(found) == limit {
		answer.Cursor = strconv.FormatInt(found[limit-1].Number, 10)
	}
	return answer
}

// readSince reads a day of Chile or a time; nothing is since ever.
func readSince(text string, chile *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, "2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.ParseInLocation(form, text, chile); err == nil {
			return at, nil
		}
	}
	return time.Time{}, problem.Invalid(problem.InvalidParameter, []problem.Field{
		{Path: "since", Code: "invalid-parameter", Detail: "Debe ser una fecha (AAAA-MM-DD) o una fecha y hora con zona (RFC 3339)."},
	})
}
