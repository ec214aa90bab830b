package notify_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/functions/notify"
	"timbre/shared/alert"
	"timbre/shared/dial"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/store"
)

// all is the way of a document that the SII accepts.
var all = []event.Status{event.StatusSending, event.StatusSent, event.StatusAccepted}

func TestChanges(t *testing.T) {
	t.Parallel()
	for name, deliver := range map[string]func(*rig, http.Handler, []event.StatusChanged){
		"messages": func(r *rig, h http.Handler, messages []event.StatusChanged) {
			for _, m := range messages[1:] { // none tells of sending
				r.pushed(h, m)
			}
		},
		"messages twice and out of order": func(r *rig, h http.Handler, messages []event.StatusChanged) {
			for _, i := range []int{2, 1, 2, 1, 0, 0} {
				r.pushed(h, messages[i])
			}
		},
		"no message": func(r *rig, h http.Handler, _ []event.StatusChanged) {
			r.ticked(h)
			r.advance(3 * time.Minute)
			r.ticked(h)
			r.ticked(h)
		},
		"messages and ticks": func(r *rig, h http.Handler, messages []event.StatusChanged) {
			r.pushed(h, messages[1])
			r.advance(3 * time.Minute)
			r.ticked(h)
			r.pushed(h, messages[2])
			r.ticked(h)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			erp := newReceiver(t, newSecret)
			r.company(issuer, erp.URL, newSecret, oldSecret)
			r.issue(invoice(issuer, 101))
			messages := r.changed(invoice(issuer, 101), all...)
			deliver(r, r.instance(r.memory), messages)
			want := []string{"33.101.1", "33.101.2", "33.101.3"}
			if diff := cmp.Diff(want, r.loggedIDs(issuer)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, erp.took()); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
			r.settled()
		})
	}
}

// TestContract looks at what a receiver gets.
func TestContract(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	erp := newReceiver(t, oldSecret) // it has not changed over yet
	r.company(issuer, erp.URL, newSecret, oldSecret)
	r.issue(invoice(issuer, 101))
	messages := r.changed(invoice(issuer, 101), all...)
	r.pushed(r.instance(r.memory), messages[2])
	if len(erp.posts) != 3 {
		t.Fatalf("%d deliveries", len(erp.posts))
	}
	var got map[string]any
	if err := json.Unmarshal(erp.posts[2].notice.Data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"company": "76192083-9", "environment": "certificacion", "type": 33.0, "folio": 101.0, "id": "76192083-9/33/101",
		"reference": "account.move,101", "status": "accepted", "previous_status": "sent", "track_id": "0123456789", "seq": 3.0,
		"sii": map[string]any{"envelope_state": "EPR", "glosa": "Envío Procesado", "details": []any{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	notice := erp.posts[2].notice
	if notice.ID != "certificacion.76192083-9.33.101.3" || notice.Event != event.DocumentStatus || notice.At != "2026-11-24T12:00:07-03:00" {
		t.Errorf("notice %+v", notice)
	}
	first := erp.posts[0].data
	if first.Status != event.StatusSending || first.PreviousStatus != event.StatusSigned || first.TrackID != nil || first.SII != nil {
		t.Errorf("the first change is told as %+v", first)
	}
	if diff := cmp.Diff(r.logged(issuer)[2], notice); diff != "" {
		t.Errorf("the log and the delivery differ:\n%s", diff)
	}
}

// TestNoWebhook logs all the same.
func TestNoWebhook(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(issuer, "")
	r.issue(invoice(issuer, 1))
	r.pushed(r.instance(r.memory), r.changed(invoice(issuer, 1), all...)[2])
	r.advance(3 * time.Minute)
	r.ticked(r.instance(r.memory))
	if got := r.loggedIDs(issuer); len(got) != 3 {
		t.Errorf("log %v", got)
	}
	r.settled()
}

// TestRefusedReceivers are answers and addresses that do not count as delivered.
func TestRefusedReceivers(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t, newSecret)
	redirect := http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect)
	for name, c := range map[string]struct {
		cfg     notify.Config
		answer  http.Handler
		tls     bool
		secrets []string
		posts   bool
	}{
		"redirect":         {cfg: notify.Config{AllowPrivateHosts: true}, answer: redirect, secrets: []string{newSecret}, posts: true},
		"internal error":   {cfg: notify.Config{AllowPrivateHosts: true}, answer: status(500), secrets: []string{newSecret}, posts: true},
		"not modified":     {cfg: notify.Config{AllowPrivateHosts: true}, answer: status(304), secrets: []string{newSecret}, posts: true},
		"plain http":       {answer: status(200), secrets: []string{newSecret}},
		"no secret":        {cfg: notify.Config{AllowPrivateHosts: true}, answer: status(200)},
		"wrong signatures": {cfg: notify.Config{AllowPrivateHosts: true}, answer: newReceiver(t, "whsec_other"), secrets: []string{newSecret}, posts: true},
		"unknown certificate": {
			cfg: notify.Config{AllowPrivateHosts: true}, answer: status(200), tls: true, secrets: []string{newSecret},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			posted := make(chan bool, 100)
			server := serve(t, c.tls, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				posted <- true
				c.answer.ServeHTTP(w, q)
			}))
			r := newRig(t)
			r.company(issuer, server, c.secrets...)
			r.issue(invoice(issuer, 1))
			h := r.configured(r.memory, c.cfg, dial.New(dial.Options{AllowPrivate: true}))
			r.pushed(h, r.changed(invoice(issuer, 1), all...)[2])
			if got := len(posted) > 0; got != c.posts {
				t.Errorf("posted: %v, want %v", got, c.posts)
			}
			if marks := r.names("delivered/"); len(marks) > 0 {
				t.Errorf("marked as delivered: %v", marks)
			}
			if entries := r.names(store.DuePrefix); !slices.ContainsFunc(entries, func(n string) bool { return strings.HasSuffix(n, "/3/1") }) {
				t.Errorf("no second attempt in %v", entries)
			}
			if len(r.logged(issuer)) != 3 {
				t.Errorf("log %v", r.logged(issuer))
			}
		})
	}
	t.Cleanup(func() {
		if got := elsewhere.took(); len(got) > 0 {
			t.Errorf("the redirect was followed: %v", got)
		}
	})
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

// TestFencedOff has a change announced by a process that hangs before it makes it. The entry goes; the
// change, if it is made after all, is announced anew.
func TestFencedOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	erp := newReceiver(t, newSecret)
	r.company(issuer, erp.URL, newSecret)
	d := invoice(issuer, 1)
	r.issue(d)
	hangs := &hanging{Memory: r.memory, begun: make(chan struct{}), resume: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		_, err := r.become(context.Background(), store.NewBucket(hangs), d, event.StatusBlocked)
		ended <- err
	}()
	<-hangs.begun
	h := r.instance(r.memory)
	r.advance(3 * time.Minute)
	r.ticked(h)
	r.settled()
	if got := r.loggedIDs(issuer); got != nil {
		t.Errorf("log %v", got)
	}
	close(hangs.resume)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	// No message tells of it: he dies after the change.
	r.advance(3 * time.Minute)
	r.ticked(h)
	if diff := cmp.Diff([]string{"33.1.1"}, erp.took()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	r.settled()
}

// hanging is a connection whose first replacement of a document's state waits.
type hanging struct {
	*store.Memory
	begun, resume chan struct{}
	hung          bool
}

func (h *hanging) Replace(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, "doc/") && !h.hung {
		h.hung = true
		close(h.begun)
		<-h.resume
	}
	return h.Memory.Replace(ctx, o)
}

// TestRelied has one process announce a change by the entry of another, which notify is about to remove.
func TestRelied(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(issuer, "")
	d := invoice(issuer, 1)
	r.issue(d)
	// The first announces and dies. The second announces the same change in the same minute, while notify
	// has read the entry and not yet removed it, makes the change and dies.
	parts := document.NoticeParts(d, 1)
	record, err := document.Load(t.Context(), r.state, d)
	if err != nil {
		t.Fatal(err)
	}
	dead := &hanging{Memory: r.memory, begun: make(chan struct{}), resume: make(chan struct{})}
	go func() { r.become(context.Background(), store.NewBucket(dead), d, event.StatusBlocked) }() //nolint:errcheck // it ends after the test
	<-dead.begun
	before := r.names(store.DuePrefix)
	if len(before) != 1 || !strings.HasSuffix(before[0], strings.Join(parts, "/")) || record.Seq != 0 {
		t.Fatalf("due %v", before)
	}
	removing := &removal{Memory: r.memory, do: func() { r.changed(d, event.StatusBlocked) }}
	now := r.clock()
	r.advance(3 * time.Minute)
	h := r.instance(removing)
	removing.reset = func() { r.mu.Lock(); r.now = now; r.mu.Unlock() }
	r.ticked(h)
	r.advance(6 * time.Minute)
	r.ticked(r.instance(r.memory))
	if got := r.loggedIDs(issuer); len(got) != 1 {
		t.Errorf("log %v: the change of the second process is lost", got)
	}
	close(dead.resume)
}

// removal does something just before the first removal of an entry.
type removal struct {
	*store.Memory
	do, reset func()
}

func (m *removal) Delete(ctx context.Context, name string, generation int64) error {
	if m.do != nil && strings.HasPrefix(name, store.DuePrefix) {
		do := m.do
		m.do = nil
		m.reset()
		do()
	}
	return m.Memory.Delete(ctx, name, generation)
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	erp := newReceiver(t, newSecret)
	r.company(issuer, erp.URL, newSecret)
	here := store.Company{Env: store.Certificacion, RUT: issuer}
	raiser := alert.Raiser{State: r.state, Events: r.events, Now: r.clock, Chile: time.UTC}
	alerts := []alert.Alert{
		alert.FoliosLow{Company: here, Type: dte.Factura, Remaining: 12, Last: 150, Level: 10},
		alert.CAFExpiring{Company: here, Type: dte.Factura, From: 1, To: 150, Unused: 12, Expires: "2026-12-01", Level: 7},
		alert.CertificateExpiring{Company: here, SHA256: "abc123", Signer: other, NotAfter: r.clock(), Level: 30},
		alert.NoVerdict{Document: invoice(issuer, 7), TrackID: "77", Since: r.clock(), Level: 24},
	}
	raise := func() {
		for _, a := range alerts {
			if err := raiser.Raise(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
	}
	h := r.instance(r.memory)
	raise()
	messages := r.events.Take(event.CompanyAlert)
	for range 2 {
		if code := push(t.Context(), h, event.CompanyAlert, messages[0]); code != http.StatusNoContent {
			t.Fatalf("push: %d", code)
		}
	}
	r.advance(time.Minute)
	raise() // the next tick of who raises them
	r.advance(5 * time.Minute)
	r.ticked(h)
	raise()
	want := []string{"caf.expiring.33.1.7", "certificate.expiring.abc123.30", "document.no_verdict.33.7.24", "folios.low.33.150.10"}
	if got := slices.Sorted(slices.Values(erp.took())); !cmp.Equal(want, got) {
		t.Errorf("deliveries (-want +got):\n%s", cmp.Diff(want, got))
	}
	if got := slices.Sorted(slices.Values(r.loggedIDs(issuer))); !cmp.Equal(want, got) {
		t.Errorf("log (-want +got):\n%s", cmp.Diff(want, got))
	}
	if data := string(erp.posts[0].notice.Data); !strings.Contains(data, `"company":"76192083-9","environment":"certificacion","last":150`) {
		t.Errorf("data %s", data)
	}
	r.settled()
}

func TestStrangeMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h := r.instance(r.memory)
	good := event.StatusChanged{DocumentID: invoice(issuer, 5), Seq: 1}
	for _, m := range []struct {
		topic   event.Topic
		message any
	}{
		{event.DTEStatus, good}, // of a document that is not there
		{event.DTEStatus, map[string]any{}}, {event.DTEStatus, "text"}, {event.DTESigned, good},
		{event.CompanyAlert, event.AlertRaised{Company: good.Company, ID: "../x"}},
		{event.CompanyAlert, event.AlertRaised{Company: good.Company, ID: "certificacion.76192083-9.folios.low.1"}},
	} {
		if code := push(t.Context(), h, m.topic, m.message); code != http.StatusNoContent {
			t.Errorf("%s %v: %d", m.topic, m.message, code)
		}
	}
	if n := r.memory.Len(); n != 0 {
		t.Errorf("%d objects were made", n)
	}
}
