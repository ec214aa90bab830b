package pollstatus

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/problem"
	"timbre/shared/serve"
	"timbre/shared/store"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// statuses are those that a list may be asked for.
var statuses = []event.Status{
	event.StatusSigned, event.StatusSending, event.StatusSent, event.StatusAccepted,
	event.StatusAcceptedRemarks, event.StatusRejected, event.StatusBlocked,
}

// filter is what a list is asked for.
type filter struct {
	company  store.Company
	kind     dte.Type // 0: every type
	status   event.Status
	from, to string // AAAA-MM-DD, "" for open
	start    string // name of the first entry to look at
	limit    int
}

// list answers documents by type and folio, from the metadata of a listing alone. The limit bounds the
// entries looked at, so that a page of rare documents may be short and still have a cursor.
func (h *Handler) list(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, err := h.company(r, r.PathValue("company"))
	if err != nil {
		return serve.Reply{}, err
	}
	f, err := readFilter(c, r.URL.Query())
	if err != nil {
		return serve.Reply{}, err
	}
	page := List{Items: []ListItem{}}
	looked := 0
	for o, err := range h.State.List(r.Context(), f.query()) {
		if err != nil {
			return serve.Reply{}, err
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return serve.Reply{}, err
		}
		if looked == f.limit {
			next := fmt.Sprintf("%d-%d", id.Type, id.Folio)
			page.Cursor = &next
			break
		}
		looked++
		if f.wants(o.Meta) {
			page.Items = append(page.Items, item(id, o.Meta))
		}
	}
	return serve.JSON(page)
}

func (f filter) query() store.Query {
	prefix := store.DocumentsPrefix(f.company)
	if f.kind != 0 {
		prefix = store.DocumentPrefix(store.Series{Company: f.company, Type: f.kind})
	}
	return store.Query{Prefix: prefix, Start: f.start, Limit: f.limit + 1}
}

func (f filter) wants(meta map[string]string) bool {
	date := meta["date"]
	return (f.status == "" || meta["status"] == string(f.status)) &&
		(f.from == "" || date >= f.from) && (f.to == "" || date <= f.to)
}

func item(id store.DocumentID, meta map[string]string) ListItem {
	return ListItem{
		ID: id.String(), Company: id.RUT.String(), Environment: string(id.Env), Type: int(id.Type), Folio: id.Folio,
		IssueDate: meta["date"], Total: json.Number(meta["total"]), Status: event.Status(meta["status"]),
		Links: ListLinks{Self: "/v1/documents/" + id.String()},
	}
}

// readFilter reads the query; all its faults come at once.
func readFilter(c store.Company, q url.Values) (filter, error) {
	f := filter{company: c, status: event.Status(q.Get("status")), from: q.Get("from"), to: q.Get("to"), limit: defaultLimit}
	var faults []problem.Field
	fault := func(name, detail string) {
		faults = append(faults, problem.Field{Path: name, Code: "invalid-parameter", Detail: detail})
	}
	if text := q.Get("type"); text != "" {
		var err error
		if f.kind, err = dte.ParseType(text); err != nil {
			fault("type", "No es un tipo de documento.")
		}
	}
	if f.status != "" && !slices.Contains(statuses, f.status) {
		fault("status", "No es un estado de documento.")
	}
	for name, text := range map[string]string{"from": f.from, "to": f.to} {
		if _, err := time.Parse(time.DateOnly, text); text != "" && err != nil {
			fault(name, "No es una fecha AAAA-MM-DD.")
		}
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if f.limit = n; err != nil || n < 1 || n > maxLimit {
			faults = append(faults, badLimit())
		}
	}
	if text := q.Get("cursor"); text != "" {
		id, ok := readCursor(c, text)
		if f.start = store.Document(id).String(); !ok {
			fault("cursor", "No es un cursor de esta lista.")
		}
	}
	return f, problem.Invalid(problem.InvalidParameter, faults)
}

// readCursor reads the type and folio at which a page goes on.
func readCursor(c store.Company, text string) (store.DocumentID, bool) {
	kind, number, found := strings.Cut(text, "-")
	t, typeErr := dte.ParseType(kind)
	folio, folioErr := strconv.ParseInt(number, 10, 64)
	id := store.DocumentID{Series: store.Series{Company: c, Type: t}, Folio: folio}
	return id, found && typeErr == nil && folioErr == nil
}
