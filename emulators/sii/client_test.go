package sii_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"timbre/emulators/sii"
)

const (
	certification = "/maullin.sii.cl"
	agent         = "Mozilla/4.0 (compatible; PROG 1.0; Windows NT 5.0; YComp 5.0.2.4)"
)

// today is the day on which the tests happen; the worlds are made for it.
var today = time.Date(2026, 11, 20, 12, 0, 0, 0, chile())

func chile() *time.Location {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		panic(err)
	}
	return zone
}

// reference finds a folder of reference material beside the project, or skips.
func reference(tb testing.TB, parts ...string) string {
	tb.Helper()
	base := os.Getenv("REFERENCE_DIR")
	if base == "" {
		base = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{base}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("reference folder has no %s here; set REFERENCE_DIR", filepath.Join(parts...))
	}
	return path
}

// start runs a simulator over a world at a fixed time.
func start(t *testing.T, world string, at time.Time, change ...func(*sii.Options)) *sii.Server {
	t.Helper()
	o := sii.Options{World: world, Now: func() time.Time { return at }}
	for _, c := range change {
		c(&o)
	}
	server, err := sii.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return server
}

// client speaks to the simulator as a correct program would; tests change what
// they want wrong.
type client struct {
	t      *testing.T
	server *sii.Server
	host   string // path prefix of the environment
	agent  string
	person string
	token  string
}

func newClient(t *testing.T, server *sii.Server, who signer) *client {
	t.Helper()
	c := &client{t: t, server: server, host: certification, agent: agent, person: who.rut}
	c.token = c.login(who)
	return c
}

func (c *client) post(path, contentType string, body []byte, header map[string]string) (int, string) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.server.URL+c.host+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", c.agent)
	for k, v := range header {
		request.Header.Set(k, v)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// call makes one SOAP call and returns the inner document.
func (c *client) call(service, op string, parameters ...string) string {
	c.t.Helper()
	_, answer := c.soap(service, op, parameters...)
	_, rest, found := strings.Cut(answer, `Return xsi:type="xsd:string">`)
	if !found {
		c.t.Fatalf("%s: no return in %q", op, answer)
	}
	inner, _, _ := strings.Cut(rest, "</ns1:")
	return html.UnescapeString(inner)
}

func (c *client) soap(service, op string, parameters ...string) (int, string) {
	c.t.Helper()
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><ns1:` + op + ` xmlns:ns1="http://DefaultNamespace">`)
	for i, p := range parameters {
		fmt.Fprintf(&b, "<p%d>%s</p%d>", i, html.EscapeString(p), i)
	}
	b.WriteString(`</ns1:` + op + `></soapenv:Body></soapenv:Envelope>`)
	path := "/DTEWS/" + service
	if !strings.HasPrefix(service, "services/") {
		path += ".jws"
	}
	return c.post(path, "text/xml; charset=utf-8", []byte(b.String()), map[string]string{"SOAPAction": `""`})
}

func (c *client) seed() string {
	c.t.Helper()
	return tag(c.call("CrSeed", "getSeed"), "SEMILLA")
}

func (c *client) login(who signer) string {
	c.t.Helper()
	inner := c.call("GetTokenFromSeed", "getToken", who.seedDocument(c.t, c.seed()))
	if got := tag(inner, "ESTADO"); got != "00" {
		c.t.Fatalf("getToken: ESTADO %s in %s", got, inner)
	}
	return tag(inner, "TOKEN")
}

// form is an upload's body.
type form struct {
	sender, company, file string
	data                  []byte
}

func (f form) encode(t *testing.T) (string, []byte) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	rut, dv, _ := strings.Cut(f.sender, "-")
	company, companyDV, _ := strings.Cut(f.company, "-")
	for _, field := range [][2]string{{"rutSender", rut}, {"dvSender", dv}, {"rutCompany", company}, {"dvCompany", companyDV}} {
		if err := w.WriteField(field[0], field[1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="archivo"; filename="` + f.file + `"`}, "Content-Type": {"text/xml"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(f.data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), body.Bytes()
}

// upload posts a file and returns the raw answer.
func (c *client) upload(company string, data []byte) string {
	c.t.Helper()
	kind, body := form{sender: c.person, company: company, file: "envio.xml", data: data}.encode(c.t)
	_, answer := c.post("/cgi_dte/UPL/DTEUpload", kind, body, map[string]string{"Cookie": "TOKEN=" + c.token})
	return answer
}

// send uploads, waits out the timeline and returns the envelope as judged.
func (c *client) send(company string, data []byte) sii.Envelope {
	c.t.Helper()
	answer := c.upload(company, data)
	if got := tag(answer, "STATUS"); got != "0" {
		c.t.Fatalf("upload: STATUS %s in %s", got, answer)
	}
	c.server.Advance(time.Minute)
	return c.envelope(tag(answer, "TRACKID"))
}

func (c *client) envelope(track string) sii.Envelope {
	c.t.Helper()
	for _, e := range c.server.Envelopes() {
		if e.TrackID == track {
			return e
		}
	}
	c.t.Fatalf("no envelope %s", track)
	return sii.Envelope{}
}

func (c *client) estUp(company, track string) string {
	c.t.Helper()
	number, dv, _ := strings.Cut(company, "-")
	return c.call("QueryEstUp", "getEstUp", number, dv, track, c.token)
}

// estDte asks for one document; date is AAAA-MM-DD.
func (c *client) estDte(issuer, receiver string, kind, folio int, date, total string) string {
	c.t.Helper()
	split := func(rut string) (string, string) { n, dv, _ := strings.Cut(rut, "-"); return n, dv }
	person, personDV := split(c.person)
	company, companyDV := split(issuer)
	to, toDV := split(receiver)
	return c.call("QueryEstDte", "getEstDte", person, personDV, company, companyDV, to, toDV,
		fmt.Sprint(kind), fmt.Sprint(folio), date[8:10]+date[5:7]+date[:4], total, c.token)
}

// tag is the first text of an element, blanks trimmed; empty when it is absent.
func tag(text, name string) string {
	m := regexp.MustCompile("<" + name + `>([^<]*)</` + name + ">").FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return strings.TrimSpace(m[1])
}
