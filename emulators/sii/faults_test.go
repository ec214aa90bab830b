package sii_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/emulators/sii"
	"timbre/emulators/sii/faults"
)

// seen is what a client sees of one call: an error has no status.
type seen struct {
	err    error
	status int
	body   string
	header http.Header
}

// watch makes one request on a connection of its own.
func watch(b *bench, method, path, kind string, body []byte, header map[string]string) seen {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("User-Agent", agent)
	for k, v := range header {
		request.Header.Set(k, v)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return seen{err: err}
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(response.Body)
	return seen{err: err, status: response.StatusCode, body: string(answer), header: response.Header}
}

// watchUpload sends one invoice.
func watchUpload(b *bench, data []byte) seen {
	kind, body := form{sender: b.person, company: b.company.RUT, file: "e.xml", data: data}.encode(b.t)
	return watch(b, http.MethodPost, b.host+"/cgi_dte/UPL/DTEUpload", kind, body, map[string]string{"Cookie": "TOKEN=" + b.token})
}

// What a client sees of each fault of a call, and whether the work was done. The
// call after it is right again.
func TestCallFaults(t *testing.T) {
	t.Parallel()
	is := func(status int, text string) func(seen) bool {
		return func(s seen) bool { return s.err == nil && s.status == status && strings.Contains(s.body, text) }
	}
	cut := func(s seen) bool { return s.err != nil }
	tests := []struct {
		name string
		rule faults.Rule
		want func(seen) bool
		done int // envelopes
	}{
		{"reset before", faults.Rule{Fault: faults.ResetBefore}, cut, 0},
		{"reset after", faults.Rule{Fault: faults.ResetAfter}, cut, 1},
		{"page as 200", faults.Rule{Fault: faults.HTML}, is(200, "<html>"), 0},
		{"page as 500", faults.Rule{Fault: faults.HTML, Status: 500}, is(500, "<html>"), 0},
		{"page as 503, done", faults.Rule{Fault: faults.HTML, Status: 503, Process: true}, is(503, "<html>"), 1},
		{"empty", faults.Rule{Fault: faults.Empty}, func(s seen) bool { return s.status == 200 && s.body == "" && s.err == nil }, 0},
		{"empty, done", faults.Rule{Fault: faults.Empty, Process: true}, func(s seen) bool { return s.status == 200 && s.body == "" }, 1},
		{"Error 500", faults.Rule{Fault: faults.Error500}, func(s seen) bool { return s.body == "Error 500" }, 0},
		{"too many", faults.Rule{Fault: faults.TooMany, RetryAfter: 7}, func(s seen) bool { return s.status == 429 && s.header.Get("Retry-After") == "7" }, 0},
		{"token killed", faults.Rule{Fault: faults.KillToken}, is(200, "<STATUS>5</STATUS>"), 0},
		{"duplicate of itself", faults.Rule{Fault: faults.Duplicate}, is(200, "<STATUS>99</STATUS>"), 1},
		{"delay", faults.Rule{Fault: faults.Delay, DelayMS: 1}, is(200, "<STATUS>0</STATUS>"), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			tt.rule.Operation, tt.rule.Times = "upload", 1
			b.fault(tt.rule)
			data := b.envelopeOf(b.invoice(1)).write(t)
			if got := watchUpload(b, data); !tt.want(got) {
				t.Errorf("got %d %q %v", got.status, got.body, got.err)
			}
			if got := len(b.server.Envelopes()); got != tt.done {
				t.Errorf("%d envelopes, want %d", got, tt.done)
			}
			if got := b.server.FaultStatus().Counts[tt.rule.Fault]; got != 1 {
				t.Errorf("counted %d times, want 1", got)
			}
			if tt.rule.Fault == faults.KillToken {
				b.token = b.login(b.signer)
			}
			want := map[int]string{0: "0", 1: "99"}[tt.done]
			if got := b.upload(b.company.RUT, data); tag(got, "STATUS") != want {
				t.Errorf("afterwards: got %s, want STATUS %s", got, want)
			}
		})
	}
}

// The duplicate names the track id under which the file was taken.
func TestDuplicateNamesItsTrack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(faults.Rule{Fault: faults.Duplicate, Times: 1})
	got := watchUpload(b, b.envelopeOf(b.invoice(1)).write(t))
	if want := "Trackid " + strings.TrimLeft(b.server.Envelopes()[0].TrackID, "0") + "."; !strings.Contains(got.body, want) {
		t.Errorf("got %s, want %s", got.body, want)
	}
}

func TestDelayIsReal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(faults.Rule{Fault: faults.Delay, DelayMS: 60, Operation: "getSeed", Times: 1})
	began := time.Now()
	b.seed()
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("answered after %s, want 60 ms", took)
	}
}

// Envelopes: stuck for a while, stuck for ever, lost (the same bytes may then
// come again), EPR without counts.
func TestEnvelopeFaults(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	r.fault(faults.Rule{Fault: faults.Stuck, Times: 1, For: faults.Duration(10 * time.Minute)})
	track := tag(r.upload(r.company.RUT, r.envelopeOf(r.invoice(1)).write(t)), "TRACKID")
	r.server.Advance(10 * time.Minute)
	if got := tag(r.estUp(r.company.RUT, track), "ESTADO"); got != "PDR" {
		t.Errorf("stuck: got %s, want PDR", got)
	}
	r.server.Advance(time.Minute)
	if got := tag(r.estUp(r.company.RUT, track), "ESTADO"); got != "EPR" {
		t.Errorf("no longer stuck: got %s, want EPR", got)
	}

	r.fault(faults.Rule{Fault: faults.Stuck, Times: 1})
	boletas := r.deliver(r.boletasOf(r.boleta(1)).write(t))
	r.server.Advance(40 * time.Minute)
	if got, raw := r.state(boletas); got.Estado != "PRD" {
		t.Errorf("stuck for ever: got %s, want PRD", raw)
	}

	r.fault(faults.Rule{Fault: faults.Lost, Times: 1})
	data := r.envelopeOf(r.invoice(2)).write(t)
	if e := r.send(r.company.RUT, data); e.State != "VOF" {
		t.Errorf("lost: got %s, want VOF", e.State)
	}
	wantAccepted(t, r.send(r.company.RUT, data))

	r.fault(faults.Rule{Fault: faults.EmptyEPR, Times: 2})
	if got := r.estUp(r.company.RUT, track); tag(got, "ESTADO") != "EPR" || strings.Contains(got, "TIPO_DOCTO") {
		t.Errorf("empty EPR: got %s", got)
	}
	second := r.deliver(r.boletasOf(r.boleta(2)).write(t))
	r.server.Advance(time.Minute)
	if got, raw := r.state(second); got.Estado != "EPR" || got.Estadistica != nil {
		t.Errorf("empty EPR of boletas: got %s", raw)
	}
	if got := r.estUp(r.company.RUT, track); !strings.Contains(got, "TIPO_DOCTO") {
		t.Errorf("EPR afterwards: got %s", got)
	}
}

// Glosas break, codes do not.
func TestMojibake(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	e := r.sendOf(r.invoice(1))
	r.deliver(r.boletasOf(r.boleta(1)).write(t))
	r.server.Advance(time.Minute)
	r.fault(faults.Rule{Fault: faults.Mojibake})
	const broken = "\u00ef\u00bf\u00bd"
	if got := r.estUp(r.company.RUT, e.TrackID); tag(got, "GLOSA") != "Envi"+broken+" Pr"+broken+"cesad"+broken || tag(got, "ESTADO") != "EPR" {
		t.Errorf("getEstUp: got %s", got)
	}
	if got := r.estDte(r.company.RUT, r.receiver.RUT, 33, 1, "2026-11-20", "10020"); !strings.Contains(tag(got, "GLOSA_ESTADO"), broken) || tag(got, "ESTADO") != "DOK" {
		t.Errorf("getEstDte: got %s", got)
	}
	if _, got := r.document(39, 1, "11900"); !strings.Contains(got, "D"+broken+"cument"+broken) || !strings.Contains(got, `"codigo":"DOK"`) {
		t.Errorf("boleta: got %s", got)
	}
}

// An outage by simulated time: nobody listens; then all is as before. One host
// alone is cut, not refused.
func TestOutage(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	data := r.envelopeOf(r.invoice(1)).write(t)
	r.fault(faults.Rule{Fault: faults.Down, For: faults.Duration(time.Hour)})
	r.eventually(func() bool {
		got := watchUpload(r.bench, data)
		if got.err == nil {
			t.Fatalf("got %d, want no answer", got.status)
		}
		return strings.Contains(got.err.Error(), "connection refused")
	})
	r.server.Advance(59 * time.Minute)
	if got := watchUpload(r.bench, data); got.err == nil {
		t.Errorf("after 59 minutes: got %d", got.status)
	}
	r.server.Advance(time.Minute)
	r.eventually(func() bool { return watchUpload(r.bench, data).err == nil })

	r.fault(faults.Rule{Fault: faults.Down, Host: "maullin.sii.cl"})
	if got := watchUpload(r.bench, data); got.err == nil {
		t.Errorf("host down: got %d", got.status)
	}
	if got := watch(r.bench, http.MethodGet, boletaQueries+".semilla", "", nil, nil); got.status != 200 {
		t.Errorf("other host: got %d %v", got.status, got.err)
	}
	r.server.Calm()
	r.token = r.restLogin()
	if got := watchUpload(r.bench, data); got.err != nil {
		t.Errorf("calm again: %v", got.err)
	}
}

// eventually waits for what happens on the simulator's own time.
func (b *bench) eventually(done func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
	b.t.Fatal("it never happened")
}

// A wrong clock: the SII's times differ, and a document that was signed ahead of
// them by more than the tolerance is refused.
func TestSkew(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(faults.Rule{Fault: faults.Skew, For: faults.Duration(-5 * time.Minute)})
	answer := b.upload(b.company.RUT, b.envelopeOf(b.invoice(1)).write(t))
	if got := tag(answer, "TIMESTAMP"); got != "2026-11-20 11:55:00" {
		t.Errorf("TIMESTAMP: got %s, want five minutes before noon", got)
	}
	b.server.Advance(time.Minute)
	wantAccepted(t, b.envelope(tag(answer, "TRACKID")))
	b.fault(faults.Rule{Fault: faults.Skew, For: faults.Duration(-time.Hour)})
	b.token = b.login(b.signer)
	if e := b.sendOf(b.invoice(2)); e.State != "RCT" {
		t.Errorf("an hour ahead: got %s, want RCT", e.State)
	}
}

// An hour of simulated time moves everything: the timeline, seeds, tokens.
func TestHourOfClock(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	track := tag(r.upload(r.company.RUT, r.envelopeOf(r.invoice(1)).write(t)), "TRACKID")
	boletas := r.deliver(r.boletasOf(r.boleta(1)).write(t))
	seed := r.seed()
	r.control(http.MethodPost, "/_control/clock", map[string]string{"advance": "1h1s"}, 200)
	if got := tag(r.call("GetTokenFromSeed", "getToken", r.signer.seedDocument(t, seed)), "ESTADO"); got != "08" {
		t.Errorf("seed: got %s, want 08", got)
	}
	if got := tag(r.estUp(r.company.RUT, track), "ESTADO"); got != "001" {
		t.Errorf("token: got %s, want 001", got)
	}
	if status, _ := r.document(39, 1, "11900"); status != 401 {
		t.Errorf("boleta token: got %d, want 401", status)
	}
	r.client.token, r.token = r.login(r.signer), r.restLogin()
	if got := tag(r.estUp(r.company.RUT, track), "ESTADO"); got != "EPR" {
		t.Errorf("timeline: got %s, want EPR", got)
	}
	if got, raw := r.state(boletas); got.Estado != "EPR" {
		t.Errorf("timeline of boletas: got %s", raw)
	}
}

// The dials: an upload takes its time, one after the other where there is one
// slot; the verdict comes after its own delay, whatever the speed.
func TestDials(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *sii.Options) { o.Speed, o.UploadSlots = 1000, 1 })
	b.control(http.MethodPost, "/_control/dials", map[string]string{"upload_delay": "50ms", "verdict_delay": "20s"}, 200)
	began := time.Now()
	answers := make(chan string, 2)
	files := [][]byte{b.envelopeOf(b.invoice(1)).write(t), b.envelopeOf(b.invoice(2)).write(t)}
	for _, data := range files {
		go func() { answers <- watchUpload(b, data).body }()
	}
	track := tag(<-answers, "TRACKID")
	<-answers
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("two uploads took %s, want 100 ms", took)
	}
	for _, step := range []struct {
		advance time.Duration
		want    string
	}{{19 * time.Second, "PDR"}, {time.Second, "EPR"}} {
		b.server.Advance(step.advance)
		if got := tag(b.estUp(b.company.RUT, track), "ESTADO"); got != step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
	}
	var dials sii.Dials
	if err := json.Unmarshal(b.control(http.MethodPost, "/_control/dials", map[string]string{"upload_delay": "0s"}, 200), &dials); err != nil {
		t.Fatal(err)
	}
	if dials.UploadDelay != 0 || time.Duration(dials.VerdictDelay) != 20*time.Second {
		t.Errorf("dials: got %+v, want the other one kept", dials)
	}
	b.control(http.MethodPost, "/_control/dials", map[string]string{"upload_delay": "-1s"}, 422)
}

func TestFaultAPI(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	change := map[string]any{"profile": "hell", "seed": 5, "rules": []faults.Rule{{Fault: faults.Empty, Operation: "getSeed", Times: 1}}}
	var status faults.Status
	if err := json.Unmarshal(b.control(http.MethodPost, "/_control/faults", change, 200), &status); err != nil {
		t.Fatal(err)
	}
	if status.Profile != "hell" || status.Seed != 5 || len(status.Rules) != len(faults.Profiles["hell"].Rules)+1 || status.Rules[0].Operation != "getSeed" {
		t.Errorf("status: %+v", status)
	}
	if got := watch(b, http.MethodPost, b.host+"/DTEWS/CrSeed.jws", "text/xml", nil, nil); got.body != "" {
		t.Errorf("given rules go first: got %q", got.body)
	}
	b.control(http.MethodDelete, "/_control/faults", nil, 204)
	if err := json.Unmarshal(b.control(http.MethodGet, "/_control/faults", nil, 200), &status); err != nil {
		t.Fatal(err)
	}
	if status.Profile != "calm" || len(status.Rules) != 0 || status.Counts["empty"] != 1 {
		t.Errorf("status: %+v", status)
	}
	b.control(http.MethodPost, "/_control/faults", map[string]any{"profile": "purgatory"}, 422)
	b.control(http.MethodPost, "/_control/faults", map[string]any{"rules": []map[string]string{{"fault": "rain"}}}, 422)
	b.control(http.MethodPost, "/_control/faults", map[string]any{"rain": 1}, 400)
	if _, err := sii.Start(sii.Options{World: b.world, Faults: "purgatory"}); err == nil {
		t.Error("an unknown profile starts")
	}
	var permissions []sii.Permission
	if err := json.Unmarshal(b.control(http.MethodGet, "/_control/permissions", nil, 200), &permissions); err != nil {
		t.Fatal(err)
	}
	if len(permissions) != 6 || !permissions[0].Send || permissions[0].Environment != "certificacion" {
		t.Errorf("permissions: %+v", permissions)
	}
}
