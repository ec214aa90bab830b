package sii_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii"
	"timbre/emulators/sii/claims"
	"timbre/emulators/sii/faults"
)

const (
	claimsCert = "/ws2.sii.cl/WSREGISTRORECLAMODTECERT/registroreclamodteservice"
	claimsProd = "/ws1.sii.cl/WSREGISTRORECLAMODTE/registroreclamodteservice"
	ingresar   = "ingresarAceptacionReclamoDoc"
	listar     = "listarEventosHistDoc"
	cedible    = "consultarDocDteCedible"
	fecha      = "consultarFechaRecepcionSii"
)

// claimant is the receiver of company a's documents, with a token of its own.
type claimant struct {
	*bench
	path string
}

func newClaimant(t *testing.T, change ...func(*sii.Options)) *claimant {
	t.Helper()
	b := newBench(t, change...)
	return &claimant{bench: b.as("b"), path: claimsCert}
}

// as is the same simulator in the hands of another company's signer.
func (b *bench) as(id string) *bench {
	b.t.Helper()
	other := *b
	for _, c := range []int{0, 1, 2} {
		if company := companyOf(c); company.ID == id {
			other.client = newClient(b.t, b.server, loadSigner(b.t, b.world, id, company.Signer.RUT))
		}
	}
	return &other
}

// ask makes one call; parameters are in the order of the WSDL.
func (c *claimant) ask(op, issuer, kind, folio, action string) seen {
	c.t.Helper()
	number, digit, _ := strings.Cut(issuer, "-")
	body := `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ws="http://ws.registroreclamodte.diii.sdi.sii.cl"><soapenv:Header/><soapenv:Body><ws:` + op +
		`><rutEmisor>` + number + `</rutEmisor><dvEmisor>` + digit + `</dvEmisor><tipoDoc>` + kind + `</tipoDoc><folio>` + folio + `</folio>`
	if action != "" {
		body += `<accionDoc>` + action + `</accionDoc>`
	}
	return c.raw(body + `</ws:` + op + `></soapenv:Body></soapenv:Envelope>`)
}

func (c *claimant) raw(body string) seen {
	c.t.Helper()
	return watch(c.bench, http.MethodPost, c.path, "text/xml;charset=utf-8", []byte(body), map[string]string{"Cookie": "TOKEN=" + c.token})
}

// code asks about an invoice of company a.
func (c *claimant) code(op string, folio int, action string) string {
	c.t.Helper()
	return tag(c.ask(op, c.company.RUT, "33", fmt.Sprint(folio), action).body, "codResp")
}

// plant puts an invoice of company a to company b into the registry.
func (c *claimant) plant(folio int, change func(*sii.Plant)) {
	c.t.Helper()
	p := sii.Plant{Issuer: c.company.RUT, Type: 33, Folio: folio, Date: "2026-11-20", Receiver: c.receiver.RUT, ReceivedAt: today}
	p.Total, p.Net, p.VAT, p.IssuerName = 1190, 1000, 190, c.company.Name
	if change != nil {
		change(&p)
	}
	if err := c.server.Change("documents", p); err != nil {
		c.t.Fatal(err)
	}
}

// Each answer that was recorded comes back byte for byte, but for its data.
func TestClaimByteForms(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	c.plant(1, nil)
	person, digit, _ := strings.Cut(c.person, "-")
	steps := []struct{ op, action, file, recorded, own string }{
		{ingresar, "ACD", "ingresar-0.manual-v1.2.soap.xml", "", ""},
		{listar, "", "listarEventos-15.manual-v1.2.soap.xml", "<rutResponsable>45000055</rutResponsable>\n               <dvResponsable>8</dvResponsable>\n               <fechaEvento>29-12-2016 12:05:36",
			"<rutResponsable>" + person + "</rutResponsable>\n               <dvResponsable>" + digit + "</dvResponsable>\n               <fechaEvento>20-11-2026 12:00:00"},
		{fecha, "", "fechaRecepcion.manual-v1.2.soap.xml", "21-02-2017 19:02:03", "20-11-2026 12:00:00"},
		{ingresar, "ERM", "ingresar-0.manual-v1.2.soap.xml", "", ""},
		{cedible, "", "cedible-23.manual-v1.2.soap.xml", "", ""},
	}
	dir := reference(t, "sii", "responses", "reclamo")
	for _, step := range steps {
		data, err := os.ReadFile(filepath.Join(dir, step.file))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(string(data), step.recorded, step.own)
		if step.recorded == "" {
			want = string(data)
		}
		got := c.ask(step.op, c.company.RUT, "33", "1", step.action)
		if diff := cmp.Diff(want, got.body); diff != "" || got.status != 200 || got.header.Get("Content-Type") != "text/xml;charset=utf-8" {
			t.Errorf("%s: %d %s\n%s", step.file, got.status, got.header.Get("Content-Type"), diff)
		}
	}
	// The manual's own request, prefix and header included, is understood.
	data, err := os.ReadFile(filepath.Join(dir, "ingresar-request.manual-v1.2.soap.xml"))
	if err != nil {
		t.Fatal(err)
	}
	request := strings.NewReplacer("<rutEmisor>45000065", "<rutEmisor>"+strings.Split(c.company.RUT, "-")[0], "<dvEmisor>5", "<dvEmisor>"+strings.Split(c.company.RUT, "-")[1],
		">34<", ">33<", ">17<", ">1<").Replace(string(data))
	if got := tag(c.raw(request).body, "codResp"); got != "7" {
		t.Errorf("request of the manual: codResp %q, want 7", got)
	}
}

// Every code of WEBSERVICES §8, each reached in its own way.
func TestEveryClaimCode(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	supplier, stranger := &claimant{c.as("a"), claimsCert}, &claimant{c.as("c"), claimsCert}
	for folio := 1; folio <= 9; folio++ {
		c.plant(folio, func(p *sii.Plant) {
			switch folio {
			case 7:
				p.Payment = "1"
			case 8:
				p.ReceivedAt = claims.Start.Add(-time.Hour)
			case 9:
				p.ReceivedAt = today.Add(-claims.Term - time.Second)
			}
		})
	}
	for _, step := range []struct {
		by     *claimant
		op     string
		folio  int
		action string
		want   string
	}{
		{c, listar, 1, "", "16"}, {c, cedible, 1, "", "22"},
		{c, ingresar, 1, "ACD", "0"}, {c, ingresar, 1, "ACD", "7"}, {c, ingresar, 1, "RCD", "11"},
		{c, ingresar, 2, "ERM", "0"}, {c, ingresar, 2, "RFT", "13"}, {c, cedible, 2, "", "23"},
		{c, ingresar, 3, "RCD", "0"}, {c, ingresar, 3, "ACD", "12"}, {c, ingresar, 3, "ERM", "6"}, {c, ingresar, 3, "RFP", "0"}, {c, cedible, 3, "", "24"},
		{c, ingresar, 4, "NCA", "4"}, {c, ingresar, 4, "", "4"},
		{supplier, ingresar, 4, "ERM", "17"}, {supplier, listar, 3, "", "15"}, {stranger, listar, 3, "", "14"}, {stranger, ingresar, 4, "ERM", "17"},
		{c, ingresar, 7, "ERM", "27"}, {c, ingresar, 8, "ERM", "10"}, {c, ingresar, 9, "ERM", "8"}, {c, cedible, 9, "", "25"},
		{c, ingresar, 77, "ERM", "9"}, {c, listar, 77, "", "9"}, {c, cedible, 77, "", "9"},
	} {
		if got := step.by.code(step.op, step.folio, step.action); got != step.want {
			t.Errorf("%s of %d, %q: got %s, want %s", step.op, step.folio, step.action, got, step.want)
		}
	}
	for _, bad := range []struct{ op, issuer, kind, folio, want string }{
		{ingresar, "76400123-9", "33", "1", "1"}, {ingresar, strings.ToLower("76086428-K"), "33", "1", "1"}, {listar, "", "33", "1", "1"},
		{ingresar, c.company.RUT, "33", "0", "2"}, {listar, c.company.RUT, "33", "uno", "2"}, {cedible, c.company.RUT, "33", "01", "2"},
		{ingresar, c.company.RUT, "61", "1", "3"}, {listar, c.company.RUT, "", "1", "3"}, {cedible, c.company.RUT, "61", "1", "20"},
	} {
		if got := tag(c.ask(bad.op, bad.issuer, bad.kind, bad.folio, "ERM").body, "codResp"); got != bad.want {
			t.Errorf("%+v: got %s", bad, got)
		}
	}
	c.scripted()
}

// scripted reaches the codes to which no known state leads.
func (c *claimant) scripted() {
	c.t.Helper()
	for _, code := range []int{-1, 5, 19, 26, 28} {
		if err := c.server.Script(sii.Answer{Operation: ingresar, Code: &code}); err != nil {
			c.t.Fatal(err)
		}
		if got := c.code(ingresar, 5, "ERM"); got != fmt.Sprint(code) {
			c.t.Errorf("scripted: got %s, want %d", got, code)
		}
	}
	if got := c.code(listar, 5, ""); got != "16" {
		c.t.Errorf("a scripted answer recorded something: list answers %s", got)
	}
	if err := c.server.Script(sii.Answer{Operation: fecha, Code: new(int)}); !errors.Is(err, sii.ErrChange) {
		c.t.Errorf("a code where there is none: got %v", err)
	}
}

// A document that arrives by DTEUpload: in process, then open to claims; a nota
// de crédito is seen in its list, and one that annuls ends its assignability.
func TestClaimsOfUploads(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := &claimant{bench: b.as("b"), path: claimsCert}
	paid := b.invoice(2)
	paid.replace(t, "<FchEmis>2026-11-20</FchEmis>\n", "<FchEmis>2026-11-20</FchEmis>\n<FmaPago>1</FmaPago>\n")
	data := b.envelopeOf(b.invoice(1), paid).write(t)
	if got := tag(b.upload(b.company.RUT, data), "STATUS"); got != "0" {
		t.Fatalf("upload: STATUS %s", got)
	}
	if got := c.code(ingresar, 1, "ERM"); got != "18" {
		t.Errorf("in process: got %s, want 18", got)
	}
	c.server.Advance(time.Minute)
	if got := []string{c.code(ingresar, 1, "RCD"), c.code(ingresar, 2, "ERM")}; !cmp.Equal(got, []string{"0", "27"}) {
		t.Errorf("got %v, want 0 and 27", got)
	}
	if got := b.sendOf(b.note(61, 1, 33, 1, 3)); got.Documents[0].State == "RCH" {
		t.Fatalf("note: %+v", got.Documents[0].Findings)
	}
	b.sendOf(b.note(61, 2, 33, 1, 1))
	list := c.ask(listar, c.company.RUT, "33", "1", "").body
	var codes []string
	for _, part := range strings.Split(list, "<codEvento>")[1:] {
		codes = append(codes, part[:3])
	}
	if diff := cmp.Diff([]string{"RCD", "ENC", "NCA"}, codes); diff != "" {
		t.Error(diff)
	}
	if got := c.code(cedible, 1, ""); got != "21" {
		t.Errorf("annulled: got %s, want 21", got)
	}
}

// The term passes by the simulated clock, over the end of summer too.
func TestClaimTerm(t *testing.T) {
	t.Parallel()
	received := time.Date(2027, 3, 31, 10, 0, 0, 0, chile()) // summer time
	b := &bench{t: t, world: madeWorld(t), company: companyOf(0), receiver: companyOf(1), signer: loadSigner(t, madeWorld(t), "b", companyOf(1).Signer.RUT)}
	now := time.Date(2027, 4, 8, 9, 0, 0, 0, chile()) // 192 hours later, winter time
	b.client = newClient(t, start(t, b.world, now), b.signer)
	c := &claimant{bench: b, path: claimsCert}
	c.plant(1, func(p *sii.Plant) { p.ReceivedAt = received })
	c.plant(2, func(p *sii.Plant) { p.ReceivedAt = received })
	if got := tag(c.ask(fecha, c.company.RUT, "33", "1", "").body, "return"); got != "31-03-2027 10:00:00" {
		t.Errorf("reception: got %s", got)
	}
	if got := c.code(ingresar, 1, "RCD"); got != "0" {
		t.Errorf("at the deadline: got %s, want 0", got)
	}
	c.server.Advance(time.Second)
	if got := []string{c.code(ingresar, 2, "RCD"), c.code(ingresar, 1, "RCD")}; !cmp.Equal(got, []string{"8", "8"}) {
		t.Errorf("a second later: got %v, want 8, also for the repeat", got)
	}
}

// Bad tokens are a fault, not a code; with the switch ws2 wants those of
// production.
func TestClaimTokens(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	c.plant(1, nil)
	fault := func(s seen) bool {
		return s.status == 500 && tag(s.body, "faultstring") == "Error de Autenticacion: TOKEN invalido" && tag(s.body, "codResp") == ""
	}
	good := c.token
	for _, token := range []string{"", "NOSUCHTOKEN00"} {
		c.token = token
		for _, op := range faults.Claims {
			if got := c.ask(op, c.company.RUT, "33", "1", "ERM"); !fault(got) {
				t.Errorf("%s with token %q: got %d %s", op, token, got.status, got.body)
			}
		}
	}
	c.token = good
	production := &claimant{bench: c.bench, path: claimsProd}
	if got := production.ask(listar, c.company.RUT, "33", "1", ""); !fault(got) {
		t.Errorf("ws1 took a token of certification: %s", got.body)
	}
	yes := true
	if err := c.server.Change("switches", sii.Switches{ClaimsWantProduction: &yes}); err != nil {
		t.Fatal(err)
	}
	if got := c.ask(listar, c.company.RUT, "33", "1", ""); !fault(got) {
		t.Errorf("switched: ws2 took a token of certification: %s", got.body)
	}
	c.host = "/palena.sii.cl"
	c.token = c.login(loadSigner(t, c.world, "b", c.person))
	if got := c.code(listar, 1, ""); got != "16" {
		t.Errorf("switched: got %s, want 16", got)
	}
	if got := tag(production.ask(listar, c.company.RUT, "33", "1", "").body, "codResp"); got != "9" {
		t.Errorf("ws1 with a token of production: got %s, want 9: the document is of certification", got)
	}
}

// What is no call of the service is a fault.
func TestClaimBadRequests(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	const head = `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>`
	for name, body := range map[string]string{
		"no XML": "hola", "no envelope": "<x/>", "empty body": head + `</S:Body></S:Envelope>`,
		"other namespace": head + `<listarEventosHistDoc xmlns="http://DefaultNamespace"/></S:Body></S:Envelope>`,
		"other operation": head + `<w:getVersiones xmlns:w="http://ws.registroreclamodte.diii.sdi.sii.cl"/></S:Body></S:Envelope>`,
		"a DTD":           `<!DOCTYPE x [<!ENTITY a "b">]>` + head + `<w:listarEventosHistDoc xmlns:w="http://ws.registroreclamodte.diii.sdi.sii.cl"/></S:Body></S:Envelope>`,
		"SOAP 1.2":        strings.ReplaceAll(head, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope") + `<a/></S:Body></S:Envelope>`,
	} {
		if got := c.raw(body); got.status != 500 || !strings.Contains(got.body, "<faultcode>S:Client</faultcode>") {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	// Qualified parameters are not those of the WSDL: the issuer is missing.
	qualified := head + `<w:listarEventosHistDoc xmlns:w="http://ws.registroreclamodte.diii.sdi.sii.cl"><w:rutEmisor>1</w:rutEmisor></w:listarEventosHistDoc></S:Body></S:Envelope>`
	if got := tag(c.raw(qualified).body, "codResp"); got != "1" {
		t.Errorf("qualified parameters: got %s, want 1", got)
	}
}

// Faults strike the service as any other: work done or not, tokens killed in the
// right realm, broken texts.
func TestClaimFaults(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	c.plant(1, nil)
	c.fault(faults.Rule{Fault: faults.ResetBefore, Operation: ingresar, Times: 1})
	if got := c.ask(ingresar, c.company.RUT, "33", "1", "ACD"); got.err == nil {
		t.Errorf("reset before: got %d %s", got.status, got.body)
	}
	c.fault(faults.Rule{Fault: faults.ResetAfter, Operation: ingresar, Times: 1})
	if got := c.ask(ingresar, c.company.RUT, "33", "1", "ERM"); got.err == nil {
		t.Errorf("reset after: got %d %s", got.status, got.body)
	}
	if got := []string{c.code(ingresar, 1, "ERM"), c.code(ingresar, 1, "ACD")}; !cmp.Equal(got, []string{"7", "0"}) {
		t.Errorf("afterwards: got %v, want 7 (done) and 0 (not done)", got)
	}
	c.fault(faults.Rule{Fault: faults.Mojibake, Operation: ingresar, Times: 1})
	if got := c.ask(ingresar, c.company.RUT, "33", "1", "ERM").body; !strings.Contains(got, "\u00ef\u00bf\u00bd") || tag(got, "codResp") != "7" {
		t.Errorf("mojibake: got %s", got)
	}
	yes := true
	if err := c.server.Change("switches", sii.Switches{ClaimsWantProduction: &yes}); err != nil {
		t.Fatal(err)
	}
	c.host = "/palena.sii.cl"
	c.token = c.login(loadSigner(t, c.world, "b", c.person))
	c.fault(faults.Rule{Fault: faults.KillToken, Operation: listar, Times: 1})
	for range 2 {
		if got := c.ask(listar, c.company.RUT, "33", "1", ""); got.status != 500 {
			t.Errorf("token killed: got %d %s", got.status, got.body)
		}
	}
}

// Events and planted documents outlive a restart; the order of things too.
func TestClaimsAreDurable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := func(o *sii.Options) { o.StateDir = dir }
	b := newBench(t, keep)
	c := &claimant{bench: b.as("b"), path: claimsCert}
	b.sendOf(b.invoice(1))
	c.plant(50, nil)
	for _, folio := range []int{1, 50} {
		if got := c.code(ingresar, folio, "RFP"); got != "0" {
			t.Fatalf("folio %d: got %s", folio, got)
		}
	}
	b.sendOf(b.note(61, 1, 33, 1, 1))
	want := b.server.Documents()
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	again := newBench(t, keep)
	got := again.server.Documents()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".vat" || p.Last().String() == ".book" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if len(got[0].Events) != 2 || got[0].Events[1].Code != claims.NCA {
		t.Errorf("events: %+v", got[0].Events)
	}
}

func TestPlantsRefused(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	c.plant(1, nil)
	good := sii.Plant{Issuer: c.company.RUT, Type: 33, Folio: 2, Date: "2026-11-20", Receiver: c.receiver.RUT, ReceivedAt: today}
	for name, spoil := range map[string]func(*sii.Plant){
		"environment": func(p *sii.Plant) { p.Environment = "x" }, "issuer": func(p *sii.Plant) { p.Issuer = "1-1" },
		"receiver": func(p *sii.Plant) { p.Receiver = "" }, "date": func(p *sii.Plant) { p.Date = "20-11-2026" },
		"time": func(p *sii.Plant) { p.ReceivedAt = time.Time{} }, "folio": func(p *sii.Plant) { p.Folio = 0 }, "twice": func(p *sii.Plant) { p.Folio = 1 },
	} {
		p := good
		spoil(&p)
		if err := c.server.Change("documents", p); !errors.Is(err, sii.ErrChange) {
			t.Errorf("%s: got %v, want ErrChange", name, err)
		}
	}
}

// FuzzClaimCall: the reader never panics, and a call has an operation.
func FuzzClaimCall(f *testing.F) {
	const head = `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>`
	f.Add([]byte(head + `<w:listarEventosHistDoc xmlns:w="http://ws.registroreclamodte.diii.sdi.sii.cl"><rutEmisor>1</rutEmisor><folio>2</folio></w:listarEventosHistDoc></S:Body></S:Envelope>`))
	f.Add([]byte(head + `</S:Body></S:Envelope>`))
	f.Add([]byte(`<!DOCTYPE x>` + head))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, body []byte) {
		op, err := sii.ReadClaimCall(body)
		if (err == nil) != (op != "") {
			t.Errorf("operation %q together with error %v", op, err)
		}
	})
}
