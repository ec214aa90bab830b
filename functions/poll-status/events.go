package pollstatus

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"timbre/shared/problem"
	"timbre/shared/serve"
)

// events answers the company's log of what callers are told, the pull form of webhooks: the events after
// a number, in order and without a gap. Who asks on from the last number he got misses none.
func (h *Handler) events(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	query := r.URL.Query()
	c, err := h.company(r, query.Get("company"))
	if err != nil {
		return serve.Reply{}, err
	}
	after, limit, err := readRange(query)
	if err != nil {
		return serve.Reply{}, err
	}
	if query.Get("undelivered") == "true" {
		return h.undelivered(r.Context(), c, after, limit)
	}
	entries, err := h.journal.Read(r.Context(), c, after, limit)
	if err != nil {
		return serve.Reply{}, err
	}
	page := EventList{Items: make([]EventItem, len(entries)), After: after}
	for i, e := range entries {
		item := EventItem{Number: e.Number}
		if err := json.Unmarshal(e.Body, &item.Notice); err != nil {
			return serve.Reply{}, fmt.Errorf("decode event %d of %s: %w", e.Number, c.RUT, err)
		}
		page.Items[i], page.After = item, e.Number
	}
	return serve.JSON(page)
}

// readRange reads after and limit; all their faults come at once.
func readRange(q url.Values) (int64, int, error) {
	var faults []problem.Field
	after, limit := int64(0), defaultLimit
	if text := q.Get("after"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if after = n; err != nil || n < 0 {
			faults = append(faults, problem.Field{Path: "after", Code: "invalid-parameter", Detail: "No es un número de evento."})
		}
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if limit = n; err != nil || n < 1 || n > maxLimit {
			faults = append(faults, badLimit())
		}
	}
	return after, limit, problem.Invalid(problem.InvalidParameter, faults)
}

func badLimit() problem.Field {
	return problem.Field{Path: "limit", Code: "invalid-parameter", Detail: fmt.Sprintf("Debe estar entre 1 y %d.", maxLimit)}
}
