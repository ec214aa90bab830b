package generatesign_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/emulators/gcs"
	"timbre/emulators/sii/authority"
	"timbre/shared/dte"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/store"
)

// TestSweepCostAtTheBucket counts, at the emulator of Cloud Storage, what ticks of generate-sign cost a company
// that has issued much: one that is idle, and one with five orders whose process died, three before they were
// bound and two before they were signed. shared/folio counts the same for a million.
func TestSweepCostAtTheBucket(t *testing.T) { //nolint:paralleltest // the client reads the environment
	finished := int64(80)
	if os.Getenv("WITNESS") != "" {
		finished = 4000
	}
	server, state := bucket(t)
	world := t.TempDir()
	if err := authority.Make(world, authority.Options{Types: []int{33}, Folios: 10_000}); err != nil {
		t.Fatal(err)
	}
	c := cloudOf(t, world, dte.Factura)
	issue(t, state, store.Series{Company: store.Company{Env: store.Certificacion, RUT: c.rut}, Type: dte.Factura}, finished)
	begin := time.Now()
	process := func(minutes time.Duration, prefix string) http.Handler {
		c.now = func() time.Time { return begin.Add(minutes * time.Minute) }
		return c.process(t, func(d store.Driver) store.Driver {
			if d == store.Driver(c.state) {
				d = state
			}
			return stuck{d, prefix}
		})
	}
	die := func(minutes time.Duration, before string, key string) {
		if answer := post(t.Context(), process(minutes, before), "/v1/documents", key, c.order()); answer.Code != http.StatusServiceUnavailable {
			t.Fatalf("answered %d %s", answer.Code, answer.Body)
		}
	}
	tick := func(minutes time.Duration) int64 {
		h := process(minutes, "nothing")
		server.ResetStats()
		if err := h.(sweeper).Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		return calls(server)
	}
	die(0, "req/", "the first")
	whole := tick(10) // moves the mark
	for range 2 {     // removes the entry
		tick(20)
	}
	idle := tick(30)
	for n, before := range []string{"req/", "req/", "req/", "dte/", "dte/"} {
		die(40, before, fmt.Sprint(n))
	}
	five := tick(50)
	t.Logf("%d finished claims: the first tick takes %d storage calls, one without an entry %d, one with 5 unfinished %d, of which %d finish them",
		finished, whole, idle, five, 5*finishing)
	if idle > 2 || five-5*finishing-2 > 20 {
		t.Error("want the two listings of what is due, and beyond those 20 calls at most")
	}
	if got := answered(t, post(t.Context(), process(60, "nothing"), "/v1/documents", "4", c.order())); got["folio"] == nil {
		t.Errorf("the last of them: %v", got)
	}
}

// finishing are the calls of the state bucket that bring a bound folio to its document: look for the document,
// create its entry in the outbox and itself.
const finishing = 3

func calls(s *gcs.Server) int64 {
	all := int64(0)
	for _, verb := range []string{"insert", "get", "read", "patch", "delete", "list"} {
		all += s.Stats().Get("state", verb)
	}
	return all
}

// bucket is one of the emulator.
func bucket(t *testing.T) (*gcs.Server, store.Driver) {
	t.Helper()
	server, err := gcs.Start(gcs.Options{Buckets: []gcs.Bucket{{Name: "state"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("STORAGE_EMULATOR_HOST", server.URL())
	client, err := gcsstore.NewClient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(client.Close(), server.Close()); err != nil {
			t.Error(err)
		}
	})
	return server, client.Bucket("state")
}

// issue writes claims and documents as if they had been issued.
func issue(t *testing.T, d store.Driver, s store.Series, n int64) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(16)
	for folio := range n {
		id := store.DocumentID{Series: s, Folio: folio + 1}
		g.Go(func() error {
			held := map[string]string{"state": "held", "at": "2026-01-01T00:00:00Z"}
			_, err := d.Create(t.Context(), store.Object{Name: store.Claim(id).String(), Meta: held})
			if err == nil {
				_, err = d.Create(t.Context(), store.Object{Name: store.Document(id).String()})
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
