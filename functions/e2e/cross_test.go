package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"timbre/shared/access"
)

// accessC is not registered.
const accessC = "99952202-5"

// TestOneCompanyLearnsNothingOfAnother compares what A's key is told of B, which exists, and of C, which does not.
func TestOneCompanyLearnsNothingOfAnother(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	key := w.key(t, accessA, access.Scopes()...)
	for _, r := range accessRoutes() {
		if r.scope == "" {
			continue
		}
		told := map[string]string{}
		for _, of := range []string{accessB, accessC} {
			other := r
			other.path, other.body = strings.ReplaceAll(r.path, accessA, of), strings.ReplaceAll(r.body, accessA, of)
			status, text := w.call(t, other, key)
			before, _, _ := strings.Cut(text, `"request_id"`)
			told[of] = fmt.Sprint(status, " ", before)
			if status != 403 {
				t.Errorf("%s: %s %s: %d %s", r.function, r.method, other.path, status, text)
			}
		}
		if told[accessB] != told[accessC] {
			t.Errorf("%s: %s %s: %v", r.function, r.method, r.path, told)
		}
	}
}

// TestOneCompanyInAnothersRequest names company B where a request of A's key has room for it beside the
// path: A learns as little as of C, which does not exist, and B keeps all it has.
func TestOneCompanyInAnothersRequest(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	key := w.key(t, accessA, access.Scopes()...)
	objects := w.state.Len() + w.archive.Len() + w.secrets.Len()
	of := "/v1/companies/" + accessA
	cases := map[string]struct {
		accessRoute
		want string // part of the answer
	}{
		"issuer of the document": {accessRoute{function: "generate-sign", method: "POST", path: "/v1/documents?dry_run=true", body: `{"company":"` + accessA +
			`","document":{"Encabezado":{"IdDoc":{"TipoDTE":33},"Emisor":{"RUTEmisor":"` + accessB + `"}}}}`, statuses: []int{409, 422}}, ""},
		"document to be replaced": {accessRoute{function: "generate-sign", method: "POST", path: "/v1/documents?dry_run=true", body: `{"company":"` + accessA +
			`","document":{"Encabezado":{"IdDoc":{"TipoDTE":33}}},"replaces":"` + accessB + `/33/1"}`, statuses: []int{403, 404, 409, 422}}, ""},
		"issuer in a row of a batch": {accessRoute{function: "generate-sign", method: "POST", path: "/v1/batches", body: `{"company":"` + accessA +
			`","documents":[{"idempotency_key":"k","document":{"Encabezado":{"IdDoc":{"TipoDTE":33},"Emisor":{"RUTEmisor":"` + accessB + `"}}}}]}`, statuses: []int{200}}, `"problem"`},
		"company of a row of a batch": {accessRoute{function: "generate-sign", method: "POST", path: "/v1/batches", body: `{"company":"` + accessA +
			`","documents":[{"company":"` + accessB + `","idempotency_key":"k","document":{}}]}`, statuses: []int{200}}, `unknown-field`},
		"second company of a batch": {accessRoute{function: "generate-sign", method: "POST", path: "/v1/batches", body: `{"company":"` + accessA +
			`","company":"` + accessB + `","documents":[]}`, statuses: []int{400, 422}}, ""},
		"cursor of a list":          {accessRoute{function: "poll-status", method: "GET", path: "/v1/documents/" + accessA + "?cursor=" + accessB + "/33-1", statuses: []int{400}}, ""},
		"cursor with a way out":     {accessRoute{function: "poll-status", method: "GET", path: "/v1/documents/" + accessA + "?cursor=../" + accessB + "/33-1", statuses: []int{400}}, ""},
		"path with a way out":       {accessRoute{function: "poll-status", method: "GET", path: "/v1/documents/" + accessA + "/..%2f" + accessB + "/33/1", statuses: []int{400, 404}}, ""},
		"second company of a query": {accessRoute{function: "poll-status", method: "GET", path: "/v1/events?company=" + accessB + "&company=" + accessA, statuses: []int{400, 403}}, ""},
		"key for another company":   {accessRoute{function: "onboard", method: "POST", path: of + "/keys", body: `{"ruts":["` + accessB + `"],"scopes":["read"]}`, statuses: []int{403}}, ""},
		"key for all companies":     {accessRoute{function: "onboard", method: "POST", path: of + "/keys", body: `{"ruts":["*"],"scopes":["read"]}`, statuses: []int{422}}, ""},
		"RUT in a configuration":    {accessRoute{function: "onboard", method: "PUT", path: of, body: `{"rut":"` + accessB + `"}`, statuses: []int{422}}, "unknown-field"},
		"company in a query":        {accessRoute{function: "onboard", method: "GET", path: of + "/folios?company=" + accessB + "&rut=" + accessB, statuses: []int{200}}, `"company":"` + accessA},
	}
	for name, c := range cases {
		told := map[string]string{}
		for _, other := range []string{accessB, accessC} {
			r := c.accessRoute
			r.path, r.body = strings.ReplaceAll(r.path, accessB, other), strings.ReplaceAll(r.body, accessB, other)
			status, text := w.call(t, r, key)
			if !slices.Contains(r.statuses, status) || !strings.Contains(text, c.want) {
				t.Errorf("%s: %d %s", name, status, text)
			}
			before, _, _ := strings.Cut(text, `"request_id"`)
			_, before, _ = strings.Cut(before, `"results"`) // a batch has an id of its own
			told[other] = fmt.Sprint(status, " ", strings.ReplaceAll(before, other, "X"))
		}
		if told[accessB] != told[accessC] {
			t.Errorf("%s: %v", name, told)
		}
	}
	if now := w.state.Len() + w.archive.Len() + w.secrets.Len(); now != objects {
		t.Errorf("%d objects became %d", objects, now)
	}
}
