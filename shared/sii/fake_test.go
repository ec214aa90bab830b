package sii_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	company = rut.MustParse("76192083-9")
	person  = rut.MustParse("11111111-1")
	noon    = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

// fakeSII answers each service by a function; those without one log in as usual.
type fakeSII struct {
	*httptest.Server

	mu     sync.Mutex
	calls  map[string]int
	answer map[string]http.HandlerFunc
}

const (
	seedPath   = "/maullin.sii.cl/DTEWS/CrSeed.jws"
	tokenPath  = "/maullin.sii.cl/DTEWS/GetTokenFromSeed.jws"
	estUpPath  = "/maullin.sii.cl/DTEWS/QueryEstUp.jws"
	estDtePath = "/maullin.sii.cl/DTEWS/QueryEstDte.jws"
	uploadPath = "/maullin.sii.cl/cgi_dte/UPL/DTEUpload"
)

func newFakeSII(t *testing.T) *fakeSII {
	t.Helper()
	f := &fakeSII{calls: map[string]int{}, answer: map[string]http.HandlerFunc{}}
	f.answer[seedPath] = func(w http.ResponseWriter, _ *http.Request) {
		inner(w, "getSeed", "<ESTADO>00</ESTADO>", "<SEMILLA>000000000078</SEMILLA>")
	}
	f.answer[tokenPath] = func(w http.ResponseWriter, _ *http.Request) {
		inner(w, "getToken", "<ESTADO>00</ESTADO>", fmt.Sprintf("<TOKEN>T%d</TOKEN>", f.count(tokenPath)))
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls[r.URL.Path]++
		do := f.answer[r.URL.Path]
		f.mu.Unlock()
		if do == nil {
			http.NotFound(w, r)
			return
		}
		do(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// set changes the answer of a service.
func (f *fakeSII) set(path string, answer http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer[path] = answer
}

func (f *fakeSII) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[path]
}

// inner writes an answer as the live servers do: escaped, the body before the header.
func inner(w io.Writer, op, header, body string) {
	text := `<?xml version="1.0" encoding="UTF-8"?><SII:RESPUESTA xmlns:SII="http://www.sii.cl/XMLSchema">` +
		`<SII:RESP_BODY>` + body + `</SII:RESP_BODY><SII:RESP_HDR>` + header + `</SII:RESP_HDR></SII:RESPUESTA>`
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">`+
		`<soapenv:Body><ns1:%[1]sResponse xmlns:ns1="http://DefaultNamespace"><ns1:%[1]sReturn>%[2]s</ns1:%[1]sReturn></ns1:%[1]sResponse>`+
		`</soapenv:Body></soapenv:Envelope>`, op, escaped)
}

// says answers always the same.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// resets reads the request and drops the connection: processed or not, nobody knows.
func resets(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

func fixture(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(golden.Reference(t, append([]string{"sii", "responses"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func options(f *fakeSII) sii.Options {
	return sii.Options{BaseURL: f.URL, Pause: func(ctx context.Context, _ int) error {
		return context.Cause(ctx)
	}}
}

func someone() sii.Person {
	return sii.Person{RUT: person, Certificate: [32]byte{1}, SignSeed: func(seed string) ([]byte, error) {
		return []byte("<getToken><item><Semilla>" + seed + "</Semilla></item></getToken>"), nil
	}}
}

// session is a new instance of the client over a bucket.
func session(f *fakeSII, bucket *store.Bucket) *sii.Session {
	return sii.New(bucket, func() time.Time { return noon }, options(f)).As(store.Certificacion, someone())
}

func memory() *store.Bucket { return store.NewBucket(store.NewMemory()) }
