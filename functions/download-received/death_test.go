package downloadreceived_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"timbre/shared/event"
	"timbre/shared/received"
	"timbre/shared/store"
	"timbre/shared/store/storetest"
)

// dieAt runs something in a process that dies at its k-th write; false if it lived.
func (r *rig) dieAt(k int, after bool, do func(h http.Handler)) bool {
	r.t.Helper()
	life := storetest.NewLife(k, after)
	doomed := r.instance(life.Bucket(r.memory), life.Bucket(r.kept), r.box)
	return life.Run(func() { do(doomed) })
}

// logged is how often each document stands in the log, by folio.
func (r *rig) logged() map[int64]int {
	r.t.Helper()
	all, err := received.New(r.state).List(r.t.Context(), here, 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	count := map[int64]int{}
	for i, d := range all {
		if d.Number != int64(i)+1 {
			r.t.Errorf("entry %d of the log has number %d", i+1, d.Number)
		}
		count[d.Folio]++
	}
	return count
}

// TestDeathAtEachStep kills the process at each of its writes while it takes in mails; another one must end with
// every document once in the register, told of, and asked about.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	ways := map[string]func(r *rig, h http.Handler){
		"from the mailbox": func(r *rig, h http.Handler) {
			call(h, http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "")
		},
		"by hand": func(r *rig, h http.Handler) {
			for _, m := range r.box.mails {
				call(h, http.MethodPost, "/v1/received?company="+buyer.String(), m, "")
			}
		},
	}
	effects := []bool{false}
	if os.Getenv("WITNESS") != "" {
		effects = []bool{false, true} // nearly the same: dead after a write is dead before the next one
	}
	for way, do := range ways {
		for _, after := range effects {
			t.Run(fmt.Sprintf("%s, took effect %t", way, after), func(t *testing.T) {
				t.Parallel()
				k := 0
				for died := true; died; k++ {
					r := newRig(t)
					r.box.add(letter(t, "three documents", 1).Mails...)
					r.box.add(letter(t, "forwarded", 11).Mails...)
					r.box.add(letter(t, "answer", 21).Mails...)
					r.box.add(letter(t, "cut short", 31).Mails...)
					died = r.dieAt(k, after, func(h http.Handler) { do(r, h) })
					if way == "by hand" && died { // the caller has no answer, and asks again
						do(r, r.handler)
					}
					r.recover()
					r.whole(k)
				}
				if k < 30 {
					t.Errorf("only %d kills", k)
				}
			})
		}
	}
}

// recover lets other processes go on for some hours.
func (r *rig) recover() {
	r.t.Helper()
	for f := range int64(40) {
		r.sii.set(f, "DOK")
	}
	for range 8 {
		r.advance(20 * time.Minute)
		r.tick()
	}
}

// whole makes sure that nothing is lost and nothing doubled.
func (r *rig) whole(k int) {
	r.t.Helper()
	count := r.logged()
	for _, folio := range []int64{1, 2, 3, 11} {
		if count[folio] != 1 {
			r.t.Errorf("death at %d: folio %d stands %d times in the log", k, folio, count[folio])
			continue
		}
		if d := r.record(folio); len(d.Variants) != 1 || d.Variants[0].Again != 0 || !d.Registered() {
			r.t.Errorf("death at %d: %+v", k, d)
		}
		if told := r.told(folio); told < 1 {
			r.t.Errorf("death at %d: nobody is told of %d", k, folio)
		}
	}
	if q := r.quarantine(); len(count) != 4 || len(q) != 1 || q[0].Code != "not-xml" {
		r.t.Errorf("death at %d: %d documents, quarantine %+v", k, len(count), q)
	}
	files, err := received.New(r.state).Files(r.t.Context(), here, 0, 10)
	if err != nil || len(files) != 1 {
		r.t.Errorf("death at %d: %d files besides, %v", k, len(files), err)
	}
	if r.due("mail")+r.due("sii") != 0 {
		r.t.Errorf("death at %d: %d mails and %d questions are left", k, r.due("mail"), r.due("sii"))
	}
}

// told counts the entries by which notify learns of a document.
func (r *rig) told(folio int64) int {
	r.t.Helper()
	n := 0
	want := fmt.Sprintf("%s.%s.%s.%s.33.%d", here.Env, buyer, event.DocumentReceived, other, folio)
	for o, err := range r.state.List(r.t.Context(), store.Query{Prefix: store.DuePrefix}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if len(o.Name) > len(want) && o.Name[len(o.Name)-len(want):] == want {
			n++
		}
	}
	return n
}

// TestTwoInstances read one mailbox at the same time, while a reader goes through the list from page to page.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	const n = 60
	r := newRig(t)
	r.box.add(invoices(t, 1, n)...)
	var writers sync.WaitGroup
	for range 2 {
		h := r.instance(r.memory, r.kept, r.box)
		writers.Go(func() {
			call(h, http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "")
		})
	}
	done := make(chan bool)
	go func() { writers.Wait(); close(done) }()
	seen, after, last := map[int64]int{}, int64(0), false
	register := received.New(r.state)
	for {
		page, err := register.List(t.Context(), here, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			if d.Number != after+1 {
				t.Fatalf("number %d after %d", d.Number, after)
			}
			after = d.Number
			seen[d.Folio]++
		}
		if len(page) == 0 && last {
			break
		}
		select {
		case <-done:
			last = true
		default:
			runtime.Gosched()
		}
	}
	for folio := int64(1); folio <= n; folio++ {
		if seen[folio] != 1 {
			t.Errorf("the reader saw folio %d %d times", folio, seen[folio])
		}
	}
	if len(seen) != n || r.due("mail") != 0 {
		t.Errorf("%d documents, %d entries of mails left", len(seen), r.due("mail"))
	}
	for folio := int64(1); folio <= n; folio++ {
		if v := r.record(folio).Variants; len(v) != 1 || v[0].Again != 0 {
			t.Errorf("folio %d: %+v", folio, v)
		}
	}
}

// TestRandomDeaths has two instances at a time die anywhere over many mails, again and again, while a reader
// follows the list: nothing is lost, nothing doubled, nothing shown twice.
func TestRandomDeaths(t *testing.T) {
	t.Parallel()
	n, kills := 30, 0
	if os.Getenv("WITNESS") != "" {
		n = 200
	}
	r, luck := newRig(t), rand.New(rand.NewPCG(1, 2))
	r.box.add(invoices(t, 1, n)...)
	seen, after, register := map[int64]int{}, int64(0), received.New(r.state)
	for round := 0; kills < n; round++ {
		var both sync.WaitGroup
		died := make(chan bool, 2)
		for range 2 {
			k, effect := luck.IntN(120), luck.IntN(2) == 0
			both.Go(func() {
				died <- r.dieAt(k, effect, func(h http.Handler) {
					call(h, http.MethodPost, "/_tick", nil, "")
					call(h, http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "")
				})
			})
		}
		both.Wait()
		for range 2 {
			if <-died {
				kills++
			}
		}
		r.advance(10 * time.Minute)
		after = r.follow(register, after, seen)
		if round%5 == 4 {
			r.box.mu.Lock()
			r.box.validity++ // the server numbers anew: all comes once more
			r.box.mu.Unlock()
		}
	}
	for range 8 {
		r.download()
		r.tick()
		r.advance(time.Hour)
	}
	r.follow(register, after, seen)
	for folio := int64(1); folio <= int64(n); folio++ {
		if v := r.record(folio).Variants; seen[folio] != 1 || len(v) != 1 || v[0].Again != 0 || r.told(folio) < 1 {
			t.Errorf("folio %d: seen %d times, told %d times, %+v", folio, seen[folio], r.told(folio), v)
		}
	}
	if len(seen) != n || r.due("mail") != 0 {
		t.Errorf("%d documents, %d mails are left", len(seen), r.due("mail"))
	}
}

// follow reads on in the list.
func (r *rig) follow(register *received.Register, after int64, seen map[int64]int) int64 {
	r.t.Helper()
	for {
		page, err := register.List(r.t.Context(), here, after, 7)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, d := range page {
			if after++; d.Number != after {
				r.t.Fatalf("number %d, not %d", d.Number, after)
			}
			seen[d.Folio]++
		}
		if len(page) == 0 {
			return after
		}
	}
}
