package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	simulator "timbre/emulators/sii"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/store"
)

const schemaRefused = `<?xml version="1.0"?><RECEPCIONDTE><STATUS>7</STATUS><DETAIL><ERROR>LSX-00213</ERROR></DETAIL></RECEPCIONDTE>`

// refused issues a document whose upload the SII refuses by its schema.
func (s *sending) refused(issuer http.Handler, key string) store.DocumentID {
	s.t.Helper()
	s.script(simulator.Answer{Operation: "upload", Body: schemaRefused})
	id := s.issued(s.post(issuer, key, simple(dte.Factura)))
	s.pass(2)
	if r := s.record(id); r.Status != event.StatusRejected {
		s.t.Fatalf("%s is %s", id, r.Status)
	}
	return id
}

func replacing(id store.DocumentID) map[string]any {
	body := simple(dte.Factura)
	body["replaces"], body["reference"] = id.String(), "corregida"
	return body
}

// TestReplace: a document that the SII refused with its whole envelope is replaced on its folio, once.
func TestReplace(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	issuer := s.newIssuer(dte.Factura)
	id := s.refused(issuer, "one")
	before := s.post(issuer, "one", simple(dte.Factura))
	after := s.post(issuer, "two", replacing(id))
	if got := s.issued(after); got != id {
		t.Fatalf("replaced by %s, want %s", got, id)
	}
	for key, want := range map[string]string{"one": before.Body.String(), "two": after.Body.String()} {
		body := simple(dte.Factura)
		if key == "two" {
			body = replacing(id)
		}
		if w := s.post(issuer, key, body); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("replay of %s: %d %s", key, w.Code, w.Body)
		}
	}
	if w := s.post(issuer, "three", replacing(id)); w.Code != http.StatusConflict {
		t.Errorf("another replacement: %d %s", w.Code, w.Body)
	}
	s.pass(10)
	s.want(map[store.DocumentID]event.Status{id: event.StatusAccepted})
	if all := s.names("dte/", "/33/"); len(all) != 2 {
		t.Errorf("signed versions: %v", all)
	}
	if w := s.post(issuer, "four", replacing(id)); w.Code != http.StatusConflict {
		t.Errorf("replacement of an accepted document: %d %s", w.Code, w.Body)
	}
}

// TestNotReplaceable: what the SII holds or rejected inside an envelope, what is not there, what is of
// another type. The key stays free.
func TestNotReplaceable(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	issuer := s.newIssuer(dte.Factura, dte.FacturaExenta)
	s.change("folios:annul", simulator.FolioRange{Company: s.company.RUT, Type: 33, From: 1})
	rejected := s.issued(s.post(issuer, "rejected", simple(dte.Factura)))
	s.pass(10)
	s.want(map[store.DocumentID]event.Status{rejected: event.StatusRejected})
	other := simple(dte.FacturaExenta)
	other["replaces"] = rejected.String()
	missing := rejected
	missing.Folio = 99
	for name, body := range map[string]map[string]any{
		"inside an envelope": replacing(rejected), "missing": replacing(missing), "another type": other,
		"another company": {"replaces": "76192083-9/33/1", "document": simple(dte.Factura)["document"]},
		"no id":           {"replaces": "x", "document": simple(dte.Factura)["document"]},
	} {
		if w := s.post(issuer, "key", body); w.Code != http.StatusConflict {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	s.issued(s.post(issuer, "key", simple(dte.Factura)))
}

// mortal is a bucket whose process dies before its n-th write.
type mortal struct {
	store.Driver
	left atomic.Int64
	end  context.CancelFunc // of the request: the dead try nothing again
}

var errDead = errors.New("dead")

func (m *mortal) dead() bool {
	if m.left.Add(-1) >= 0 {
		return false
	}
	m.end()
	return true
}

// Create implements store.Driver.
func (m *mortal) Create(ctx context.Context, o store.Object) (int64, error) {
	if m.dead() {
		return 0, errDead
	}
	return m.Driver.Create(ctx, o)
}

// Replace implements store.Driver.
func (m *mortal) Replace(ctx context.Context, o store.Object) (int64, error) {
	if m.dead() {
		return 0, errDead
	}
	return m.Driver.Replace(ctx, o)
}

// TestReplaceDying: whoever dies between any two writes of a replacement leaves one that the tick finishes,
// or none at all; the request repeated gets the one.
func TestReplaceDying(t *testing.T) {
	t.Parallel()
	for n := range int64(10) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := newSending(t)
			issuer := s.newIssuer(dte.Factura)
			id := s.refused(issuer, "one")
			healthy := s.state
			ctx, end := context.WithCancel(t.Context())
			dying := &mortal{Driver: s.driver, end: end}
			dying.left.Store(1 << 40)
			s.state = store.NewBucket(dying)
			first := s.newIssuer(dte.Factura)
			dying.left.Store(n)
			answer := s.postIn(ctx, first, "two", replacing(id))
			end()
			s.state = healthy
			issuer = s.newIssuer(dte.Factura)
			for range 3 {
				s.pass(1)
				s.sweep(issuer)
			}
			_, err := healthy.Read(t.Context(), store.Request(id.Company, store.KeyOf("two")))
			if r := s.record(id); err == nil && r.Version != 2 {
				t.Errorf("after %d writes (answer %d) the key is bound and the document has version %d", n, answer.Code, r.Version)
			}
			w := s.post(issuer, "two", replacing(id))
			if w.Code != http.StatusOK && w.Code != http.StatusCreated {
				t.Fatalf("after %d writes: %d %s", n, w.Code, w.Body)
			}
			s.pass(10)
			s.want(map[store.DocumentID]event.Status{id: event.StatusAccepted})
			if r := s.record(id); r.Version != 2 || len(s.names("dte/", "/33/")) != 2 {
				t.Errorf("version %d, signed %v", r.Version, s.names("dte/", "/33/"))
			}
		})
	}
}
