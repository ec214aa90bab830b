package notify_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/event"
	"timbre/shared/store"
)

// life is what is left of a process: it dies at its n-th act, before or after that took effect.
type life struct {
	mu    sync.Mutex
	left  int
	after bool
	dead  bool
}

// errDead is an answer that store.Bucket takes for definite: the dead do not try again.
var errDead = fmt.Errorf("the process is dead: %w", store.ErrRetained)

// act tells whether an act takes effect, and whether anybody lives to hear of it.
func (l *life) act() (done, alive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false, false
	}
	l.left--
	l.dead = l.left < 0
	return !l.dead || l.after, !l.dead
}

func (l *life) alive() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.dead
}

// mortal is the storage of a process that dies.
type mortal struct {
	store.Driver
	*life
}

func (m mortal) write(do func() (int64, error)) (int64, error) {
	done, alive := m.act()
	var n int64
	var err error
	if done {
		n, err = do()
	}
	if !alive {
		return 0, errDead
	}
	return n, err
}

func (m mortal) Create(ctx context.Context, o store.Object) (int64, error) {
	return m.write(func() (int64, error) { return m.Driver.Create(ctx, o) })
}

func (m mortal) Replace(ctx context.Context, o store.Object) (int64, error) {
	return m.write(func() (int64, error) { return m.Driver.Replace(ctx, o) })
}

func (m mortal) Delete(ctx context.Context, name string, generation int64) error {
	_, err := m.write(func() (int64, error) { return 0, m.Driver.Delete(ctx, name, generation) })
	return err
}

func (m mortal) Read(ctx context.Context, name string) (store.Object, error) {
	if !m.alive() {
		return store.Object{}, errDead
	}
	return m.Driver.Read(ctx, name)
}

func (m mortal) List(ctx context.Context, q store.Query) (store.Page, error) {
	if !m.alive() {
		return store.Page{}, errDead
	}
	return m.Driver.List(ctx, q)
}

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
	l := &life{left: n, after: after}
	erp.onPost = func() { // called with the receiver's lock held
		done, _ := l.act()
		erp.status = http.StatusOK
		if !done || down {
			erp.status = http.StatusServiceUnavailable
		}
	}
	dying := mortal{r.memory, l}
	first := story(r, dying, d)
	lived := l.alive()
	l.mu.Lock()
	l.dead = true // whoever still runs in it
	l.mu.Unlock()

	erp.mu.Lock()
	erp.onPost, erp.status = nil, 0
	erp.mu.Unlock()
	h := r.instance(r.memory)
	if repeated {
		story(r, r.memory, d)
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
func story(r *rig, driver store.Driver, d store.DocumentID) []event.StatusChanged {
	h := r.instance(driver)
	var messages []event.StatusChanged
	for _, next := range all {
		m, err := r.become(r.t.Context(), store.NewBucket(driver), d, next)
		if err != nil {
			return messages
		}
		if next == event.StatusSending || m.Seq == 0 {
			continue
		}
		messages = append(messages, m)
		push(r.t.Context(), h, event.DTEStatus, m)
		push(r.t.Context(), h, event.DTEStatus, m)
	}
	return messages
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
