package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/infra/check"
)

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	doc, err := check.LoadOpenAPI(root)
	if err != nil {
		t.Fatal(err)
	}
	found, err := check.OpenAPI(doc, product(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
	if doc.OpenAPI != "3.1.0" || doc.Webhooks["event"] == nil {
		t.Errorf("version %s, webhooks %v", doc.OpenAPI, doc.Webhooks)
	}
}

func TestEachFaultOfTheDescriptionIsFound(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p := product(t)
	for name, c := range map[string]struct{ rule, from, to string }{
		"a route is missing":       {"routes", "  /v1/events:\n", "  /v1/event:\n"},
		"a method is another":      {"routes", "    put:\n      operationId: putSecrets", "    post:\n      operationId: putSecrets"},
		"errors are not described": {"routes", "Counts of envelopes, content: {application/json: {schema: {$ref: \"#/components/schemas/Sweep\"}}}}\n        default: {$ref: \"#/components/responses/Problem\"}", "Counts of envelopes, content: {application/json: {schema: {$ref: \"#/components/schemas/Sweep\"}}}}"},
		"a property is missing":    {"properties", ", deletable_after: {$ref: \"#/components/schemas/Time\"}}}", "}}"},
		"a property is misspelt":   {"properties", "previous_status: {type: string}", "previous_state: {type: string}"},
		"a code is missing":        {"codes", "\"urn:dte:problem:folio-used\", ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := strings.Replace(string(text), c.from, c.to, 1)
			if bad == string(text) {
				t.Fatalf("the description does not hold %q", c.from)
			}
			doc, err := check.ParseOpenAPI([]byte(bad))
			if err != nil && doc == nil {
				return // refused already
			}
			found, err := check.OpenAPI(doc, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Rule == c.rule {
					return
				}
			}
			t.Errorf("not found by %s: %v", c.rule, found)
		})
	}
}
