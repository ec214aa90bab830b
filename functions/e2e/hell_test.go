package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	simulator "timbre/emulators/sii"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/store"
)

// TestHell: whatever the SII does to calls, envelopes and clock, every document ends with the verdict that
// its registry has, in one file, and nothing is reported accepted that is not.
func TestHell(t *testing.T) {
	t.Parallel()
	seeds := 1
	if os.Getenv("WITNESS") != "" {
		seeds = 25
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newSending(t, func(o *simulator.Options) { o.Faults, o.Seed = "hell", uint64(seed+1) })
			s.change("folios:annul", simulator.FolioRange{Company: s.company.RUT, Type: 33, From: 3})
			want := map[store.DocumentID]event.Status{}
			for folio := int64(1); folio <= 6; folio++ {
				id := s.issue(dte.Factura, folio)
				want[id] = event.StatusAccepted
				if folio == 3 {
					want[id] = event.StatusRejected
				}
				note := s.issue(dte.NotaCredito, folio, id)
				want[note] = want[id]
				if folio == 3 {
					want[note] = event.StatusBlocked // it refers to a document that the SII refused
				}
				s.pass(7)
			}
			for hours := 0; hours < 12 && !s.settled(want); hours++ {
				s.pass(60)
				request(s.send, http.MethodPost, "/v1/outbox:flush")
			}
			s.want(want)
		})
	}
}

// settled tells whether every document is where it should be, or has another verdict.
func (s *sending) settled(want map[store.DocumentID]event.Status) bool {
	s.t.Helper()
	for id, status := range want {
		r, err := document.Load(s.t.Context(), s.state, id)
		if err != nil {
			s.t.Fatal(err)
		}
		if r.Status != status && !r.Status.Final() {
			return false
		}
	}
	return true
}
