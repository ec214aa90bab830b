package sii_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii"
)

// The timeline of WEBSERVICES §13.5, at the real pace and ten times faster.
func TestTimeline(t *testing.T) {
	t.Parallel()
	steps := []struct {
		after time.Duration // since the upload
		want  string
	}{{0, "-11"}, {1, "-11"}, {2, "REC"}, {5, "SOK"}, {10, "FOK"}, {15, "CRT"}, {20, "PDR"}, {59, "PDR"}, {60, "EPR"}}
	for name, speed := range map[string]time.Duration{"real pace": 1, "ten times": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(o *sii.Options) { o.Speed = float64(speed) })
			track := tag(b.upload(b.company.RUT, b.envelopeOf(b.invoice(1)).write(t)), "TRACKID")
			at := time.Duration(0)
			for _, step := range steps {
				b.server.Advance((step.after*time.Second - at) / speed)
				at = step.after * time.Second
				inner := b.estUp(b.company.RUT, track)
				if got := tag(inner, "ESTADO"); got != step.want {
					t.Errorf("after %d s: got %q, want %q", step.after, got, step.want)
				}
				if step.want == "-11" && tag(inner, "ERR_CODE") != "2" {
					t.Errorf("after %d s: ERR_CODE %q, want 2", step.after, tag(inner, "ERR_CODE"))
				}
				dte := b.estDte(b.company.RUT, b.receiver.RUT, 33, 1, "2026-11-20", "10020")
				if want := map[bool]string{true: "DOK", false: "FAU"}[step.want == "EPR"]; tag(dte, "ESTADO") != want {
					t.Errorf("after %d s: document %q, want %q", step.after, tag(dte, "ESTADO"), want)
				}
			}
		})
	}
}

func TestEstUpRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.sendOf(b.invoice(1))
	if got := tag(b.estUp(b.receiver.RUT, e.TrackID), "ERR_CODE"); got != "1" {
		t.Errorf("track of another company: ERR_CODE %q, want 1", got)
	}
	if got := tag(b.estUp(b.company.RUT, "999"), "ERR_CODE"); got != "2" {
		t.Errorf("unknown track: ERR_CODE %q, want 2", got)
	}
	if got := tag(b.estUp(b.company.RUT, strings.TrimLeft(e.TrackID, "0")), "ESTADO"); got != "EPR" {
		t.Errorf("track without zeros: ESTADO %q, want EPR", got)
	}
	b.permit(sii.Permission{Send: false, Sign: true})
	second := b.sendOf(b.invoice(2))
	if got := tag(b.estUp(b.company.RUT, second.TrackID), "ESTADO"); got != "106" {
		t.Errorf("sender without permission: ESTADO %q, want 106", got)
	}
}

// Credit notes are missing in the counts of EPR, as on maullin in 2026; a switch
// brings them back.
func TestCreditNotesAreHidden(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.sendOf(b.invoice(1), b.note(61, 1, 33, 1, 1))
	wantAccepted(t, e)
	inner := b.estUp(b.company.RUT, e.TrackID)
	if strings.Contains(inner, "<TIPO_DOCTO>61<") || !strings.Contains(inner, "<TIPO_DOCTO>33</TIPO_DOCTO><INFORMADOS>1<") {
		t.Errorf("got %s, want type 33 only", inner)
	}
	list := true
	b.change("switches", sii.Switches{ListCreditNotes: &list})
	if inner := b.estUp(b.company.RUT, e.TrackID); !strings.Contains(inner, "<TIPO_DOCTO>61</TIPO_DOCTO><INFORMADOS>1</INFORMADOS><ACEPTADOS>1<") {
		t.Errorf("got %s, want type 61 too", inner)
	}
}

func TestEstDteStates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rejected := b.invoice(7)
	rejected.body = cut(t, rejected.body, `<DirRecep>.*</DirRecep>\n`)
	wantAccepted(t, b.sendOf(
		b.invoice(1), b.invoice(2), b.invoice(3), b.invoice(4), b.invoice(5),
		b.note(61, 1, 33, 2, 1), b.note(61, 2, 33, 3, 2), b.note(61, 3, 33, 4, 3), b.note(56, 1, 61, 1, 1), b.note(56, 2, 33, 5, 3),
	))
	if e := b.sendOf(rejected); e.Documents[0].State != "RCH" {
		t.Fatalf("document without address: got %s, want RCH", e.Documents[0].State)
	}
	b.change("folios:annul", sii.FolioRange{Company: b.company.RUT, Type: 33, From: 50, To: 60})
	tests := []struct {
		name                          string
		issuer, receiver, total, date string
		kind, folio                   int
		want, code                    string
	}{
		{name: "received", folio: 1, want: "DOK", code: "0"},
		{name: "other total", folio: 1, total: "10021", want: "DNK", code: "1"},
		{name: "other date", folio: 1, date: "2026-11-19", want: "DNK", code: "1"},
		{name: "other receiver", folio: 1, receiver: "76354771-K", want: "DNK", code: "1"},
		{name: "not received", folio: 6, want: "FAU", code: "3"},
		{name: "rejected", folio: 7, want: "FAU", code: "3"},
		{name: "folio outside every CAF", folio: 101, want: "FNA", code: "4"},
		{name: "folio annulled", folio: 55, want: "FAN", code: "5"},
		{name: "unknown company", issuer: "76354771-K", folio: 1, want: "EMP", code: "6"},
		{name: "annulled by a credit note", folio: 2, want: "ANC", code: "15"},
		{name: "text corrected by a credit note", folio: 3, want: "TMC", code: "11"},
		{name: "amounts changed by a credit note", folio: 4, want: "MMC", code: "13"},
		{name: "credit note annulled by a debit note", kind: 61, folio: 1, want: "AND", code: "14"},
		{name: "amounts changed by a debit note", folio: 5, want: "MMD", code: "12"},
	}
	for _, tt := range tests {
		or := func(value, otherwise string) string {
			if value == "" {
				return otherwise
			}
			return value
		}
		inner := b.estDte(or(tt.issuer, b.company.RUT), or(tt.receiver, b.receiver.RUT), max(tt.kind, 0)+map[bool]int{true: 33}[tt.kind == 0],
			tt.folio, or(tt.date, "2026-11-20"), or(tt.total, "10020"))
		if tag(inner, "ESTADO") != tt.want || tag(inner, "ERR_CODE") != tt.code {
			t.Errorf("%s: got %s %s, want %s %s", tt.name, tag(inner, "ESTADO"), tag(inner, "ERR_CODE"), tt.want, tt.code)
		}
	}
}

// A folio of a rejected document or envelope is not consumed; the same bytes get
// the old track id; a re-signed document is refused but the first one stands.
func TestFolioLife(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	wrong := b.envelopeOf(b.invoice(1))
	wrong.resolNo = "80"
	if e := b.send(b.company.RUT, wrong.write(t)); e.State != "RCT" {
		t.Fatalf("got %s, want RCT", e.State)
	}
	data := b.envelopeOf(b.invoice(1)).write(t)
	first := b.send(b.company.RUT, data)
	wantAccepted(t, first)
	again := b.upload(b.company.RUT, data)
	if got := "Trackid " + strings.TrimLeft(first.TrackID, "0") + "."; tag(again, "STATUS") != "99" || !strings.Contains(again, got) {
		t.Errorf("same bytes: got %q, want STATUS 99 with %q", again, got)
	}
	if e := b.resend(b.invoice(1)); e.Documents[0].State != "RCH" {
		t.Errorf("same folio again: got %s, want RCH", e.Documents[0].State)
	}
	if got := tag(b.estDte(b.company.RUT, b.receiver.RUT, 33, 1, "2026-11-20", "10020"), "ESTADO"); got != "DOK" {
		t.Errorf("first document: got %s, want DOK", got)
	}
}

// resend signs the envelope anew, so that its bytes differ.
func (b *bench) resend(d *draft) sii.Envelope {
	b.t.Helper()
	e := b.envelopeOf(d)
	e.signTime = "2026-11-20T11:56:00"
	return b.send(b.company.RUT, e.write(b.t))
}

// Software that signs with the SII's namespace only verifies cut out, not in
// place: accepted as at the SII, unless the simulator is told to be stricter.
func TestNamespaceForms(t *testing.T) {
	t.Parallel()
	sii1 := func(d *draft) *draft {
		d.onlySII = true
		return d
	}
	b := newBench(t)
	e := b.sendOf(sii1(b.invoice(1)), b.invoice(2))
	wantAccepted(t, e)
	if e.Documents[0].InPlace || !e.Documents[1].InPlace {
		t.Errorf("in place: got %v and %v, want false and true", e.Documents[0].InPlace, e.Documents[1].InPlace)
	}
	strict := newBench(t, func(o *sii.Options) { o.InPlace = true })
	if e := strict.sendOf(sii1(strict.invoice(1))); e.Documents[0].State != "RCH" || e.Documents[0].Findings[0].Code != "DTE-3-505" {
		t.Errorf("strict: got %+v, want DTE-3-505", e.Documents[0])
	}
}

func TestLateSchema(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	late := true
	b.change("switches", sii.Switches{LateSchema: &late})
	e := b.send(b.company.RUT, sedFile("<QtyItem>2.5", "<QtyItem>0")(b, b.envelopeOf(b.invoice(1)).write(t)))
	if e.State != "RSC" || e.Fault == nil || !strings.HasPrefix(e.Fault.Text, "LSX-00291") {
		t.Errorf("got %s %+v, want RSC with LSX-00291", e.State, e.Fault)
	}
}

func TestProduction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	day, number, yes := "2014-08-22", 80, true
	b.change("companies", sii.CompanyChange{Environment: "produccion", RUT: b.company.RUT, FchResol: &day, NroResol: &number, Authorized: &yes})
	b.host = "/palena.sii.cl"
	b.token = b.login(b.signer)
	d := b.invoice(1)
	e := b.envelopeOf(d)
	e.resolDate, e.resolNo = day, "80"
	if got := b.send(b.company.RUT, e.write(t)); got.State != "EPR" || got.Documents[0].Findings[0].Rule != "caf-environment" {
		t.Errorf("certification CAF: got %s %+v, want caf-environment", got.State, got.Documents)
	}
	if got := tag(b.estDte(b.company.RUT, b.receiver.RUT, 33, 1, "2026-11-20", "10020"), "ESTADO"); got != "FAU" {
		t.Errorf("got %s, want FAU", got)
	}
}

func TestScriptedAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	script := func(a sii.Answer) {
		t.Helper()
		b.control(http.MethodPost, "/_control/answers", a, http.StatusNoContent)
	}
	script(sii.Answer{Operation: "getEstUp", Times: 2, Status: 503, Body: "<html>Servicio no disponible</html>"})
	for range 2 {
		if status, body := b.soap("QueryEstUp", "getEstUp", "1", "9", "1", "x"); status != 503 || !strings.Contains(body, "no disponible") {
			t.Errorf("got %d %q, want the scripted 503", status, body)
		}
	}
	if status, _ := b.soap("QueryEstUp", "getEstUp", "1", "9", "1", "x"); status != 200 {
		t.Errorf("third call: got %d, want 200", status)
	}
	data := b.envelopeOf(b.invoice(1)).write(t)
	for _, drop := range []string{"before", "after"} {
		script(sii.Answer{Operation: "upload", Drop: drop})
		kind, body := form{sender: b.person, company: b.company.RUT, file: "e.xml", data: data}.encode(t)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL+b.host+"/cgi_dte/UPL/DTEUpload", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Content-Type": {kind}, "User-Agent": {agent}, "Cookie": {"TOKEN=" + b.token}}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			t.Errorf("drop %s: got status %d, want a cut connection", drop, response.StatusCode)
		}
		if got, want := len(b.server.Envelopes()), map[string]int{"before": 0, "after": 1}[drop]; got != want {
			t.Errorf("drop %s: %d envelopes, want %d", drop, got, want)
		}
	}
	if answer := b.upload(b.company.RUT, data); tag(answer, "STATUS") != "99" {
		t.Errorf("after a lost answer: got %q, want STATUS 99", answer)
	}
	b.control(http.MethodPost, "/_control/answers", sii.Answer{Operation: "nothing"}, http.StatusUnprocessableEntity)
}

// control calls the management API and returns its body.
func (b *bench) control(method, path string, body any, want int) []byte {
	b.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.server.ControlURL+path, bytes.NewReader(data))
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if response.StatusCode != want {
		b.t.Errorf("%s %s: got %d %s, want %d", method, path, response.StatusCode, answer, want)
	}
	return answer
}

func TestControlAPI(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	data := b.envelopeOf(b.invoice(1), b.exemptInvoice(1)).write(t)
	e := b.send(b.company.RUT, data)
	var documents []sii.Document
	if err := json.Unmarshal(b.control(http.MethodGet, "/_control/documents?type=34", nil, 200), &documents); err != nil {
		t.Fatal(err)
	}
	if len(documents) != 1 || documents[0].Folio != 1 || documents[0].State != "DOK" || documents[0].TrackID != e.TrackID {
		t.Errorf("documents: got %+v", documents)
	}
	var envelopes []sii.Envelope
	if err := json.Unmarshal(b.control(http.MethodGet, "/_control/envelopes?bytes=true", nil, 200), &envelopes); err != nil {
		t.Fatal(err)
	}
	if len(envelopes) != 1 || !bytes.Equal(envelopes[0].Bytes, data) || len(envelopes[0].Documents) != 2 || !envelopes[0].Final {
		t.Errorf("envelopes: got %+v", envelopes)
	}
	if got := b.control(http.MethodGet, "/_control/envelopes/"+e.TrackID+"/xml", nil, 200); !bytes.Equal(got, data) {
		t.Error("envelope's bytes differ from those sent")
	}
	b.control(http.MethodGet, "/_control/envelopes/1/xml", nil, 404)
	b.control(http.MethodPost, "/_control/companies", sii.CompanyChange{RUT: "1-9"}, http.StatusUnprocessableEntity)
	b.control(http.MethodPost, "/_control/folios:annul", sii.FolioRange{Company: b.company.RUT, Type: 33, From: 1}, http.StatusUnprocessableEntity)
	b.control(http.MethodPost, "/_control/tokens:revoke", nil, http.StatusNoContent)
	if answer := b.upload(b.company.RUT, data); tag(answer, "STATUS") != "5" {
		t.Errorf("revoked token: got %q, want STATUS 5", answer)
	}
	var clock sii.Clock
	if err := json.Unmarshal(b.control(http.MethodPost, "/_control/clock", sii.ClockChange{Set: &today, Advance: "1h"}, 200), &clock); err != nil {
		t.Fatal(err)
	}
	if want := today.Add(time.Hour); !clock.Now.Equal(want) {
		t.Errorf("clock: got %s, want %s", clock.Now, want)
	}
	b.control(http.MethodGet, "/health", nil, 200)
}

// With a state folder the SII remembers: folios, files, changes, track ids.
func TestJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := func(o *sii.Options) { o.StateDir = dir }
	b := newBench(t, keep)
	data := b.envelopeOf(b.invoice(1)).write(t)
	first := b.send(b.company.RUT, data)
	b.permit(sii.Permission{Sign: true})
	second := b.sendOf(b.invoice(2)) // 106
	b.permit(sii.Permission{Sign: true, Send: true})
	b.upload(b.company.RUT, b.envelopeOf(b.invoice(3)).write(t))
	b.upload(b.company.RUT, data)
	before := b.server.Envelopes()
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	// A crash may cut the last line short.
	file, err := os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"op":"upload","at":"2026`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}

	later := newBench(t, keep) // the moved clock comes back too
	if diff := cmp.Diff(before, later.server.Envelopes(), cmp.Comparer(func(a, b sii.Envelope) bool {
		a.Documents, b.Documents = nil, nil
		x, errX := json.Marshal(a)
		y, errY := json.Marshal(b)
		return errX == nil && errY == nil && bytes.Equal(x, y)
	})); diff != "" {
		t.Errorf("envelopes differ after restart:\n%s", diff)
	}
	if answer := later.upload(b.company.RUT, data); tag(answer, "STATUS") != "99" || !strings.Contains(answer, "3 veces") {
		t.Errorf("same bytes after restart: got %q, want STATUS 99, 3 veces", answer)
	}
	if e := later.resend(later.invoice(1)); e.Documents[0].Findings[0].Code != "DTE-3-100" || e.TrackID <= second.TrackID || e.TrackID <= first.TrackID {
		t.Errorf("same folio after restart: got %s %+v", e.TrackID, e.Documents[0])
	}
	if got := tag(later.estDte(b.company.RUT, b.receiver.RUT, 33, 3, "2026-11-20", "10020"), "ESTADO"); got != "DOK" {
		t.Errorf("envelope in process at the restart: got %s, want DOK", got)
	}
}
