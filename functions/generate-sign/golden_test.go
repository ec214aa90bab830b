package generatesign_test

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/store"
)

// TestGolden issues every example of testdata, in the order of their names, on the keys of
// testdata/world at a fixed time, and compares each signed document with the file beside it. Signatures
// are deterministic (PKCS#1 v1.5), so that the bytes are exact. The examples double as documentation.
func TestGolden(t *testing.T) {
	t.Parallel()
	c := cloudOf(t, filepath.Join("testdata", "world"), dte.Types()...)
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, chile) }
	h := c.process(t, nil)
	requests, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(requests) < 36 {
		t.Fatalf("%d examples, %v", len(requests), err)
	}
	perType := map[dte.Type]int64{}
	for _, path := range requests {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		code, err := strconv.Atoi(strings.TrimLeft(name[:3], "0"))
		if err != nil {
			t.Fatal(err)
		}
		answer := post(t.Context(), h, "/v1/documents", name, string(read(t, path)))
		if answer.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
			continue
		}
		kind := dte.Type(code)
		perType[kind]++
		id := store.DocumentID{Series: store.Series{Company: store.Company{Env: store.Certificacion, RUT: c.rut}, Type: kind}, Folio: perType[kind]}
		signed, err := store.NewBucket(c.archive).Read(t.Context(), store.SignedDTE(id, 1))
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, name+".xml", signed.Data)
	}
	for _, kind := range dte.Types() {
		if perType[kind] < 3 {
			t.Errorf("type %s has %d examples", kind, perType[kind])
		}
	}
}
