package judge_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/world"
)

// register is a registry that remembers.
type register map[string]judge.Record

func key(issuer string, kind, folio int) string { return fmt.Sprintf("%s/%d/%d", issuer, kind, folio) }

func (r register) Received(issuer string, kind, folio int) (judge.Record, bool) {
	found, ok := r[key(issuer, kind, folio)]
	return found, ok
}

func (register) Annulled(string, int, int) bool { return false }

// The product's examples of every type are data here: each is taken, unless its
// world is not the one that its CAF and certificate come from. Originals come
// before their notes, as in real life.
func TestAcceptsExamplesOfEveryType(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "functions", "generate-sign", "testdata")
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) == 0 {
		t.Skip("no examples here")
	}
	w, err := world.Load(filepath.Join(dir, "world"))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(files, func(a, b string) int { return order(a) - order(b) })
	seen := register{}
	kinds := map[int]int{}
	for _, file := range files {
		d := example(t, file)
		kinds[d.Type]++
		court := courtOf(w, d, seen)
		findings := court.Judge(d, d.Examine(w.Pool, court.Received.Location()))
		if state := judge.State(findings); state != "DOK" {
			t.Errorf("%s: got %s %+v, want DOK", filepath.Base(file), state, findings)
		}
		seen[key(d.Issuer, d.Type, d.Folio)] = judge.Record{Date: d.Date, Receiver: d.Receiver, VAT: d.VAT, Total: d.Total}
	}
	t.Logf("%d documents of %d types", len(files), len(kinds))
}

// order puts what notes refer to first: 61 before 56, 112 before 111.
func order(file string) int {
	kind := 0
	if _, err := fmt.Sscanf(filepath.Base(file), "%d-", &kind); err != nil {
		return 0
	}
	return slices.Index([]int{33, 34, 39, 41, 43, 46, 52, 110, 61, 56, 112, 111}, kind)
}

func example(t *testing.T, file string) *judge.Document {
	t.Helper()
	d, err := judge.ReadAlone(bareText(t, readFile(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func courtOf(w *world.World, d *judge.Document, seen register) judge.Court {
	signed, err := time.Parse("2006-01-02T15:04:05", d.Signed)
	if err != nil {
		signed = time.Time{}
	}
	return judge.Court{
		Registry: seen, Company: world.Company{RUT: d.Issuer}, Environment: judge.Certification, Pool: w.Pool, SIIKeys: w.SIIKeys,
		MaySign: func(string, string) bool { return true }, Received: signed.Add(time.Minute),
	}
}

// What real companies sent and certified breaks no rule of the tables.
func TestRealDocumentsKeepTheRules(t *testing.T) {
	t.Parallel()
	var documents []*judge.Document
	for _, name := range []string{"EnvioDTE-762352915-F13T33.xml", "EnvioDTE-762352915-basico.xml", "EnvioDTE-762352915-exportacion1.xml", "F60T33-ejemplo-oficial-SII.xml"} {
		e, err := judge.Read(readFile(t, reference(t, "sii", "samples", "envio", name)))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, e.Documents...)
	}
	for _, name := range []string{"DTE-60910000-1-33-2336600.xml", "DTE-76354771-K-33-170.xml"} {
		documents = append(documents, example(t, reference(t, "sii", "samples", "dte", name)))
	}
	for _, d := range documents {
		court := courtOf(&world.World{}, d, register{})
		for _, f := range court.Statements(d) {
			t.Errorf("%d/%d of %s: %+v", d.Type, d.Folio, d.Issuer, f)
		}
	}
}
