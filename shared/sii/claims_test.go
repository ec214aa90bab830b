package sii_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // America/Santiago must exist everywhere

	"github.com/google/go-cmp/cmp"

	"timbre/shared/claim"
	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const (
	claimPath           = "/ws2.sii.cl/WSREGISTRORECLAMODTECERT/registroreclamodteservice"
	productionClaimPath = "/ws1.sii.cl/WSREGISTRORECLAMODTE/registroreclamodteservice"
)

var bought = sii.Received{Issuer: rut.MustParse("45000065-5"), Type: dte.FacturaExenta, Folio: 17}

func chile(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func register(t *testing.T, f *fakeSII) *sii.Claims {
	t.Helper()
	return sii.New(memory(), func() time.Time { return noon }, options(f)).Claims(store.Certificacion, someone(), chile(t))
}

// answered is an answer of the register as the manual shows them.
func answered(op, content string) http.HandlerFunc {
	return says(http.StatusOK, `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><ns2:`+op+
		`Response xmlns:ns2="http://ws.registroreclamodte.diii.sdi.sii.cl"><return>`+content+`</return></ns2:`+op+`Response></S:Body></S:Envelope>`)
}

const (
	enter  = "ingresarAceptacionReclamoDoc"
	events = "listarEventosHistDoc"
)

func code(op, n string) http.HandlerFunc {
	return answered(op, "<codResp>"+n+"</codResp><descResp>glosa ï¿½</descResp>")
}

func fault(text string) http.HandlerFunc {
	return says(http.StatusInternalServerError, `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><S:Fault>`+
		`<faultcode>S:Server</faultcode><faultstring>`+text+`</faultstring></S:Fault></S:Body></S:Envelope>`)
}

// TestClaimsOfTheManual reads the answers that the manual prints.
func TestClaimsOfTheManual(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	c := register(t, f)
	recorded := func(name string) { f.set(claimPath, says(http.StatusOK, fixture(t, "reclamo", name))) }
	recorded("ingresar-0.manual-v1.2.soap.xml")
	if got, err := c.Enter(t.Context(), bought, claim.ACD); err != nil || got.Code != claim.Done || got.Glosa != "Acción Completada OK" {
		t.Errorf("ingresar: got %+v, %v", got, err)
	}
	recorded("cedible-23.manual-v1.2.soap.xml")
	if got, err := c.Assignable(t.Context(), bought); err != nil || got.Code != claim.Assignable {
		t.Errorf("cedible: got %+v, %v", got, err)
	}
	recorded("fechaRecepcion.manual-v1.2.soap.xml")
	if got, err := c.Reception(t.Context(), bought); err != nil || got.Format(time.RFC3339) != "2017-02-21T19:02:03-03:00" {
		t.Errorf("reception: got %s, %v", got, err)
	}
	recorded("listarEventos-15.manual-v1.2.soap.xml")
	list, answer, err := c.Events(t.Context(), bought)
	want := claim.History{{Action: claim.ACD, By: rut.RUT{}, At: time.Date(2016, 12, 29, 12, 5, 36, 0, chile(t))}}
	if by, parseErr := rut.Parse("45000055-8"); parseErr == nil {
		want[0].By = by
	}
	if diff := cmp.Diff(want, list, cmp.Comparer(func(a, b rut.RUT) bool { return a == b })); diff != "" || answer.Code != claim.Listed || err != nil {
		t.Errorf("events: %+v, %v (-want +got):\n%s", answer, err, diff)
	}
}

// TestClaimRequest: the parameters of the WSDL, in its order, with the token as a cookie.
func TestClaimRequest(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	var body, cookie, agent string
	f.answer[claimPath] = func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body, cookie, agent = string(data), r.Header.Get("Cookie"), r.UserAgent()
		code(enter, "0")(w, r)
	}
	k := sii.Received{Issuer: rut.SII, Type: dte.Factura, Folio: 9_999_999_999}
	if _, err := register(t, f).Enter(t.Context(), k, claim.RFP); err != nil {
		t.Fatal(err)
	}
	want := `<ws:ingresarAceptacionReclamoDoc><rutEmisor>60803000</rutEmisor><dvEmisor>K</dvEmisor><tipoDoc>33</tipoDoc>` +
		`<folio>9999999999</folio><accionDoc>RFP</accionDoc></ws:ingresarAceptacionReclamoDoc>`
	if !strings.Contains(body, want) || !strings.Contains(body, `xmlns:ws="http://ws.registroreclamodte.diii.sdi.sii.cl"`) {
		t.Errorf("body %s", body)
	}
	if cookie != "TOKEN=T1" || !strings.Contains(agent, "PROG 1.0") {
		t.Errorf("cookie %q, agent %q", cookie, agent)
	}
}

// lies are answers that are none.
var lies = map[string]http.HandlerFunc{
	"html":            says(http.StatusOK, "<html><head></head><body><br>mantención</body></html>"),
	"503":             says(http.StatusServiceUnavailable, "<html></html>"),
	"text":            says(http.StatusInternalServerError, "Error 500"),
	"empty":           says(http.StatusOK, ""),
	"fault":           fault("Cannot find dispatch method"),
	"other operation": code("getVersion", "0"),
	"no code":         answered(enter, "<descResp>x</descResp>"),
	"code in words":   answered(enter, "<codResp>cero</codResp>"),
	"doubled":         says(http.StatusOK, strings.Repeat(`<E><ingresarAceptacionReclamoDocResponse><codResp>0</codResp></ingresarAceptacionReclamoDocResponse></E>`, 2)),
	"two codes":       answered(enter, "<codResp>0</codResp><codResp>7</codResp>"),
	"cut":             says(http.StatusOK, `<E><ingresarAceptacionReclamoDocResponse><return><codResp>0</codResp>`),
	"DTD":             says(http.StatusOK, `<!DOCTYPE x [<!ENTITY a "0">]><E><ingresarAceptacionReclamoDocResponse><codResp>&a;</codResp></ingresarAceptacionReclamoDocResponse></E>`),
	"reset":           resets,
}

// TestEnterLies: what is no answer leaves open whether the SII recorded the event; it is entered once, not again.
func TestEnterLies(t *testing.T) {
	t.Parallel()
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[claimPath] = lie
			_, err := register(t, f).Enter(t.Context(), bought, claim.RCD)
			if n := f.count(claimPath); !errors.Is(err, sii.ErrIndeterminate) || errors.Is(err, sii.ErrUnavailable) || n != 1 {
				t.Errorf("error %v after %d calls, want indeterminate after one", err, n)
			}
		})
	}
	f := newFakeSII(t)
	bucket := memory()
	instance := func() *sii.Claims {
		return sii.New(bucket, func() time.Time { return noon }, options(f)).Claims(store.Certificacion, someone(), chile(t))
	}
	f.answer[claimPath] = code(events, "16")
	if _, _, err := instance().Events(t.Context(), bought); err != nil { // gets a token
		t.Fatal(err)
	}
	f.Close()
	if _, err := instance().Enter(t.Context(), bought, claim.RCD); !errors.Is(err, sii.ErrUnavailable) || errors.Is(err, sii.ErrIndeterminate) {
		t.Errorf("connection refused: error %v, want unavailable", err)
	}
}

// TestClaimQuestionsLie: a question without a usable answer is put three times and has none.
func TestClaimQuestionsLie(t *testing.T) {
	t.Parallel()
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[claimPath] = lie
			c := register(t, f)
			_, _, err := c.Events(t.Context(), bought)
			_, cedible := c.Assignable(t.Context(), bought)
			at, reception := c.Reception(t.Context(), bought)
			for _, err := range []error{err, cedible, reception} {
				if !errors.Is(err, sii.ErrUnavailable) || errors.Is(err, sii.ErrNoReception) {
					t.Errorf("error %v, want unavailable (%s)", err, at)
				}
			}
		})
	}
}

func TestClaimEvents(t *testing.T) {
	t.Parallel()
	event := func(code, by, at string) string {
		return "<listaEventosDoc><codEvento>" + code + "</codEvento><descEvento>x</descEvento>" + by + "<fechaEvento>" + at + "</fechaEvento></listaEventosDoc>"
	}
	const listed, by = "<codResp>15</codResp><descResp>Listado</descResp>", "<rutResponsable>76192083</rutResponsable><dvResponsable>9</dvResponsable>"
	tests := map[string]struct {
		content string
		want    []string // action, RUT, time
		code    claim.Code
		fails   bool
	}{
		"none": {"<codResp>16</codResp>", nil, claim.NoEvents, false},
		"one":  {listed + event("ERM", by, "30-07-2021 13:25:27"), []string{"ERM 76192083-9 2021-07-30T13:25:27-04:00"}, claim.Listed, false},
		"three, with a token": {
			listed + event("ACD", by, "03-04-2027 23:30:00") + event("NCA", by, "01-01-2026 00:00:00") + event("ERM", by, "01-01-2026 00:00:01") + "<rutToken>1</rutToken>",
			[]string{"ACD 76192083-9 2027-04-03T23:30:00-03:00", "NCA 76192083-9 2026-01-01T00:00:00-03:00", "ERM 76192083-9 2026-01-01T00:00:01-03:00"}, claim.Listed, false,
		},
		"masked person":   {listed + event("RCD", "<rutResponsable>(masked)</rutResponsable><dvResponsable/>", "01-01-2026 00:00:00"), []string{"RCD  2026-01-01T00:00:00-03:00"}, claim.Listed, false},
		"not received":    {"<codResp>18</codResp>", nil, claim.NotReceived, false},
		"no permission":   {"<codResp>14</codResp>", nil, claim.NotAParty, false},
		"15 and nothing":  {listed, nil, 0, true},
		"16 and an event": {"<codResp>16</codResp>" + event("ERM", by, "01-01-2026 00:00:00"), nil, 0, true},
		"a date in words": {listed + event("ERM", by, "ayer"), nil, 0, true},
		"nil list":        {`<codResp>16</codResp><listaEventosDoc xsi:nil="true" xmlns:xsi="u"/>`, nil, claim.NoEvents, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[claimPath] = answered(events, test.content)
			list, answer, err := register(t, f).Events(t.Context(), bought)
			if (err != nil) != test.fails || test.fails && !errors.Is(err, sii.ErrUnavailable) {
				t.Fatalf("error %v", err)
			}
			var got []string
			for _, e := range list {
				by := ""
				if !e.By.IsZero() {
					by = e.By.String()
				}
				got = append(got, string(e.Action)+" "+by+" "+e.At.Format(time.RFC3339))
			}
			if diff := cmp.Diff(test.want, got); !test.fails && (diff != "" || answer.Code != test.code) {
				t.Errorf("code %d (-want +got):\n%s", answer.Code, diff)
			}
		})
	}
}

func TestReception(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{"": sii.ErrNoReception, "  ": sii.ErrNoReception, "Error interno": sii.ErrUnavailable, "2026-01-01": sii.ErrUnavailable} {
		f := newFakeSII(t)
		f.answer[claimPath] = answered("consultarFechaRecepcionSii", text)
		if at, err := register(t, f).Reception(t.Context(), bought); !errors.Is(err, want) {
			t.Errorf("%q: got %s, %v; want %v", text, at, err, want)
		}
	}
}

// TestClaimTokens: a dead token is a fault here; it is renewed once, and the call made once more.
func TestClaimTokens(t *testing.T) {
	t.Parallel()
	dead := fault(strings.TrimPrefix(strings.TrimSpace(fixture(t, "reclamo", "fault-token-invalido.txt")), "HTTP status"))
	for name, deaths := range map[string]int{"once": 1, "for ever": 9} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[claimPath] = func(w http.ResponseWriter, r *http.Request) {
				if f.count(claimPath) <= deaths {
					dead(w, r)
					return
				}
				code(enter, "0")(w, r)
			}
			_, err := register(t, f).Enter(t.Context(), bought, claim.ERM)
			if calls, tokens := f.count(claimPath), f.count(tokenPath); calls != 2 || tokens != 2 {
				t.Errorf("%d calls with %d tokens", calls, tokens)
			}
			if alive := deaths == 1; alive != (err == nil) || !alive && (!errors.Is(err, sii.ErrTokenDead) || errors.Is(err, sii.ErrIndeterminate)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestClaimTokenSource: with the setting the register of certificacion is asked with tokens of palena.
func TestClaimTokenSource(t *testing.T) {
	t.Parallel()
	for source, want := range map[store.Environment]string{"": "/maullin.sii.cl", store.Certificacion: "/maullin.sii.cl", store.Produccion: "/palena.sii.cl"} {
		f := newFakeSII(t)
		for _, path := range []string{seedPath, tokenPath} {
			f.answer[strings.Replace(path, "/maullin.sii.cl", "/palena.sii.cl", 1)] = f.answer[path]
		}
		f.answer[claimPath], f.answer[productionClaimPath] = code(events, "16"), code(events, "16")
		o := options(f)
		o.ClaimTokens = source
		client := sii.New(memory(), func() time.Time { return noon }, o)
		if _, _, err := client.Claims(store.Certificacion, someone(), chile(t)).Events(t.Context(), bought); err != nil {
			t.Fatal(err)
		}
		if f.count(want+strings.TrimPrefix(tokenPath, "/maullin.sii.cl")) != 1 || f.count(claimPath) != 1 {
			t.Errorf("source %q: the token is of another host than %s", source, want)
		}
		if _, _, err := client.Claims(store.Produccion, someone(), chile(t)).Events(t.Context(), bought); err != nil || f.count(productionClaimPath) != 1 {
			t.Errorf("source %q: production: %v", source, err)
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add([]byte(`<E><r><return><codResp>15</codResp><listaEventosDoc><codEvento>ERM</codEvento><fechaEvento>30-07-2021 13:25:27</fechaEvento></listaEventosDoc></return></r></E>`))
	f.Add([]byte(`<E><Fault><faultstring>Error de Autenticacion: TOKEN invalido</faultstring></Fault></E>`))
	zone := time.FixedZone("CLT", -4*60*60)
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := sii.ReadClaimSOAP(body)
		if err != nil {
			return
		}
		list, err := sii.ReadEvents(doc, zone)
		for _, e := range list {
			if err == nil && e.At.Year() < 0 {
				t.Errorf("event at %s", e.At)
			}
		}
	})
}
