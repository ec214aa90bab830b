package check_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"timbre/infra/check"
)

// sample is a value of a schema: what its type and enum say, as deep as required properties go.
func sample(s *openapi3.Schema) any {
	switch {
	case len(s.Enum) > 0:
		return s.Enum[len(s.Enum)-1]
	case len(s.OneOf) > 0:
		return sample(s.OneOf[0].Value)
	case s.Type.Includes("object"):
		object := map[string]any{}
		for name, property := range s.Properties {
			object[name] = sample(property.Value)
		}
		return object
	case s.Type.Includes("array"):
		if s.Items == nil {
			return []any{}
		}
		return []any{sample(s.Items.Value)}
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		return 33
	case s.Type.Includes("boolean"):
		return false
	}
	if len(s.Examples) > 0 {
		return s.Examples[0]
	}
	return "x"
}

// wrongs are values that are of the wrong type nearly everywhere, or of the right one and absurd.
var wrongs = []any{nil, true, -1, 1e300, "", "\u0000", strings.Repeat("9", 400), []any{}, map[string]any{"x": 1}, json.Number("0.1e-99")}

// mutants are a sample with each property in turn left out, replaced by each wrong, or joined by a stranger.
func mutants(object map[string]any) []map[string]any {
	var all []map[string]any
	for _, name := range slices.Sorted(maps.Keys(object)) {
		without := maps.Clone(object)
		delete(without, name)
		all = append(all, without)
		for _, wrong := range wrongs {
			other := maps.Clone(object)
			other[name] = wrong
			all = append(all, other)
		}
		inner, isObject := object[name].(map[string]any)
		if !isObject {
			continue
		}
		for _, m := range mutants(inner) {
			other := maps.Clone(object)
			other[name] = m
			all = append(all, other)
		}
	}
	stranger := maps.Clone(object)
	stranger["nobody"] = 1
	return append(all, stranger)
}

// TestMutantsOfTheSchemasGetDocumentedAnswers derives bodies from each request's schema, right but for one
// place, and sends them: what is answered must be described, and must be no fault of ours.
func TestMutantsOfTheSchemasGetDocumentedAnswers(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	doc, err := check.LoadOpenAPI(root)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	statuses := map[int]int{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			body := requestSchema(operation)
			if body == nil {
				continue
			}
			base, isObject := sample(body).(map[string]any)
			if !isObject {
				t.Fatalf("%s %s: the body is no object", method, path)
			}
			base = ours(base)
			for _, m := range mutants(base) {
				text, err := json.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				c := call{method: method, path: hostilePaths(path)[0], body: string(text), header: key("mutant")}
				status, answer := a.do(t, c)
				if status >= http.StatusInternalServerError {
					t.Errorf("%s %s with %.300s answers %d: %.300s", method, path, text, status, answer)
				}
				sent++
				statuses[status]++
			}
		}
	}
	t.Log(sent, "requests:", fmt.Sprint(statuses))
	if sent < 500 {
		t.Errorf("only %d requests", sent)
	}
}

func requestSchema(operation *openapi3.Operation) *openapi3.Schema {
	if operation.RequestBody == nil {
		return nil
	}
	media := operation.RequestBody.Value.Content.Get("application/json")
	if media == nil {
		return nil
	}
	return media.Schema.Value
}

// ours names a company of this stack wherever one is named, so that mutants get further than to a refusal.
func ours(object map[string]any) map[string]any {
	for name := range object {
		if name == "company" || name == "company_vat" {
			object[name] = rutB
		}
		if name == "ruts" {
			object[name] = []any{rutB}
		}
	}
	return object
}
