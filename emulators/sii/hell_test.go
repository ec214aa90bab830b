package sii_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/sii"
)

// patient is the simplest client that can live with the SII on any day: it never
// believes what it cannot read, sends the same bytes again, and asks on.
type patient struct {
	*bench
	token string
	ends  time.Time // of its patience
}

// patience bounds one envelope's way to its verdict.
const patience = time.Minute

func newPatient(b *bench) *patient { return &patient{bench: b, ends: time.Now().Add(patience)} }

// until repeats a step that says whether it is through; between two tries it
// gives the SII a moment.
func (p *patient) until(what string, step func() bool) {
	for !step() {
		if time.Now().After(p.ends) {
			p.t.Errorf("%s: no end within %s", what, patience)
			return
		}
		time.Sleep(10 * time.Millisecond) // a client's pause, not a test's
	}
}

// inner opens a SOAP answer; empty for whatever is none.
func inner(s seen) string {
	_, rest, found := strings.Cut(s.body, `Return xsi:type="xsd:string">`)
	if s.err != nil || s.status != http.StatusOK || !found {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "</ns1:")
	return html.UnescapeString(rest)
}

func (p *patient) ask(service, op string, parameters ...string) string {
	var b strings.Builder
	b.WriteString(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><` + op + `>`)
	for _, v := range parameters {
		b.WriteString("<p>" + html.EscapeString(v) + "</p>")
	}
	b.WriteString(`</` + op + `></e:Body></e:Envelope>`)
	return inner(watch(p.bench, http.MethodPost, certification+"/DTEWS/"+service+".jws", "text/xml", []byte(b.String()), map[string]string{"SOAPAction": ""}))
}

func (p *patient) logIn() {
	p.until("login", func() bool {
		seed := tag(p.ask("CrSeed", "getSeed"), "SEMILLA")
		if seed == "" {
			return false
		}
		p.token = tag(p.ask("GetTokenFromSeed", "getToken", p.signer.seedDocument(p.t, seed)), "TOKEN")
		return p.token != ""
	})
}

// send uploads until there is a track id.
func (p *patient) send(data []byte) string {
	track := ""
	p.until("upload", func() bool {
		kind, body := form{sender: p.person, company: p.company.RUT, file: "e.xml", data: data}.encode(p.t)
		got := watch(p.bench, http.MethodPost, certification+"/cgi_dte/UPL/DTEUpload", kind, body, map[string]string{"Cookie": "TOKEN=" + p.token})
		switch tag(got.body, "STATUS") {
		case "0":
			track = tag(got.body, "TRACKID")
		case "5":
			p.logIn()
		case "99":
			track = between(got.body, "Trackid ", ".")
		}
		return track != ""
	})
	return track
}

// verdict follows a document from its bytes to its end.
func (p *patient) verdict(d *draft, data []byte) string {
	track, verdict := p.send(data), ""
	number, dv, _ := strings.Cut(p.company.RUT, "-")
	p.until("state of "+track, func() bool {
		answer := p.ask("QueryEstUp", "getEstUp", number, dv, track, p.token)
		switch tag(answer, "ESTADO") {
		case "001":
			p.logIn()
		case "VOF":
			track = p.send(data)
		case "EPR":
			verdict = p.document(d)
		}
		return verdict != ""
	})
	return verdict
}

// document asks for one document; counts may be missing, so nothing else tells.
func (p *patient) document(d *draft) string {
	state := ""
	person, personDV, _ := strings.Cut(p.person, "-")
	number, dv, _ := strings.Cut(p.company.RUT, "-")
	receiver, receiverDV, _ := strings.Cut(p.receiver.RUT, "-")
	p.until("document", func() bool {
		state = tag(p.ask("QueryEstDte", "getEstDte", person, personDV, number, dv, receiver, receiverDV, "33", fmt.Sprint(d.folio), "20112026", "10020", p.token), "ESTADO")
		if state == "001" {
			p.logIn()
			state = ""
		}
		return state != ""
	})
	return state
}

func (p *patient) boletaLogIn() {
	p.until("login", func() bool {
		seed := tag(watch(p.bench, http.MethodGet, boletaQueries+".semilla", "", nil, nil).body, "SEMILLA")
		if seed == "" {
			return false
		}
		got := watch(p.bench, http.MethodPost, boletaQueries+".token", "application/xml", []byte(p.signer.seedDocument(p.t, seed)), nil)
		p.token = tag(got.body, "TOKEN")
		return p.token != ""
	})
}

// boletaVerdict sends a boleta until the service knows of it, and asks until it
// is judged.
func (p *patient) boletaVerdict(d *draft, data []byte) string {
	verdict := ""
	kind, body := form{sender: p.person, company: p.company.RUT, file: "e.xml", data: data}.encode(p.t)
	path := fmt.Sprintf("%s/%s-39-%d/estado?rut_receptor=66666666&dv_receptor=6&monto=11900&fechaEmision=20-11-2026", boletaQueries, p.company.RUT, d.folio)
	p.until("boleta", func() bool {
		got := watch(p.bench, http.MethodGet, path, "", nil, map[string]string{"Cookie": "TOKEN=" + p.token})
		var answer struct{ Codigo string }
		switch {
		case got.err != nil:
		case got.status == http.StatusUnauthorized:
			p.boletaLogIn()
		case got.status == http.StatusNotFound:
			watch(p.bench, http.MethodPost, boletaUploads+".envio", kind, body, map[string]string{"Cookie": "TOKEN=" + p.token})
		case got.status == http.StatusOK && json.Unmarshal([]byte(got.body), &answer) == nil && answer.Codigo != "FAU":
			verdict = answer.Codigo
		}
		return verdict != ""
	})
	return verdict
}

// In hell every envelope gets to its verdict in bounded time, and no document is
// accepted twice.
func TestHellEnds(t *testing.T) {
	t.Parallel()
	n, seeds := 8, uint64(1)
	if os.Getenv("WITNESS") != "" {
		n, seeds = 90, 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			hell(t, n, seed)
		})
	}
}

func hell(t *testing.T, n int, seed uint64) {
	t.Helper()
	began := time.Now()
	b := newBench(t, func(o *sii.Options) {
		o.Speed, o.Now = 600, func() time.Time { return today.Add(time.Since(began)) }
	})
	b.control(http.MethodPost, "/_control/faults", sii.FaultChange{Profile: new("hell"), Seed: seed}, 200)
	var all sync.WaitGroup
	for i := range n {
		invoice, boleta := b.invoice(i+1), b.boleta(i+1)
		data, boletas := b.envelopeOf(invoice).write(t), b.boletasOf(boleta).write(t)
		all.Go(func() {
			p := newPatient(b)
			p.logIn()
			if got := p.verdict(invoice, data); got != "DOK" {
				t.Errorf("invoice %d: got %q, want DOK", invoice.folio, got)
			}
		})
		all.Go(func() {
			p := newPatient(b)
			p.boletaLogIn()
			if got := p.boletaVerdict(boleta, boletas); got != "DOK" {
				t.Errorf("boleta %d: got %q, want DOK", boleta.folio, got)
			}
		})
	}
	all.Wait()
	accepted := map[string]int{}
	for _, d := range b.server.Documents() {
		if d.Accepted() {
			accepted[fmt.Sprintf("%d/%d", d.Type, d.Folio)]++
		}
	}
	for key, times := range accepted {
		if times != 1 {
			t.Errorf("%s accepted %d times", key, times)
		}
	}
	if len(accepted) != 2*n {
		t.Errorf("%d documents accepted, want %d", len(accepted), 2*n)
	}
	counts := b.server.FaultStatus().Counts
	if len(counts) < 8 {
		t.Errorf("only %d kinds of faults happened: %v", len(counts), counts)
	}
	t.Logf("%d documents in %s; faults %v", 2*n, time.Since(began).Round(time.Millisecond), counts)
}
