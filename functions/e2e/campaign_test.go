package e2e_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the SII's algorithm
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"testing"

	simulator "timbre/emulators/sii"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/store"
	"timbre/shared/xmldsig"
)

// many is how many documents a campaign has: two hundred, or fewer where time is short.
func many() int64 {
	if os.Getenv("WITNESS") != "" {
		return 200
	}
	return 30
}

// TestEveryAnswerLost: the SII takes each envelope and cuts the connection. Nothing is there twice, each
// envelope came twice with the same bytes, and every document ends with its right track id.
func TestEveryAnswerLost(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	const waves = 5
	want := map[store.DocumentID]event.Status{}
	for folio := int64(1); folio <= many(); folio++ {
		want[s.issue(dte.Factura, folio)] = event.StatusAccepted
		if folio%(many()/waves) == 0 {
			s.script(simulator.Answer{Operation: "upload", Drop: "after"})
			s.pass(12)
		}
	}
	s.pass(30)
	s.want(want)
	for _, e := range s.sii.Envelopes() {
		if e.Sent != 2 {
			t.Errorf("envelope %s came %d times, want 2", e.TrackID, e.Sent)
		}
	}
	if n := len(s.sii.Envelopes()); n < waves {
		t.Errorf("%d envelopes, want %d at least", n, waves)
	}
}

// TestWrongResolutionOfMany: one upload, all blocked; one repair, all accepted.
func TestWrongResolutionOfMany(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	s.configure("2019-01-01")
	want := map[store.DocumentID]event.Status{}
	for folio := int64(1); folio <= many(); folio++ {
		want[s.issue(dte.Factura, folio)] = event.StatusBlocked
	}
	s.pass(10)
	s.want(want)
	if n := len(s.sii.Envelopes()); n != 1 {
		t.Errorf("%d uploads with a wrong resolution, want 1", n)
	}
	s.configure(s.company.FchResol)
	s.pass(10)
	for id := range want {
		want[id] = event.StatusAccepted
	}
	s.want(want)
	if n := len(s.sii.Envelopes()); n != 2 {
		t.Errorf("%d uploads after the repair, want 2", n)
	}
}

// TestPoison: one document among many makes the whole envelope be refused, by us or by the SII. It is found
// by halves and rejected with a reason; the others are accepted.
func TestPoison(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(s *sending, folio int64) store.DocumentID
		code  string
	}{
		"found by us":      {(*sending).poison, dispatch.CodeLocal},
		"found by the SII": {(*sending).disliked, "7"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSending(t)
			poison := test.spoil(s, many()/3)
			want := map[store.DocumentID]event.Status{poison: event.StatusRejected}
			for folio := int64(1); folio <= many(); folio++ {
				if folio != poison.Folio {
					want[s.issue(dte.Factura, folio)] = event.StatusAccepted
				}
			}
			s.pass(90)
			s.want(want)
			r, err := document.Load(t.Context(), s.state, poison)
			check(t, err)
			if r.SII == nil || len(r.SII.Details) != 1 || r.SII.Details[0].Code != test.code || r.SII.Details[0].Cause == "" || r.SII.Details[0].Cure == "" {
				t.Errorf("the reason of the poisoned document is %+v", r.SII)
			}
		})
	}
}

// disliked issues a document whose envelopes the SII refuses by its schema, though all is as it should be.
func (s *sending) disliked(folio int64) store.DocumentID {
	s.t.Helper()
	target, err := url.Parse(s.sii.URL)
	check(s.t, err)
	onward := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Errorf("read an upload: %v", err)
		}
		if bytes.Contains(body, fmt.Appendf(nil, "<Folio>%d</Folio>", folio)) {
			_, _ = io.WriteString(w, `<?xml version="1.0"?><RECEPCIONDTE><STATUS>7</STATUS><DETAIL><ERROR>LSX-00213: only 0 occurrences of particle "choice", minimum is 1</ERROR></DETAIL></RECEPCIONDTE>`)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		onward.ServeHTTP(w, r)
	}))
	s.t.Cleanup(front.Close)
	s.sii.URL = front.URL
	s.start()
	return s.issue(dte.Factura, folio)
}

// poison issues a document that is signed as it should be and breaks the schema: a quantity in words.
func (s *sending) poison(folio int64) store.DocumentID {
	s.t.Helper()
	kept, spare := s.archive, store.NewBucket(store.NewMemory())
	s.archive = spare
	id := s.issue(dte.Factura, folio)
	s.archive = kept
	signed, err := spare.Read(s.t.Context(), store.SignedDTE(id, 1))
	check(s.t, err)
	spoiled := bytes.Replace(signed.Data, []byte("<QtyItem>2</QtyItem>"), []byte("<QtyItem>dos</QtyItem>"), 1)
	tree, err := xmldsig.Parse(slices.Concat([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?>`), spoiled), xmldsig.Limits{})
	check(s.t, err)
	content := tree.Root().Child("Documento")
	name, _ := content.Attr("ID")
	signature, err := xmldsig.Sign(s.identity, sha1.Sum(content.Canonical()), "#"+name, xmldsig.Both) //nolint:gosec // the SII's algorithm
	check(s.t, err)
	from, to := bytes.Index(spoiled, []byte("<Signature")), bytes.Index(spoiled, []byte("</DTE>"))
	_, err = s.archive.Create(s.t.Context(), store.SignedDTE(id, 1), slices.Concat(spoiled[:from], signature, []byte("\n"), spoiled[to:]), nil)
	check(s.t, err)
	return id
}
