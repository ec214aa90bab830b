package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/faults"
	"timbre/functions/generate-sign/restore"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/store"
)

// TestRestoreDrill loses the state bucket in the midst of work and makes it again from the archive: no folio
// is given twice, every request's repeat gets its answer, every document its verdict (docs/runbooks/restore.md).
func TestRestoreDrill(t *testing.T) {
	world, firms, forms := worldOf(t)
	var ahead atomic.Int64
	s := startStackAt(t, world, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	f := firms[0]
	s.onboard(t, world, f)
	s.certify(t, world, f, forms[0])
	d := newDrill(s, f)

	d.issue(t, 0, 30)
	d.settled(t, &ahead, 30)
	check(t, s.sii.Turn(fakesii.Dials{VerdictDelay: faults.Duration(time.Hour)})) // from here on no verdicts
	d.issue(t, 30, 40)
	s.reaches(t, d.issued[30:], "sent")
	s.stop("send")
	d.issue(t, 40, 50)
	reserve := map[string]any{"company": f.RUT, "type": 33}
	reserved := s.call(t, "generate-sign", http.MethodPost, "/v1/folios:reserve", reserve, "Idempotency-Key", "kept")
	s.call(t, "onboard", http.MethodPost, "/v1/companies/"+f.RUT+"/folios:void", map[string]any{"type": 34, "from": 5, "to": 9, "reason": "drill"})
	told := d.lastEvent(t)

	for name := range s.handlers {
		s.stop(name)
	}
	storage, err := gcsstore.NewClient(t.Context())
	check(t, err)
	cleanup(t, storage)
	state := store.NewBucket(storage.Bucket(s.common.StateBucket))
	empty(t, storage.Bucket(s.common.StateBucket))
	options := restore.Options{
		State: state, Archive: store.NewBucket(storage.Bucket(s.common.ArchiveBucket)), Logger: slog.New(slog.DiscardHandler), Now: s.now, Dry: true,
	}
	dry, err := restore.Run(t.Context(), options)
	check(t, err)
	if n := len(objects(t, state)); n != 0 {
		t.Errorf("a dry run wrote %d objects", n)
	}
	options.Dry = false
	options.State = store.NewBucket(&shortLived{Driver: storage.Bucket(s.common.StateBucket)})
	for deaths := 0; ; deaths++ {
		report, err := restore.Run(t.Context(), options)
		if !errors.Is(err, errDied) {
			check(t, err)
			t.Logf("restored after %d deaths: %v", deaths, report.LogValue())
			if diff := cmp.Diff(dry, report); diff != "" {
				t.Error("the dry run told otherwise:", diff)
			}
			break
		}
		options.State = store.NewBucket(&shortLived{Driver: storage.Bucket(s.common.StateBucket), left: rand.Int64N(80) + int64(deaths)*70})
	}
	before := lasting(t, state)
	options.State = state
	_, err = restore.Run(t.Context(), options)
	check(t, err)
	if diff := cmp.Diff(before, lasting(t, state)); diff != "" {
		t.Error("a second run changed something:", diff)
	}

	check(t, s.sii.Turn(fakesii.Dials{}))
	ahead.Add(int64(2 * time.Hour))
	s.startFunctions(t)
	d.repeat(t)
	if again := s.call(t, "generate-sign", http.MethodPost, "/v1/folios:reserve", reserve, "Idempotency-Key", "kept"); string(again) != string(reserved) {
		t.Errorf("the reservation is %s, was %s", again, reserved)
	}
	d.issue(t, 50, 90)
	for i := range 10 {
		d.one(t, fmt.Sprint("exempt ", i), factura(34))
	}
	d.different(t)
	d.settled(t, &ahead, 100)
	d.newsAfter(t, &ahead, told)
	s.nothingOverwritten(t)
	s.simulatorAgrees(t, d.issued)
}

// drill is what the caller knows.
type drill struct {
	*stack
	firm    firm
	issued  []shown
	keys    []string
	orders  map[string]map[string]any
	answers map[string]string
}

func newDrill(s *stack, f firm) *drill {
	return &drill{stack: s, firm: f, orders: map[string]map[string]any{}, answers: map[string]string{}}
}

func (d *drill) issue(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		d.one(t, fmt.Sprint("order ", i), factura(33))
	}
}

func (d *drill) one(t *testing.T, key string, document map[string]any) {
	t.Helper()
	answer := d.post(t, key, document)
	var got shown
	check(t, json.Unmarshal(answer, &got))
	d.issued, d.keys, d.orders[key], d.answers[key] = append(d.issued, got), append(d.keys, key), document, string(answer)
}

func (d *drill) post(t *testing.T, key string, document map[string]any) []byte {
	t.Helper()
	body := map[string]any{"company": d.firm.RUT, "reference": key, "document": document}
	return d.call(t, "generate-sign", http.MethodPost, "/v1/documents", body, "Idempotency-Key", key)
}

// repeat sends every request again: its answer is the same, byte for byte.
func (d *drill) repeat(t *testing.T) {
	t.Helper()
	for _, key := range d.keys {
		if diff := cmp.Diff(d.answers[key], string(d.post(t, key, d.orders[key]))); diff != "" {
			t.Errorf("repeat of %s: %s", key, diff)
		}
	}
}

// different sees that no folio was given twice, and none of the void ones.
func (d *drill) different(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, one := range d.issued {
		if seen[one.ID] {
			t.Errorf("%s was given twice", one.ID)
		}
		seen[one.ID] = true
	}
	for folio := 5; folio <= 9; folio++ {
		if id := fmt.Sprintf("%s/34/%d", d.firm.RUT, folio); seen[id] {
			t.Errorf("%s was given, it is void", id)
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d documents", len(seen))
	}
}

type news struct {
	Items []struct {
		Number int64
		Data   struct{ ID, Status string }
	}
	After int64
}

func (d *drill) read(t *testing.T, after int64) news {
	t.Helper()
	var page news
	check(t, json.Unmarshal(d.call(t, "poll-status", http.MethodGet, fmt.Sprintf("/v1/events?company=%s&after=%d&limit=500", d.firm.RUT, after), nil), &page))
	return page
}

func (d *drill) lastEvent(t *testing.T) int64 {
	t.Helper()
	last := int64(0)
	for page := d.read(t, 0); len(page.Items) > 0; page = d.read(t, last) {
		last = page.Items[len(page.Items)-1].Number
	}
	return last
}

// newsAfter waits until a caller who reads on from an old number hears of each document's acceptance.
func (d *drill) newsAfter(t *testing.T, ahead *atomic.Int64, last int64) {
	t.Helper()
	heard := map[string]bool{}
	for tries := 0; len(heard) < len(d.issued); tries++ {
		if tries == 200 {
			t.Fatalf("the log tells of %d acceptances", len(heard))
		}
		d.passes(t, ahead, time.Minute)
		page := d.read(t, last)
		for _, e := range page.Items {
			last = e.Number
			if e.Data.Status == "accepted" {
				heard[e.Data.ID] = true
			}
		}
	}
}

// reaches waits until documents have a status.
func (s *stack) reaches(t *testing.T, all []shown, status string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, one := range all {
		for got := (shown{}); got.Status != status; {
			check(t, json.Unmarshal(s.call(t, "poll-status", http.MethodGet, "/v1/documents/"+one.ID, nil), &got))
			select {
			case <-ctx.Done():
				t.Fatalf("%s is %s, not %s", one.ID, got.Status, status)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// stop lets a function finish what it does, and serve no more.
func (s *stack) stop(name string) {
	s.handlers[name].become(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
}

// objects are the names of a bucket with their generations.
func objects(t *testing.T, b *store.Bucket) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	for o, err := range b.List(t.Context(), store.Query{}) {
		check(t, err)
		all[o.Name] = o.Generation
	}
	return all
}

// lasting are the objects but for queues: a second run may have something looked at once more.
func lasting(t *testing.T, b *store.Bucket) map[string]int64 {
	t.Helper()
	all := objects(t, b)
	maps.DeleteFunc(all, func(name string, _ int64) bool { return strings.HasPrefix(name, store.DuePrefix) })
	return all
}

func empty(t *testing.T, b store.Driver) {
	t.Helper()
	for name, generation := range objects(t, store.NewBucket(b)) {
		check(t, b.Delete(t.Context(), name, generation))
	}
}

// errDied ends a run in the midst of its writes; it is one of the errors that no store.Bucket tries again.
var errDied = fmt.Errorf("the process died: %w", store.ErrRetained)

// shortLived lets some writes through.
type shortLived struct {
	store.Driver
	left  int64
	spent atomic.Int64
}

func (m *shortLived) Create(ctx context.Context, o store.Object) (int64, error) {
	if m.spent.Add(1) > m.left {
		return 0, errDied
	}
	return m.Driver.Create(ctx, o)
}
