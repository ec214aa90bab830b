package notify_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/functions/notify"
	"timbre/shared/dial"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// TestDownForADay has documents change while the receiver is down. Nothing is lost, nothing is out of order.
func TestDownForADay(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]int{"unavailable": http.StatusServiceUnavailable, "internal error": http.StatusInternalServerError} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			erp := newReceiver(t, newSecret)
			tries := 0
			erp.onPost = func() { tries++ }
			r.company(issuer, erp.URL, newSecret)
			erp.answer(down)
			h := r.instance(r.memory)
			begin := r.clock()
			folio := int64(0)
			for r.clock().Before(begin.Add(58 * time.Hour)) {
				hour := r.clock().Sub(begin)
				if hour%(4*time.Hour) == 0 && hour < 24*time.Hour {
					folio++
					r.issue(invoice(issuer, folio))
					for _, m := range r.changed(invoice(issuer, folio), all...)[1:] {
						r.pushed(h, m)
					}
				}
				if hour == 24*time.Hour {
					if tries > int(folio)*2*9 {
						t.Errorf("%d tries at a dead receiver", tries)
					}
					erp.answer(http.StatusOK)
				}
				r.ticked(h)
				r.advance(time.Minute)
			}
			checkOrder(t, erp.took(), folio)
			if got := len(r.loggedIDs(issuer)); got != int(folio)*3 {
				t.Errorf("%d events in the log", got)
			}
			if dead := r.names("dead/"); len(dead) > 0 {
				t.Errorf("dead letters %v", dead)
			}
			r.settled()
		})
	}
}

// checkOrder looks for the three changes of each document, in order; doubles may be.
func checkOrder(t *testing.T, took []string, folios int64) {
	t.Helper()
	for folio := range folios {
		var seqs []string
		for _, id := range took {
			if seq, mine := strings.CutPrefix(id, fmt.Sprintf("33.%d.", folio+1)); mine && !slices.Contains(seqs, seq) {
				seqs = append(seqs, seq)
			}
		}
		if diff := cmp.Diff([]string{"1", "2", "3"}, seqs); diff != "" {
			t.Errorf("document %d (-want +got):\n%s", folio+1, diff)
		}
	}
}

// TestDeadLetter has a receiver refuse one document's events for three days.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	erp := newReceiver(t, newSecret)
	tries := 0
	erp.onPost = func() { tries++ }
	erp.answer(http.StatusInternalServerError)
	r.company(issuer, erp.URL, newSecret)
	h := r.instance(r.memory)
	d := invoice(issuer, 1)
	r.issue(d)
	r.pushed(h, r.changed(d, event.StatusSending, event.StatusSent)[1])
	for range 71 * 60 {
		r.advance(time.Minute)
		r.ticked(h)
	}
	if dead := r.names("dead/"); len(dead) > 0 {
		t.Errorf("given up before three days: %v", dead)
	}
	for range 2 * 60 {
		r.advance(time.Minute)
		r.ticked(h)
	}
	if tries != 9 {
		t.Errorf("%d tries, want 9", tries)
	}
	r.settled()
	dead := r.names("dead/")
	if len(dead) != 2 {
		t.Fatalf("dead letters %v", dead)
	}
	var letter event.DeadLetter
	o, err := r.memory.Read(t.Context(), dead[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(o.Data, &letter); err != nil {
		t.Fatal(err)
	}
	if letter.Number != 2 || letter.ID != "certificacion.76192083-9.33.1.2" || letter.Attempts != 9 || !strings.Contains(letter.Reason, "500") {
		t.Errorf("dead letter %+v", letter)
	}
	erp.answer(http.StatusOK)
	r.pushed(h, r.changed(d, event.StatusAccepted)[0])
	if diff := cmp.Diff([]string{"33.1.3"}, erp.took()); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
}

// TestDeadReceiverSlowsNobody has one receiver that never answers while another's events come.
func TestDeadReceiverSlowsNobody(t *testing.T) {
	t.Parallel()
	for name, byTick := range map[string]bool{"messages": false, "tick": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			release := make(chan struct{})
			var at, most atomic.Int64
			hung := serve(t, false, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				if n := at.Add(1); n > most.Load() {
					most.Store(n)
				}
				<-release
				at.Add(-1)
			}))
			erp := newReceiver(t, newSecret)
			got := make(chan struct{}, 100)
			erp.onPost = func() { got <- struct{}{} }
			r.company(issuer, hung, newSecret)
			r.company(other, erp.URL, newSecret)
			h := r.instance(r.memory)
			const documents = 20
			dead := r.announce(issuer, documents)
			alive := r.announce(other, documents)
			var background sync.WaitGroup
			defer background.Wait()
			defer close(release)
			if byTick {
				r.advance(3 * time.Minute)
				background.Go(func() { tick(t.Context(), h) })
			} else {
				for _, m := range dead {
					background.Go(func() { push(t.Context(), h, event.DTEStatus, m) })
				}
				for _, m := range alive {
					r.pushed(h, m)
				}
			}
			late := time.After(10 * time.Second)
			for i := range 2 * documents { // sending and sent of each
				select {
				case <-got:
				case <-late:
					t.Fatalf("only %d of the other's events came", i)
				}
			}
			if n := most.Load(); n > 4 {
				t.Errorf("%d posts at a time to one receiver", n)
			}
		})
	}
}

// announce issues documents and has them sent.
func (r *rig) announce(of rut.RUT, n int64) []event.StatusChanged {
	r.t.Helper()
	var messages []event.StatusChanged
	for folio := range n {
		r.issue(invoice(of, folio+1))
		messages = append(messages, r.changed(invoice(of, folio+1), event.StatusSending, event.StatusSent)[1])
	}
	return messages
}

// TestHostileWebhooks names our own machine and the cloud's metadata in the ways that URLs allow.
func TestHostileWebhooks(t *testing.T) {
	t.Parallel()
	connected := make(chan string, 100)
	address := serve(t, true, http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { connected <- q.Host }))
	port := address[strings.LastIndexByte(address, ':'):]
	hosts := []string{
		"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]",
		"169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "100.100.100.200",
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "224.0.0.1", "255.255.255.255", "[fe80::1%25lo]", "[fc00::1]", "[ff02::1]",
		"user@127.0.0.1", "127.0.0.1.", "[::127.0.0.1]",
	}
	r := newRig(t)
	h := r.configured(r.memory, notify.Config{}, dial.New(dial.Options{Timeout: time.Second}))
	for i, host := range hosts {
		of := rutOf(t, i)
		r.company(of, "https://"+host+port+"/hook", newSecret)
		r.issue(invoice(of, 1))
		r.pushed(h, r.changed(invoice(of, 1), event.StatusBlocked)[0])
		if len(r.names("delivered/certificacion/"+of.String())) > 0 {
			t.Errorf("%s took an event", host)
		}
	}
	select {
	case host := <-connected:
		t.Errorf("connected to %s", host)
	default:
	}
	if left := r.names(store.DuePrefix); len(left) != len(hosts) {
		t.Errorf("%d of %d wait for their next attempt", len(left), len(hosts))
	}
}

// rutOf makes the i-th of many RUTs.
func rutOf(t *testing.T, i int) rut.RUT {
	t.Helper()
	for _, digit := range "0123456789K" {
		if r, err := rut.Parse(fmt.Sprintf("%d-%c", 77_000_000+i, digit)); err == nil {
			return r
		}
	}
	t.Fatal("no RUT")
	return rut.RUT{}
}
