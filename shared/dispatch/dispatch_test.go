package dispatch_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	here  = store.Company{Env: store.Certificacion, RUT: rut.MustParse("76192083-9")}
	chain = dispatch.Chain{Company: here, Channel: store.DTE}
)

func memory() *store.Bucket { return store.NewBucket(store.NewMemory()) }

func TestLast(t *testing.T) {
	t.Parallel()
	b := memory()
	for n := int64(0); n <= 70; n++ {
		if n > 0 {
			p := dispatch.Plan{EnvelopeID: chain.Envelope(n)}
			if err := dispatch.Create(t.Context(), b, &p); err != nil {
				t.Fatal(err)
			}
		}
		for _, hint := range []int64{0, n / 2, n} {
			if got, err := dispatch.Last(t.Context(), b, chain, hint); got != n || err != nil {
				t.Fatalf("last of %d with hint %d is %d, %v", n, hint, got, err)
			}
		}
	}
}

func TestCreateOnce(t *testing.T) {
	t.Parallel()
	b := memory()
	one := dispatch.Plan{EnvelopeID: chain.Envelope(1), Documents: []dispatch.Item{{Type: 33, Folio: 1, Version: 1}}}
	two := dispatch.Plan{EnvelopeID: chain.Envelope(1), Documents: []dispatch.Item{{Type: 33, Folio: 2, Version: 1}}}
	if err := dispatch.Create(t.Context(), b, &one); err != nil {
		t.Fatal(err)
	}
	if err := dispatch.Create(t.Context(), b, &two); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second plan of one number: %v", err)
	}
	got, err := dispatch.Load(t.Context(), b, chain.Envelope(1))
	if diff := cmp.Diff(one, got); diff != "" || err != nil {
		t.Errorf("stored plan (-want +got):\n%s%v", diff, err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	e := chain.Envelope(12)
	got, err := dispatch.ParseDue(dispatch.DueParts(e))
	if got != e || err != nil {
		t.Errorf("due parts of %v read as %v, %v", e, got, err)
	}
	for _, parts := range [][]string{
		nil, {"certificacion"}, {"certificacion", "76192083-9", "dte"}, {"otro", "76192083-9", "dte", "1"},
		{"certificacion", "76192083-8", "dte", "1"}, {"certificacion", "76192083-9", "papel", "1"},
		{"certificacion", "76192083-9", "dte", "x"}, {"certificacion", "76192083-9", "dte", "0"},
	} {
		if got, err := dispatch.ParseDue(parts); err == nil {
			t.Errorf("%q read as %v", parts, got)
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	b := memory()
	other := store.Company{Env: store.Produccion, RUT: rut.SII}
	for _, c := range []struct {
		company store.Company
		kind    dte.Type
		folio   int64
	}{{here, dte.Factura, 1}, {here, dte.Factura, 2}, {here, dte.Boleta, 1}, {other, dte.NotaCredito, 9}} {
		id := store.DocumentID{Series: store.Series{Company: c.company, Type: c.kind}, Folio: c.folio}
		if _, err := b.Create(t.Context(), store.Outbox(store.ChannelOf(c.kind), id), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := dispatch.Waiting(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	want := []dispatch.Chain{{Company: here, Channel: store.Boleta}, {Company: here, Channel: store.DTE}, {Company: other, Channel: store.DTE}}
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
		t.Errorf("chains (-want +got):\n%s", diff)
	}
}

// TestAttemptTellsItsEnd: one that says how long it lasts is over then, whoever looks.
func TestAttemptTellsItsEnd(t *testing.T) {
	t.Parallel()
	p := dispatch.Plan{State: dispatch.Open}
	if err := p.Begin(dispatch.Attempt{ID: "one", At: noon, Until: noon.Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if !p.Busy(noon) || p.Busy(noon.Add(time.Second)) || !p.NextAttempt(time.Minute).Equal(noon.Add(time.Second)) {
		t.Errorf("busy at once %v, busy after its end %v, next attempt %v", p.Busy(noon), p.Busy(noon.Add(time.Second)), p.NextAttempt(time.Minute))
	}
}

// TestAttempts: who may upload, and when.
func TestAttempts(t *testing.T) {
	t.Parallel()
	p := dispatch.Plan{State: dispatch.Open}
	first := dispatch.Attempt{ID: "one", At: noon}
	if err := p.Begin(first); err != nil {
		t.Fatal(err)
	}
	if err := p.Begin(dispatch.Attempt{ID: "two", At: noon.Add(sii.UploadTimeout)}); !errors.Is(err, dispatch.ErrBusy) {
		t.Errorf("a second attempt while the first may run: %v", err)
	}
	later := noon.Add(sii.UploadTimeout + time.Minute)
	if p.Busy(later) || !p.Abandoned(later) {
		t.Error("an attempt older than an upload may last is still under way")
	}
	if err := p.Begin(dispatch.Attempt{ID: "two", At: later}); err != nil || p.Attempts[0].Result != dispatch.ResultUnknown {
		t.Errorf("the second attempt: %v, the first is %q", err, p.Attempts[0].Result)
	}
	if err := p.End("two", sii.UploadResult{Status: 0, TrackID: "0000000012"}, later); err != nil || p.State != dispatch.Received {
		t.Errorf("received: %v, plan is %s", err, p.State)
	}
	if err := p.Begin(dispatch.Attempt{ID: "three", At: later}); !errors.Is(err, dispatch.ErrOver) {
		t.Errorf("an attempt after the end: %v", err)
	}
	// The first answer comes late after all: both track ids are kept.
	if err := p.End("one", sii.UploadResult{Status: 0, TrackID: "13"}, later); err != nil {
		t.Fatal(err)
	}
	if err := p.End("one", sii.UploadResult{Status: 99, TrackID: "12"}, later); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"13", "12"}, p.Tracks); diff != "" { // 12 and 0000000012 are one
		t.Errorf("tracks (-want +got):\n%s", diff)
	}
	if err := p.End("nobody", sii.UploadResult{}, later); err == nil {
		t.Error("an attempt that was never begun has ended")
	}
}

// TestStatuses: every STATUS of OI2003_UPDTE_MDE 1.5 (WEBSERVICES §3.3), for a plan never sent before and
// for one that the SII may hold.
func TestStatuses(t *testing.T) {
	t.Parallel()
	const company, documents = dispatch.FaultCompany, dispatch.FaultDocuments
	tests := map[int]struct {
		fresh, held dispatch.State
		fault       dispatch.Fault
	}{
		0:    {dispatch.Received, dispatch.Received, ""},
		1:    {dispatch.Refused, dispatch.Parked, company},
		2:    {dispatch.Refused, dispatch.Parked, documents},
		3:    {dispatch.Open, dispatch.Parked, ""},
		4:    {dispatch.Refused, dispatch.Parked, company},
		5:    {dispatch.Open, dispatch.Parked, ""},
		6:    {dispatch.Refused, dispatch.Parked, company},
		7:    {dispatch.Refused, dispatch.Parked, documents},
		8:    {dispatch.Refused, dispatch.Parked, documents},
		9:    {dispatch.Open, dispatch.Parked, ""},
		10:   {dispatch.Open, dispatch.Parked, ""},
		99:   {dispatch.Received, dispatch.Received, ""},
		1234: {dispatch.Open, dispatch.Parked, ""},
	}
	for status, test := range tests {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			for _, held := range []bool{false, true} {
				p, want := dispatch.Plan{State: dispatch.Open}, test.fresh
				if held {
					p.State, want = dispatch.Parked, test.held
					p.Attempts = []dispatch.Attempt{{ID: "lost", At: noon, Ended: noon, Result: dispatch.ResultUnknown}}
				}
				if err := p.Begin(dispatch.Attempt{ID: "a", At: noon}); err != nil {
					t.Fatal(err)
				}
				if err := p.End("a", sii.UploadResult{Status: status, TrackID: "5"}, noon); err != nil || p.State != want {
					t.Errorf("held %t: plan is %s, want %s (%v)", held, p.State, want, err)
				}
				if held && test.fault == documents { // believed when it comes again
					if err := p.Begin(dispatch.Attempt{ID: "b", At: noon}); err != nil || !p.Contradicted() {
						t.Fatal(err, p.Contradicted())
					}
					if err := p.End("b", sii.UploadResult{Status: status}, noon); err != nil || p.State != dispatch.Refused {
						t.Errorf("refused twice: plan is %s (%v)", p.State, err)
					}
				}
				if p.State == dispatch.Refused && p.Refusal.Fault != test.fault {
					t.Errorf("fault of %q, want %q", p.Refusal.Fault, test.fault)
				}
				if p.State == dispatch.Refused && p.Refusal.Note() == dispatch.Refusal.Note(dispatch.Refusal{Code: fmt.Sprint(status, "?")}) {
					t.Errorf("STATUS %d has no words", status)
				}
			}
		})
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	p := dispatch.Plan{State: dispatch.Open}
	if at := p.NextAttempt(time.Minute); !at.IsZero() {
		t.Errorf("the first attempt waits until %s", at)
	}
	now := noon
	var lost []time.Duration
	for range 7 {
		if err := p.Begin(dispatch.Attempt{ID: fmt.Sprint(now), At: now}); err != nil {
			t.Fatal(err)
		}
		if err := p.Lost(fmt.Sprint(now), "reset", "", now); err != nil {
			t.Fatal(err)
		}
		lost = append(lost, p.NextAttempt(time.Minute).Sub(now))
		now = p.NextAttempt(time.Minute)
	}
	want := []time.Duration{
		time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute, 15 * time.Minute,
	}
	if diff := cmp.Diff(want, lost); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	certificate, resolution := company.Certificate{SHA256: "one"}, dispatch.Resolution{Date: "2024-01-02"}
	released := noon
	tests := map[string]struct {
		change func(p *dispatch.Plan)
		want   bool
	}{
		"refused":           {func(*dispatch.Plan) {}, true},
		"released":          {func(p *dispatch.Plan) { p.Refusal.Released = &released }, false},
		"other certificate": {func(p *dispatch.Plan) { p.Certificate.SHA256 = "two" }, false},
		"other resolution":  {func(p *dispatch.Plan) { p.Resolution.Number = 80 }, false},
		"documents' fault":  {func(p *dispatch.Plan) { p.Refusal.Fault = dispatch.FaultDocuments }, false},
		"received":          {func(p *dispatch.Plan) { p.State = dispatch.Received }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := dispatch.Plan{Certificate: certificate, Resolution: resolution}
			p.Refuse(dispatch.Refusal{Fault: dispatch.FaultCompany, Code: "1"})
			test.change(&p)
			if got := p.Blocks(certificate, resolution); got != test.want {
				t.Errorf("blocks %t, want %t", got, test.want)
			}
		})
	}
}

// TestLogins: one refused login may be an error of the SII; some are not. A plan that the SII may hold is
// never refused for it.
func TestLogins(t *testing.T) {
	t.Parallel()
	p, held := dispatch.Plan{State: dispatch.Open}, dispatch.Plan{
		State: dispatch.Parked, Attempts: []dispatch.Attempt{{ID: "lost", Result: dispatch.ResultUnknown}},
	}
	for n, want := range []dispatch.State{dispatch.Open, dispatch.Open, dispatch.Refused} {
		if err := errors.Join(p.LoginRefused("10", noon), held.LoginRefused("10", noon)); err != nil {
			t.Fatal(err)
		}
		if p.State != want || held.State != dispatch.Parked {
			t.Errorf("after %d: %s and %s, want %s and parked", n+1, p.State, held.State, want)
		}
	}
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	m := store.NewMemory()
	m.Retained = true
	b := store.NewBucket(m)
	id := store.DocumentID{Series: store.Series{Company: here, Type: dte.Factura}, Folio: 1}
	want := []dispatch.Evidence{{At: noon, Kind: "a"}, {At: noon, Kind: "b"}, {At: noon, Kind: "c", Code: "0"}}
	if err := dispatch.Keep(t.Context(), b, id, want[:2]...); err != nil {
		t.Fatal(err)
	}
	if err := dispatch.Keep(t.Context(), b, id, want[2]); err != nil {
		t.Fatal(err)
	}
	got, err := dispatch.Kept(t.Context(), b, id)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("evidence (-want +got):\n%s%v", diff, err)
	}
}

func TestCarries(t *testing.T) {
	t.Parallel()
	p := dispatch.Plan{EnvelopeID: chain.Envelope(4)}
	item := dispatch.Item{Type: dte.Factura, Folio: 1, Version: 1}
	tests := map[string]struct {
		record document.Record
		want   bool
	}{
		"carried":        {document.Record{Envelope: 4, Version: 1}, true},
		"moved on":       {document.Record{Envelope: 5, Version: 1}, false},
		"replaced since": {document.Record{Envelope: 4, Version: 2}, false},
	}
	for name, test := range tests {
		if got := p.Carries(&test.record, item); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
