package dte_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/rut"
)

type testCase struct {
	ID    string
	Kind  string
	Input struct {
		Document json.RawMessage
	}
	Expected map[string]json.RawMessage
}

func TestCases(t *testing.T) {
	dir := golden.Reference(t, "sii", "cases")
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, f := range files {
		var c testCase
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind != "document" {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			o, warnings, err := dte.Resolve(dte.Request{Document: c.Input.Document, Today: today, Issuer: dte.Issuer{RUT: rut.MustParse("76192083-9")}})
			for _, w := range warnings {
				t.Log("warning", w)
			}
			var invalid *dte.Invalid
			if errors.As(err, &invalid) {
				for _, f := range invalid.Faults {
					t.Error(f, f.SIICode)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Log(string(o.Totals()), c.Expected)
		})
	}
}
