package notify_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/event"
	"timbre/shared/store"
	"timbre/shared/store/storetest"
)

// TestDeathAtEachStep kills a process that changes a document twice and tells of it, before and after each
// of its writes and posts. Others go on: the tick alone, or the one who repeats the change, or a message
// that comes twice. Each change that was made is in the log once and is delivered.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	for down, least := range map[bool]int{false: 20, true: 15} {
		deaths := 0
		for n := 0; ; n++ {
			lived := 0
			for variant := range 8 {
				if dieAt(t, n, variant&1 > 0, variant&2 > 0, variant&4 > 0, down) {
					lived++
				}
			}
			deaths += 8 - lived
			if lived == 8 {
				break
			}
		}
		if deaths < least*8 {
			t.Errorf("only %d deaths", deaths)
		}
	}
}

// dieAt tells whether the process lived.
func dieAt(t *testing.T, n int, after, repeated, doubled, down bool) bool {
	t.Helper()
	r := newRig(t)
	erp := newReceiver(t, newSecret)
	defer erp.Close()
	r.company(issuer, erp.URL, newSecret)
	d := invoice(issuer, 1)
	r.issue(d)
	life := storetest.NewLife(n, after)
	erp.onPost = func() { // called with the receiver's lock held
		done, _ := life.Step()
		erp.status = http.StatusOK
		if !done || down {
			erp.status = http.StatusServiceUnavailable
		}
	}
	var first []event.StatusChanged
	lived := !life.Run(func() {
		story(r, life.Bucket(r.memory), d, func(m event.StatusChanged) { first = append(first, m) })
	})
	life.Kill() // whoever still runs in it

	erp.mu.Lock()
	erp.onPost, erp.status = nil, 0
	erp.mu.Unlock()
	h := r.instance(r.memory)
	if repeated {
		story(r, r.memory, d, func(event.StatusChanged) {})
	}
	if doubled {
		for _, m := range first {
			r.pushed(h, m)
		}
	}
	for range 10 {
		r.advance(time.Minute)
		r.ticked(h)
	}
	checkAfter(t, r, erp, d, fmt.Sprintf("death at %d (after %v, repeated %v, doubled %v, down %v)", n, after, repeated, doubled, down))
	return lived
}

// story changes a document and tells notify, all in one process, as far as it lives.
func story(r *rig, driver store.Driver, d store.DocumentID, told func(event.StatusChanged)) {
	h := r.instance(driver)
	for _, next := range all {
		m, err := r.become(r.t.Context(), store.NewBucket(driver), d, next)
		if err != nil {
			return
		}
		if next == event.StatusSending || m.Seq == 0 {
			continue
		}
		told(m)
		push(r.t.Context(), h, event.DTEStatus, m)
		push(r.t.Context(), h, event.DTEStatus, m)
	}
}

func checkAfter(t *testing.T, r *rig, erp *receiver, d store.DocumentID, when string) {
	t.Helper()
	record, err := loadRecord(r, d)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	told := record.Seq
	if record.Status == event.StatusSending { // told together with what follows from it
		told = 0
	}
	for seq := range told {
		want = append(want, fmt.Sprintf("33.1.%d", seq+1))
	}
	if diff := cmp.Diff(want, r.loggedIDs(issuer)); diff != "" {
		t.Errorf("%s: log (-want +got):\n%s", when, diff)
	}
	var once []string
	for _, id := range erp.took() {
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	if diff := cmp.Diff(want, once); diff != "" {
		t.Errorf("%s: deliveries (-want +got):\n%s", when, diff)
	}
	if left := r.names(store.DuePrefix); len(left) > 0 {
		t.Errorf("%s: due %v", when, left)
	}
}

// TestInstances has two instances of notify take messages, doubled, and ticks at once, while three processes
// change documents.
func TestInstances(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	erp := newReceiver(t, newSecret)
	r.company(issuer, erp.URL, newSecret)
	const writers, each = 3, 20
	for folio := range int64(writers * each) {
		r.issue(invoice(issuer, folio+1))
	}
	instances := []http.Handler{r.instance(r.memory), r.instance(r.memory)}
	var working sync.WaitGroup
	for w := range writers {
		working.Go(func() {
			for i := range each {
				d := invoice(issuer, int64(w*each+i+1))
				for _, next := range all {
					m, err := r.become(t.Context(), r.state, d, next)
					if err != nil {
						t.Error(err)
						return
					}
					for _, h := range instances {
						working.Go(func() { push(t.Context(), h, event.DTEStatus, m) })
					}
				}
			}
		})
	}
	for _, h := range instances {
		working.Go(func() {
			for range 5 {
				r.advance(time.Minute)
				if code := tick(t.Context(), h); code != http.StatusNoContent {
					t.Errorf("tick: %d", code)
				}
			}
		})
	}
	working.Wait()
	for range 10 {
		r.advance(time.Minute)
		r.ticked(instances[0])
	}
	ids := r.loggedIDs(issuer)
	if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); n != writers*each*3 || len(ids) != n {
		t.Errorf("%d different events of %d in the log, want %d", n, len(ids), writers*each*3)
	}
	checkOrder(t, ids, writers*each)
	checkOrder(t, erp.took(), writers*each)
	r.settled()
}
