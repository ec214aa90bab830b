package e2e_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/shared/golden"
)

// TestEveryType issues every example of functions/generate-sign/testdata, three and more of each type,
// and sees each accepted by the simulated SII. The clock starts at the examples' day, since their CAFs
// and references carry dates.
func TestEveryType(t *testing.T) {
	testdata := filepath.Join(golden.Root(), "functions", "generate-sign", "testdata")
	world := filepath.Join(testdata, "world")
	began := time.Now()
	noon := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	s := startStackAt(t, world, func() time.Time { return noon.Add(time.Since(began)) })
	var firms []firm
	check(t, json.Unmarshal(file(t, world, "companies.json"), &firms))
	f := firms[0]
	s.register(t, f)
	cafs, err := filepath.Glob(filepath.Join(world, "caf", f.ID, "*.xml"))
	check(t, err)
	for _, path := range cafs {
		s.call(t, "onboard", http.MethodPost, "/v1/companies/"+f.RUT+"/cafs", file(t, path))
	}
	s.certify(t, world, f, "modern")
	examples, err := filepath.Glob(filepath.Join(testdata, "*.json"))
	check(t, err)
	if len(examples) < 36 {
		t.Fatalf("%d examples", len(examples))
	}
	var issued []shown
	for _, path := range examples {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		var d shown
		check(t, json.Unmarshal(s.call(t, "generate-sign", http.MethodPost, "/v1/documents", json.RawMessage(file(t, path)), "Idempotency-Key", name), &d))
		issued = append(issued, d)
	}
	for i, d := range issued {
		if got := s.verdict(t, d.ID); got.Status != "accepted" {
			t.Errorf("%s is %s, the SII said %s", filepath.Base(examples[i]), got.Status, got.SII)
		}
	}
	s.nothingOverwritten(t)
	s.simulatorAgrees(t, issued)
}
