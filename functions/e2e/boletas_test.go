package e2e_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	simulator "timbre/emulators/sii"
	"timbre/emulators/sii/faults"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// newBoletas is sending whose boletas go to the service of their own.
func newBoletas(t *testing.T, most int) *sending {
	t.Helper()
	s := newSending(t)
	s.boletasMax, s.boletasREST = most, true
	s.configure(s.company.FchResol)
	s.start()
	return s
}

func (s *sending) boletaPlan(n int64) *dispatch.Plan {
	s.t.Helper()
	c := dispatch.Chain{Company: store.Company{Env: store.Certificacion, RUT: rut.MustParse(s.company.RUT)}, Channel: store.Boleta}
	p, err := dispatch.Load(s.t.Context(), s.state, c.Envelope(n))
	if err != nil {
		s.t.Fatal(err)
	}
	return &p
}

// TestBoletas: envelopes up to the cap, the first question after ten minutes, a verdict for each folio with
// the SII's reasons. With WITNESS=1 there are 2,000 in envelopes of 500.
func TestBoletas(t *testing.T) {
	t.Parallel()
	most := 20
	if os.Getenv("WITNESS") != "" {
		most = 500
	}
	s := newBoletas(t, most)
	s.change("folios:annul", simulator.FolioRange{Company: s.company.RUT, Type: 39, From: 7})
	want := map[store.DocumentID]event.Status{}
	var annulled store.DocumentID
	for folio := int64(1); folio <= int64(2*most); folio++ {
		for _, kind := range []dte.Type{dte.Boleta, dte.BoletaExenta} {
			id := s.issue(kind, folio)
			want[id] = event.StatusAccepted
			if kind == dte.Boleta && folio == 7 {
				annulled, want[id] = id, event.StatusRejected
			}
		}
	}
	s.pass(1)
	if p := s.boletaPlan(1); p.Service != dispatch.Boletas || len(p.Track()) != 11 {
		t.Errorf("envelope 1 went to %q with track id %q", p.Service, p.Track())
	}
	s.pass(8)
	if r, err := document.Load(t.Context(), s.state, annulled); err != nil || r.Status != event.StatusSent {
		t.Errorf("asked before ten minutes: %s, %v", r.Status, err)
	}
	s.pass(20)
	s.want(want)
	var sizes []int
	for _, e := range s.sii.Envelopes() {
		sizes = append(sizes, len(e.Documents))
	}
	if diff := cmp.Diff([]int{most, most, most, most}, sizes); diff != "" {
		t.Errorf("documents an envelope (-want +got):\n%s", diff)
	}
	r, err := document.Load(t.Context(), s.state, annulled)
	if err != nil || r.SII == nil || len(r.SII.Details) != 1 {
		t.Fatalf("%s: %+v, %v", annulled, r.SII, err)
	}
	if d := r.SII.Details[0]; d.Level != 3 || d.Text == "" { // the simulator gives no code for this
		t.Errorf("reason: %+v", d)
	}
}

// TestBoletasTrouble: this service does not know a file again, so that an answer that was lost is found out
// by asking for a document.
func TestBoletasTrouble(t *testing.T) {
	t.Parallel()
	const page = "<html><body>Error</body></html>"
	tests := map[string]struct {
		answers []simulator.Answer
		uploads int
	}{
		"answer lost":       {[]simulator.Answer{{Operation: "boletaUpload", Drop: "after"}}, 1},
		"page after upload": {[]simulator.Answer{{Operation: "boletaUpload", Body: page, Process: true}}, 1},
		"reset before":      {[]simulator.Answer{{Operation: "boletaUpload", Drop: "before"}}, 1},
		"token refused":     {[]simulator.Answer{{Operation: "boletaUpload", Status: 401, Body: "NO ESTA AUTENTICADO", ContentType: "text/plain"}}, 1},
		"too many":          {[]simulator.Answer{{Operation: "boletaUpload", Status: 429, Times: 2}}, 1},
		"states lost":       {[]simulator.Answer{{Operation: "boletaEnvelope", Status: 503, Body: page, Times: 7}}, 1},
		"unknown at first":  {[]simulator.Answer{{Operation: "boletaEnvelope", Status: 404, Body: "Not Found", ContentType: "text/plain", Times: 2}}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newBoletas(t, 50)
			s.script(test.answers...)
			one, two := s.issue(dte.Boleta, 1), s.issue(dte.BoletaExenta, 1)
			s.pass(90)
			want := map[store.DocumentID]event.Status{one: event.StatusAccepted, two: event.StatusAccepted}
			for id, status := range want {
				if r, err := document.Load(t.Context(), s.state, id); err != nil || r.Status != status {
					t.Errorf("%s is %s, want %s (%v)", id, r.Status, status, err)
				}
			}
			if n := len(s.sii.Envelopes()); n != test.uploads {
				t.Errorf("%d envelopes at the SII, want %d", n, test.uploads)
			}
		})
	}
}

// TestBoletaLostThenAnswerLost: the SII loses the file, and of the repeat it keeps the file but the answer is
// lost: its track id is never told, so the documents' own states decide.
func TestBoletaLostThenAnswerLost(t *testing.T) {
	t.Parallel()
	s := newBoletas(t, 50)
	check(t, s.sii.Fault(faults.Rule{Fault: faults.Lost, Times: 1}))
	one, two := s.issue(dte.Boleta, 1), s.issue(dte.BoletaExenta, 1)
	s.pass(5)
	s.script(simulator.Answer{Operation: "boletaUpload", Drop: "after"})
	s.pass(180)
	for _, id := range []store.DocumentID{one, two} {
		if r := s.record(id); r.Status != event.StatusAccepted {
			t.Errorf("%s is %s: %+v", id, r.Status, r.SII)
		}
	}
	if n := len(s.sii.Envelopes()); n != 2 {
		t.Errorf("%d envelopes at the SII, want the lost one and its repeat", n)
	}
}

// TestBoletasOfTheSet: without the switch they go where the reviewer of the set looks.
func TestBoletasOfTheSet(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	one := s.issue(dte.Boleta, 1)
	s.pass(10)
	s.want(map[store.DocumentID]event.Status{one: event.StatusAccepted})
	if p := s.boletaPlan(1); p.Service != dispatch.Upload {
		t.Errorf("the envelope went to %q", p.Service)
	}
}

// TestBoletasHell: a service that loses answers and does not know a file again still ends with one verdict a
// document, that of the SII's registry.
func TestBoletasHell(t *testing.T) {
	t.Parallel()
	seeds := 2
	if os.Getenv("WITNESS") != "" {
		seeds = 25
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newSending(t, func(o *simulator.Options) { o.Faults, o.Seed = "hell", uint64(seed+1) })
			s.boletasMax, s.boletasREST = 5, true
			s.configure(s.company.FchResol)
			s.start()
			s.change("folios:annul", simulator.FolioRange{Company: s.company.RUT, Type: 39, From: 3})
			want := map[store.DocumentID]event.Status{}
			for folio := int64(1); folio <= 8; folio++ {
				want[s.issue(dte.Boleta, folio)] = event.StatusAccepted
				exempt := s.issue(dte.BoletaExenta, folio)
				want[exempt] = event.StatusAccepted
				if folio == 3 {
					id := exempt
					id.Type = dte.Boleta
					want[id] = event.StatusRejected
				}
				s.pass(7)
			}
			for hours := 0; hours < 24 && !s.settled(want); hours++ {
				s.pass(60)
			}
			for id, status := range want {
				if r := s.record(id); r.Status != status {
					t.Errorf("%s is %s, want %s: %+v", id, r.Status, status, r.SII)
				}
			}
		})
	}
}
