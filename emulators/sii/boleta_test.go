package sii_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii"
)

const (
	boletaQueries = "/apicert.sii.cl/recursos/v1/boleta.electronica"
	boletaUploads = "/pangal.sii.cl/recursos/v1/boleta.electronica"
)

// rest speaks to the boletas' service as a correct program would.
type rest struct {
	*bench
	token string
}

func newRest(t *testing.T, change ...func(*sii.Options)) *rest {
	t.Helper()
	r := &rest{bench: newBench(t, change...)}
	r.token = r.restLogin()
	return r
}

func (r *rest) restLogin() string {
	r.t.Helper()
	_, answer := r.do(http.MethodGet, boletaQueries+".semilla", "", "", nil)
	status, answer := r.do(http.MethodPost, boletaQueries+".token", "application/xml", "", []byte(r.signer.seedDocument(r.t, tag(answer, "SEMILLA"))))
	if token := tag(answer, "TOKEN"); status == http.StatusOK && token != "" {
		return token
	}
	r.t.Fatalf("token: %d %s", status, answer)
	return ""
}

// do makes one request of the whole path; no error is expected.
func (r *rest) do(method, path, kind, token string, body []byte) (int, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+path, strings.NewReader(string(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("User-Agent", r.agent)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if token != "" {
		request.Header.Set("Cookie", "TOKEN="+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func (r *rest) post(data []byte) (int, string) {
	r.t.Helper()
	kind, body := form{sender: r.person, company: r.company.RUT, file: "envio.xml", data: data}.encode(r.t)
	return r.do(http.MethodPost, boletaUploads+".envio", kind, r.token, body)
}

// deliver uploads and returns the track id.
func (r *rest) deliver(data []byte) string {
	r.t.Helper()
	status, answer := r.post(data)
	var got struct{ Trackid json.Number }
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK {
		r.t.Fatalf("upload: %d %s", status, answer)
	}
	return got.Trackid.String()
}

// state is what the service tells of an envelope.
type state struct {
	Estado      string
	Estadistica []struct{ Tipo, Informados, Aceptados, Rechazados, Reparos int }
	Detalle     []struct {
		Tipo, Folio *int
		Estado      string
		Error       []struct {
			Seccion              *string
			Linea, Nivel         int
			Codigo               *int
			Descripcion, Detalle string
		}
	} `json:"detalle_rep_rech"`
}

func (r *rest) state(track string) (state, string) {
	r.t.Helper()
	status, answer := r.do(http.MethodGet, boletaQueries+".envio/"+r.company.RUT+"-"+track, "", r.token, nil)
	var got state
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK {
		r.t.Fatalf("state: %d %s", status, answer)
	}
	return got, answer
}

func (r *rest) document(kind, folio int, amount string) (int, string) {
	r.t.Helper()
	return r.do(http.MethodGet, fmt.Sprintf("%s/%s-%d-%d/estado?rut_receptor=66666666&dv_receptor=6&monto=%s&fechaEmision=20-11-2026",
		boletaQueries, r.company.RUT, kind, folio, amount), "", r.token, nil)
}

// boleta is a sale of 11,900 pesos, VAT included.
func (b *bench) boleta(folio int) *draft {
	b.t.Helper()
	body := fmt.Sprintf(`<Encabezado>
<IdDoc>
<TipoDTE>39</TipoDTE>
<Folio>%d</Folio>
<FchEmis>2026-11-20</FchEmis>
<IndServicio>3</IndServicio>
</IdDoc>
<Emisor>
<RUTEmisor>%s</RUTEmisor>
<RznSocEmisor>%s</RznSocEmisor>
<GiroEmisor>%s</GiroEmisor>
<DirOrigen>%s</DirOrigen>
<CmnaOrigen>Ñuñoa</CmnaOrigen>
</Emisor>
<Receptor>
<RUTRecep>66666666-6</RUTRecep>
<RznSocRecep>Público en general</RznSocRecep>
</Receptor>
<Totales>
<MntNeto>10000</MntNeto>
<IVA>1900</IVA>
<MntTotal>11900</MntTotal>
</Totales>
</Encabezado>
<Detalle>
<NroLinDet>1</NroLinDet>
<NmbItem>Pan de ñandú</NmbItem>
<QtyItem>7</QtyItem>
<PrcItem>1700</PrcItem>
<MontoItem>11900</MontoItem>
</Detalle>
`, folio, b.company.RUT, escape(b.company.Name), escape(b.company.Activity), escape(b.company.Address))
	return &draft{kind: 39, folio: folio, body: body, caf: b.caf(39), stampTime: "2026-11-20T11:50:00", signTime: "2026-11-20T11:50:01", signer: b.signer}
}

func (b *bench) boletasOf(documents ...*draft) *envelope {
	e := b.envelopeOf(documents...)
	e.boletas = true
	return e
}

func TestBoletaBytes(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	_, seed := r.do(http.MethodGet, boletaQueries+".semilla", "", "", nil)
	sameBytes(t, seed, recorded(t, "boleta", "semilla-00.xml"), `\d{12}`)
	_, token := r.do(http.MethodPost, boletaQueries+".token", "application/xml", "", []byte(r.signer.seedDocument(t, tag(seed, "SEMILLA"))))
	sameBytes(t, token, recorded(t, "boleta", "token-00.xml"), `<TOKEN>\w{13}<`)
	_, upload := r.post(r.boletasOf(r.boleta(1)).write(t))
	sameBytes(t, upload, recorded(t, "boleta", "envio-REC.live-produccion-2026-06-29.rut-masked.json"),
		`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`, `\d+-[\dK]`, `"trackid":\d{11},`)
	r.server.Advance(time.Minute)
	_, document := r.document(39, 1, "11900")
	sameBytes(t, document, recorded(t, "boleta", "estado-documento.shape.json"))
}

// The OpenAPI's example: a rejection names its type, a remark does not; the order
// of fields is the example's.
func TestBoletaStateShape(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	r.deliver(r.boletasOf(r.boleta(1)).write(t))
	r.server.Advance(time.Minute)
	again, wrong := r.boleta(1), r.boleta(3)
	again.replace(t, "<PrcItem>1700", "<PrcItem>1701")
	wrong.replace(t, "<PrcItem>1700", "<PrcItem>1701")
	track := r.deliver(r.boletasOf(again, r.boleta(2), wrong).write(t))
	r.server.Advance(time.Minute)
	_, raw := r.state(track)
	want := `{"rut_emisor":"` + r.company.RUT + `","rut_envia":"` + r.person + `","trackid":` + track + `,"fecha_recepcion":"20/11/2026 12:01:00","estado":"EPR",` +
		`"estadistica":[{"tipo":39,"informados":3,"aceptados":1,"rechazados":1,"reparos":1}],` +
		`"detalle_rep_rech":[{"tipo":39,"folio":1,"estado":"RCH","descripcion":"Dte Rechazado","error":[` +
		`{"seccion":"DTE","linea":0,"nivel":3,"codigo":100,"descripcion":"DTE Repetido: tipo 39 folio 1","detalle":""}]},` +
		`{"folio":3,"estado":"RPR","descripcion":"Dte Aceptado con reparos","error":[` +
		`{"seccion":"DET","linea":1,"nivel":2,"codigo":200,"descripcion":"Valor Detalle Distinto a Precio * Cantidad","detalle":"[11900] <> [11907]"}]}]}`
	if diff := cmp.Diff(want, raw); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func TestBoletaTimeline(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	track := r.deliver(r.boletasOf(r.boleta(1)).write(t))
	at := time.Duration(0)
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{0, "REC"}, {2, "REC"}, {5, "SOK"}, {10, "FOK"}, {15, "CRT"}, {20, "PRD"}, {60, "EPR"}} {
		r.server.Advance(step.after*time.Second - at)
		at = step.after * time.Second
		got, raw := r.state(track)
		if got.Estado != step.want {
			t.Errorf("after %d s: got %s, want %s", step.after, got.Estado, step.want)
		}
		if nulls := strings.Contains(raw, `"estadistica":null,"detalle_rep_rech":null`); nulls != (step.want != "EPR") {
			t.Errorf("after %d s: %s", step.after, raw)
		}
		status, document := r.document(39, 1, "11900")
		if want := map[bool]string{true: "DOK", false: "FAU"}[step.want == "EPR"]; status != 200 || !strings.Contains(document, `"codigo":"`+want+`"`) {
			t.Errorf("after %d s: document %d %s, want %s", step.after, status, document, want)
		}
	}
	if status, _ := r.document(39, 2, "1"); status != http.StatusNotFound {
		t.Errorf("unknown document: got %d, want 404", status)
	}
	if _, document := r.document(39, 1, "11901"); !strings.Contains(document, `"codigo":"DNK"`) {
		t.Errorf("other amount: got %s, want DNK", document)
	}
}

// Each service has its own tokens, hosts and manners.
func TestBoletaRefusals(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	data := r.boletasOf(r.boleta(1)).write(t)
	kind, body := form{sender: r.person, company: r.company.RUT, file: "envio.xml", data: data}.encode(t)
	envelope := boletaQueries + ".envio/" + r.company.RUT + "-1"
	tests := []struct {
		name, method, path, token, agent string
		body                             []byte
		want                             int
		text                             string
	}{
		{name: "DTE token", method: "POST", path: boletaUploads + ".envio", token: r.client.token, body: body, want: 401, text: "NO ESTA AUTENTICADO"},
		{name: "no token", method: "POST", path: boletaUploads + ".envio", body: body, want: 400, text: "No trae TOKEN"},
		{name: "browser", method: "POST", path: boletaUploads + ".envio", token: r.token, agent: "Mozilla/5.0 Chrome/140.0", body: body, want: 401, text: "NO ESTA AUTENTICADO"},
		{name: "browser asks", method: "GET", path: envelope, token: r.token, agent: "Mozilla/5.0 Chrome/140.0", want: 401, text: "NO ESTA AUTENTICADO"},
		{name: "upload to the queries' host", method: "POST", path: boletaQueries + ".envio", token: r.token, body: body, want: 500, text: "Acceso Denegado (from client)"},
		{name: "query to the uploads' host", method: "GET", path: boletaUploads + ".semilla", want: 500, text: "Acceso Denegado"},
		{name: "unknown path", method: "GET", path: "/apicert.sii.cl/recursos/v2/x", want: 500, text: "Acceso Denegado"},
		{name: "other method", method: "DELETE", path: boletaUploads + ".envio", token: r.token, want: 405, text: "Method Not Allowed"},
		{name: "no form", method: "POST", path: boletaUploads + ".envio", token: r.token, body: []byte("x"), want: 400, text: "Bad Request"},
		{name: "unknown track", method: "GET", path: envelope, token: r.token, want: 404, text: "Not Found"},
		{name: "no track", method: "GET", path: boletaQueries + ".envio/1", token: r.token, want: 400, text: "Bad Request"},
		{name: "type of another service", method: "GET", path: boletaQueries + "/" + r.company.RUT + "-33-1/estado?rut_receptor=1&dv_receptor=9&monto=1&fechaEmision=20-11-2026", token: r.token, want: 400, text: "Bad Request"},
		{name: "date of another service", method: "GET", path: boletaQueries + "/" + r.company.RUT + "-39-1/estado?rut_receptor=1&dv_receptor=9&monto=1&fechaEmision=20112026", token: r.token, want: 400, text: "Bad Request"},
	}
	for _, tt := range tests {
		r.agent = agent
		if tt.agent != "" {
			r.agent = tt.agent
		}
		status, answer := r.do(tt.method, tt.path, kind, tt.token, tt.body)
		if status != tt.want || !strings.Contains(answer, tt.text) {
			t.Errorf("%s: got %d %q, want %d %q", tt.name, status, answer, tt.want, tt.text)
		}
	}
	r.agent = agent
	r.client.token = r.token
	if answer := r.upload(r.company.RUT, data); tag(answer, "STATUS") != "5" {
		t.Errorf("DTEUpload with a boleta token: got %s, want STATUS 5", answer)
	}
	if got := len(r.server.Envelopes()); got != 0 {
		t.Errorf("%d envelopes were taken", got)
	}
}

// Envelope faults come later, as a detail without folio; the same bytes are a new
// envelope, and its folios are refused.
func TestBoletaEnvelopes(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	first := r.boleta(1).write(t)
	tests := []struct {
		name  string
		setup func()
		data  []byte
		want  string
		code  string
	}{
		{name: "an invoice", data: r.envelopeOf(r.invoice(1)).write(t), want: "RSC"},
		{name: "element missing", data: []byte(strings.Replace(string(r.boletasOf(r.boleta(1)).write(t)), "<IndServicio>3</IndServicio>\n", "", 1)), want: "RSC"},
		{name: "501 boletas", data: repeated(t, r, first, 501), want: "RSC"},
		{name: "byte changed", data: []byte(strings.Replace(string(r.boletasOf(r.boleta(1)).write(t)), "<IVA>1900<", "<IVA>1901<", 1)), want: "RFR"},
		{name: "resolution", data: func() []byte { e := r.boletasOf(r.boleta(1)); e.resolNo = "80"; return e.write(t) }(), want: "RCT", code: "CRT 19"},
		{name: "subtotals", data: func() []byte {
			e := r.boletasOf(r.boleta(1))
			e.subtotals = "<SubTotDTE>\n<TpoDTE>39</TpoDTE>\n<NroDTE>2</NroDTE>\n</SubTotDTE>"
			return e.write(t)
		}(), want: "RCO"},
		{name: "may not send", setup: func() { r.permit(sii.Permission{Sign: true}) }, data: r.boletasOf(r.boleta(1)).write(t), want: "RFR"},
	}
	for _, tt := range tests {
		if tt.setup != nil {
			tt.setup()
		}
		track := r.deliver(tt.data)
		r.server.Advance(time.Minute)
		got, raw := r.state(track)
		if got.Estado != tt.want || len(got.Detalle) != 1 || got.Detalle[0].Folio != nil || got.Estadistica != nil {
			t.Errorf("%s: got %s, want %s and one detail without folio", tt.name, raw, tt.want)
			continue
		}
		if e := got.Detalle[0].Error[0]; tt.code != "" && (e.Seccion == nil || fmt.Sprintf("%s %d", *e.Seccion, *e.Codigo) != tt.code) {
			t.Errorf("%s: got %s, want %s", tt.name, raw, tt.code)
		}
	}
	r.permit(sii.Permission{Send: true, Sign: true})
	data := r.boletasOf(r.boleta(1)).write(t)
	one, two := r.deliver(data), r.deliver(data)
	r.server.Advance(time.Minute)
	a, _ := r.state(one)
	b, raw := r.state(two)
	if one == two || a.Detalle != nil || len(b.Detalle) != 1 || b.Detalle[0].Estado != "RCH" || *b.Detalle[0].Error[0].Codigo != 100 {
		t.Errorf("same bytes again: tracks %s and %s, second %s", one, two, raw)
	}
}

// repeated is an envelope whose form is what matters: one DTE, many times.
func repeated(t *testing.T, r *rest, dte string, times int) []byte {
	t.Helper()
	e := r.boletasOf(r.boleta(1))
	e.spoilText = func(s string) string {
		return strings.Replace(s, "</DTE>", "</DTE>"+strings.Repeat("\n"+dte, times-1), 1)
	}
	return e.write(t)
}

// In certification boletas also go through DTEUpload, with a DTE token; neither
// service sees the other's envelopes. In production they do not.
func TestBoletasByDTEUpload(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	sent := r.send(r.company.RUT, r.boletasOf(r.boleta(1)).write(t))
	wantAccepted(t, sent)
	if got := r.estUp(r.company.RUT, sent.TrackID); !strings.Contains(got, "<TIPO_DOCTO>39</TIPO_DOCTO><INFORMADOS>1</INFORMADOS><ACEPTADOS>1<") {
		t.Errorf("got %s, want one boleta accepted", got)
	}
	if status, _ := r.do(http.MethodGet, boletaQueries+".envio/"+r.company.RUT+"-"+strings.TrimLeft(sent.TrackID, "0"), "", r.token, nil); status != 404 {
		t.Errorf("the boletas' service: got %d, want 404", status)
	}
	track := r.deliver(r.boletasOf(r.boleta(2)).write(t))
	r.server.Advance(time.Minute)
	if got := tag(r.estUp(r.company.RUT, track), "ERR_CODE"); got != "2" {
		t.Errorf("QueryEstUp of an envelope of the boletas' service: ERR_CODE %q, want 2", got)
	}
	zero, day := 80, "2014-08-22"
	r.change("companies", sii.CompanyChange{Environment: "produccion", RUT: r.company.RUT, FchResol: &day, NroResol: &zero, Authorized: new(true)})
	r.host = "/palena.sii.cl"
	r.client.token = r.login(r.signer)
	if answer := r.upload(r.company.RUT, r.boletasOf(r.boleta(3)).write(t)); tag(answer, "STATUS") != "7" {
		t.Errorf("palena: got %s, want STATUS 7", answer)
	}
}

// Production has its own hosts, and tokens of certification are dead there.
func TestBoletaProduction(t *testing.T) {
	t.Parallel()
	r := newRest(t)
	kind, body := form{sender: r.person, company: r.company.RUT, file: "e.xml", data: r.boletasOf(r.boleta(1)).write(t)}.encode(t)
	if status, _ := r.do(http.MethodPost, "/rahue.sii.cl/recursos/v1/boleta.electronica.envio", kind, r.token, body); status != 401 {
		t.Errorf("token of certification: got %d, want 401", status)
	}
	const queries = "/api.sii.cl/recursos/v1/boleta.electronica"
	_, answer := r.do(http.MethodGet, queries+".semilla", "", "", nil)
	_, answer = r.do(http.MethodPost, queries+".token", "application/xml", "", []byte(r.signer.seedDocument(t, tag(answer, "SEMILLA"))))
	status, answer := r.do(http.MethodPost, "/rahue.sii.cl/recursos/v1/boleta.electronica.envio", kind, tag(answer, "TOKEN"), body)
	if status != 200 || !strings.Contains(answer, `"estado":"REC"`) {
		t.Fatalf("got %d %s", status, answer)
	}
	r.server.Advance(time.Minute)
	if e := r.server.Envelopes()[0]; e.State != "RCT" || e.Fault.Rule != "cover-company" || e.Environment != "produccion" {
		t.Errorf("company without production: got %s %+v", e.State, e.Fault)
	}
}

// The journal also keeps boletas that cannot be read, and their track ids.
func TestBoletaJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := func(o *sii.Options) { o.StateDir = dir }
	r := newRest(t, keep)
	good := r.deliver(r.boletasOf(r.boleta(1)).write(t))
	bad := r.deliver([]byte("no envelope at all"))
	if err := r.server.Close(); err != nil {
		t.Fatal(err)
	}
	later := newRest(t, keep)
	next := later.deliver(later.boletasOf(later.boleta(2)).write(t))
	later.server.Advance(time.Minute)
	for track, want := range map[string]string{good: "EPR", bad: "RSC", next: "EPR"} {
		if got, raw := later.state(track); got.Estado != want {
			t.Errorf("%s: got %s, want %s", track, raw, want)
		}
	}
	if next <= bad || bad <= good {
		t.Errorf("track ids %s, %s, %s do not grow", good, bad, next)
	}
}

func TestBoletaRules(t *testing.T) {
	t.Parallel()
	discount := "<DscRcgGlobal>\n<NroLinDR>1</NroLinDR>\n<TpoMov>D</TpoMov>\n<TpoValor>$</TpoValor>\n<ValorDR>1900</ValorDR>\n</DscRcgGlobal>\n"
	reference := func(inner string) string {
		return "<Referencia>\n<NroLinRef>1</NroLinRef>\n" + inner + "<RazonRef>CASO-1</RazonRef>\n</Referencia>\n"
	}
	append2 := func(text string) func(*testing.T, *draft) { return func(_ *testing.T, d *draft) { d.body += text } }
	swap := func(pairs ...string) func(*testing.T, *draft) {
		return func(t *testing.T, d *draft) {
			for i := 0; i < len(pairs); i += 2 {
				d.replace(t, pairs[i], pairs[i+1])
			}
		}
	}
	tests := []struct {
		name  string
		spoil func(*testing.T, *draft)
		want  string // state and first rule
	}{
		{"right", func(*testing.T, *draft) {}, "DOK"},
		{"reference of the set", append2(reference("<CodRef>SET</CodRef>\n")), "DOK"},
		{"without the issuer's name", func(t *testing.T, d *draft) { d.body = cut(t, d.body, `<RznSocEmisor>.*</RznSocEmisor>\n`) }, "DOK"},
		{"exempt line", swap("<NmbItem>", "<IndExe>1</IndExe>\n<NmbItem>", "<MntNeto>10000</MntNeto>\n<IVA>1900</IVA>", "<MntExe>11900</MntExe>"), "DOK"},
		{"discount on gross lines", func(t *testing.T, d *draft) {
			d.body += discount
			swap("<MntNeto>10000", "<MntNeto>8403", "<IVA>1900", "<IVA>1597", "<MntTotal>11900", "<MntTotal>10000")(t, d)
		}, "RPR boleta-total"},
		{"reference to an invoice", append2(reference("<TpoDocRef>33</TpoDocRef>\n<FolioRef>1</FolioRef>\n")), "RCH boleta-reference"},
		{"reference without folio", append2(reference("<TpoDocRef>801</TpoDocRef>\n")), "RPR boleta-reference-folio"},
		{"anonymous buyer of a service", swap("<IndServicio>3", "<IndServicio>4"), "RPR boleta-anonymous"},
		{"net does not add up", swap("<MntNeto>10000", "<MntNeto>10010", "<IVA>1900", "<IVA>1890"), "RPR net"},
		{"stamp of another amount", func(_ *testing.T, d *draft) { d.ted = map[string]string{"MNT": "11901"} }, "RCH ted-MNT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := b.boleta(1)
			tt.spoil(t, d)
			e := b.send(b.company.RUT, b.boletasOf(d).write(t))
			if len(e.Documents) != 1 {
				t.Fatalf("envelope %s: %+v", e.State, e.Fault)
			}
			got := e.Documents[0].State
			if f := e.Documents[0].Findings; len(f) > 0 {
				got += " " + f[0].Rule
			}
			if got != tt.want {
				t.Errorf("got %s, want %s: %+v", got, tt.want, e.Documents[0].Findings)
			}
		})
	}
}
