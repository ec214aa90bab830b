package dte_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"timbre/shared/dte"
	"timbre/shared/format"
)

// values are what callers put into fields, right and wrong.
var values = []any{
	1, 0, -1, 2, 3, 5, 21, 100, 999, 1000000, 1.5, 0.01, "1", "0", "10.50", "1e2", "999999999999999999",
	"x", "N", "R", "D", "C", "$", "%", "CH", "Ñandú & Cía", "  ", "2026-11-23", "2026-02-30", "2003-04-01", "10:11:12",
	"60803000-K", "60.803.000-k", "1-1", "PESO CL", "DOLAR USA", "CORRIENTE", "AAAA", true, false, nil,
	[]any{}, map[string]any{}, []any{1, 2, 3}, "una glosa algo más larga que cuarenta caracteres en total, para cortes",
}

// grow adds or changes some fields of a document by the format table.
func grow(r *rand.Rand, node map[string]any, def *format.Element) {
	if len(def.Children) == 0 {
		return
	}
	child := def.Children[r.IntN(len(def.Children))]
	if child.Name == "TED" || child.Name == "TmstFirma" {
		return
	}
	if child.Type != nil {
		node[child.Name] = valueFor(r, child)
		if r.IntN(6) == 0 {
			delete(node, child.Name)
		}
		return
	}
	switch existing := node[child.Name].(type) {
	case map[string]any:
		grow(r, existing, child)
	case []any:
		if len(existing) > 0 {
			if object, ok := existing[r.IntN(len(existing))].(map[string]any); ok {
				grow(r, object, child)
			}
		}
		if r.IntN(4) == 0 {
			fresh := required(r, child)
			grow(r, fresh, child)
			node[child.Name] = append(existing, fresh)
		}
	default:
		fresh := required(r, child)
		for range r.IntN(4) {
			grow(r, fresh, child)
		}
		node[child.Name] = fresh
	}
}

// required is an object with what the schema requires.
func required(r *rand.Rand, def *format.Element) map[string]any {
	out := map[string]any{}
	for _, c := range def.Children {
		switch {
		case c.Min == 0:
		case c.Type == nil:
			out[c.Name] = required(r, c)
		default:
			out[c.Name] = valueFor(r, c)
		}
	}
	return out
}

// valueFor is mostly a value that the type takes.
func valueFor(r *rand.Rand, def *format.Element) any {
	for range 30 {
		value := values[r.IntN(len(values))]
		if r.IntN(12) == 0 || def.Type.Check(fmt.Sprint(value)) == "" {
			return value
		}
	}
	return nil
}

func rootFor(t dte.Type) *format.Element {
	switch {
	case t.IsBoleta():
		return format.Root("Boleta")
	case t == dte.LiquidacionFactura:
		return format.Root("Liquidacion")
	case t >= dte.FacturaExportacion:
		return format.Root("Exportaciones")
	}
	return format.Root("Documento")
}

// grown is a document of the examples with some fields added or changed.
func grown(t *testing.T, r *rand.Rand) []byte {
	t.Helper()
	base := whole[r.IntN(len(whole))]
	var doc map[string]any
	if err := json.Unmarshal([]byte(base.text), &doc); err != nil {
		t.Fatal(err)
	}
	kind := mustResolve(t, base.text).Type()
	for range 1 + r.IntN(4) {
		grow(r, doc, rootFor(kind))
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAcceptedIsValid: whatever fields a document has, if it is accepted then its signed bytes are
// valid by the schema, say what the order says, and come out the same from the stored order.
func TestAcceptedIsValid(t *testing.T) {
	t.Parallel()
	count := 600
	if os.Getenv("WITNESS") != "" {
		count = 20_000
	}
	r := rand.New(rand.NewPCG(9, 10))
	accepted := 0
	for range count {
		text := grown(t, r)
		o, _, err := dte.Resolve(dte.Request{Document: text, Issuer: company, Today: today, AllowRemarks: true})
		if err != nil {
			faults(t, err)
			continue
		}
		accepted++
		signed := write(t, o, dte.FormBoth)
		stored, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var again dte.Order
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatalf("%s: %v", stored, err)
		}
		if string(write(t, &again, dte.FormBoth)) != string(signed) {
			t.Fatalf("the stored order gives other bytes: %s", text)
		}
	}
	t.Logf("%d of %d accepted", accepted, count)
	if accepted < count/10 {
		t.Errorf("only %d of %d accepted", accepted, count)
	}
}

// TestAcceptedByOracle: what is accepted without remarks passes the oracle's sums too.
func TestAcceptedByOracle(t *testing.T) {
	t.Parallel()
	if os.Getenv("WITNESS") == "" {
		t.Skip("the oracle judges with WITNESS=1")
	}
	r := rand.New(rand.NewPCG(11, 12))
	dir := t.TempDir()
	var files []string
	for len(files) < 200 {
		o, _, err := dte.Resolve(dte.Request{Document: grown(t, r), Issuer: bakery, Today: today})
		// The CAFs of the fake PKI begin on 2026-11-02, and it has none for liquidations.
		if err != nil || o.IssueDate() < "2026-11-02" || o.Type() == dte.LiquidacionFactura {
			continue
		}
		files = append(files, judge(t, o, dir, len(files)))
	}
	runOracle(t, files)
}
