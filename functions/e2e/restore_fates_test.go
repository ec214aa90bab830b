package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/faults"
	"timbre/functions/generate-sign/restore"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/store"
)

// TestRestoreAmidTrouble loses the state again and again while uploads' answers are lost and envelopes refused
// and split, and once more when documents are blocked, refused and replaced: each document ends once at the SII.
func TestRestoreAmidTrouble(t *testing.T) {
	world, firms, forms := worldOf(t)
	var ahead atomic.Int64
	s := startStackAt(t, world, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	f := firms[0]
	s.onboard(t, world, f)
	s.certify(t, world, f, forms[0])
	d := newDrill(s, f)
	rounds := 1
	if os.Getenv("WITNESS") != "" {
		rounds = 8
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, seed))
	for round := range rounds {
		check(t, s.sii.Fault(faults.Rule{Fault: faults.ResetAfter, Operation: "upload", Probability: 0.3}))
		check(t, s.sii.Script(refusedUpload(7, 1+dice.IntN(3))))
		d.issue(t, round*10, round*10+10)
		s.passes(t, &ahead, time.Duration(dice.IntN(3))*time.Minute)
		d.lose(t)
	}
	s.sii.Calm()
	d.repeat(t)
	d.settled(t, &ahead, rounds*10)

	check(t, s.sii.Script(refusedUpload(6, 1)))
	d.one(t, "blocked", factura(34))
	s.reaches(t, d.issued[rounds*10:], "blocked")
	d.lose(t)
	s.reaches(t, d.issued[rounds*10:], "blocked")
	s.call(t, "send", http.MethodPost, "/v1/outbox:flush", map[string]any{"company": f.RUT})
	d.settled(t, &ahead, rounds*10+1)

	d.replaceRefused(t)
	d.lose(t)
	d.repeat(t)
	d.settled(t, &ahead, len(d.issued))
	s.nothingOverwritten(t)
}

// refusedUpload is the answer of DTEUpload that it has not taken a file.
func refusedUpload(status, times int) fakesii.Answer {
	return fakesii.Answer{Operation: "upload", Times: times, ContentType: "text/xml", Body: fmt.Sprintf(
		"<?xml version=\"1.0\"?>\n<RECEPCIONDTE>\n<RUTSENDER>1-9</RUTSENDER><RUTCOMPANY>3-5</RUTCOMPANY><FILE>x.xml</FILE>"+
			"<TIMESTAMP>2026-11-24 10:00:00</TIMESTAMP><STATUS>%d</STATUS>\n</RECEPCIONDTE>\n", status)}
}

// passes moves the clock on in steps, in which ticks do what is due.
func (s *stack) passes(t *testing.T, ahead *atomic.Int64, d time.Duration) {
	t.Helper()
	for ; d > 0; d -= time.Minute {
		ahead.Add(int64(time.Minute))
		s.ticked(t)
	}
}

// ticked has each function look once at what is due.
func (s *stack) ticked(t *testing.T) {
	t.Helper()
	before := s.gcs.Stats().Get("timbre-state", "list")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for s.gcs.Stats().Get("timbre-state", "list") < before+int64(len(s.urls)) {
		select {
		case <-ctx.Done():
			t.Fatal("no ticks")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// lose empties the state bucket and makes it again.
func (d *drill) lose(t *testing.T) {
	t.Helper()
	for name := range d.handlers {
		d.stop(name)
	}
	storage, err := gcsstore.NewClient(t.Context())
	check(t, err)
	cleanup(t, storage)
	driver := storage.Bucket(d.common.StateBucket)
	empty(t, driver)
	report, err := restore.Run(t.Context(), restore.Options{
		State: store.NewBucket(driver), Archive: store.NewBucket(storage.Bucket(d.common.ArchiveBucket)), Logger: slog.New(slog.DiscardHandler), Now: d.now,
	})
	check(t, err)
	t.Logf("restored: %v", report.LogValue())
	d.startFunctions(t)
}

// settled waits for the verdicts of the first n documents; what is accepted is once at the SII, what is
// rejected is not there.
func (d *drill) settled(t *testing.T, ahead *atomic.Int64, n int) {
	t.Helper()
	for _, one := range d.issued[:n] {
		status := d.status(t, one.ID)
		for tries := 0; status != "accepted" && status != "rejected"; tries++ {
			if tries == 200 {
				t.Fatalf("%s is %s", one.ID, status)
			}
			d.passes(t, ahead, time.Minute)
			status = d.status(t, one.ID)
		}
		held := 0
		for _, h := range d.sii.Documents() {
			if fmt.Sprintf("%s/%d/%d", h.Issuer, h.Type, h.Folio) == one.ID {
				held++
			}
		}
		if want := map[string]int{"accepted": 1, "rejected": 0}[status]; held != want {
			t.Errorf("%s is %s, the SII holds it %d times", one.ID, status, held)
		}
	}
}

func (d *drill) status(t *testing.T, id string) string {
	t.Helper()
	var got shown
	check(t, json.Unmarshal(d.call(t, "poll-status", http.MethodGet, "/v1/documents/"+id, nil), &got))
	return got.Status
}

// replaceRefused issues every refused document anew on its folio.
func (d *drill) replaceRefused(t *testing.T) {
	t.Helper()
	replaced := 0
	for _, one := range d.issued {
		if d.status(t, one.ID) != "rejected" {
			continue
		}
		key := "instead of " + one.ID
		answer := d.call(t, "generate-sign", http.MethodPost, "/v1/documents",
			map[string]any{"company": d.firm.RUT, "reference": key, "document": factura(33), "replaces": one.ID}, "Idempotency-Key", key)
		if len(answer) == 0 {
			t.Errorf("no answer to the replacement of %s", one.ID)
		}
		replaced++
	}
	t.Logf("%d replaced", replaced)
	if replaced == 0 {
		t.Error("nothing was refused")
	}
}
