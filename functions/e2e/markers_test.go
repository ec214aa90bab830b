package e2e_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"timbre/shared/cert"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/store"
)

// secretsOf are the markers: what must be found nowhere, by what it is.
type secretsOf map[string][]byte

// forms are how a secret may look where it leaks: as it is, in hex, in base64 of any alignment, escaped.
func forms(secret []byte) [][]byte {
	all := [][]byte{secret, []byte(hex.EncodeToString(secret)), []byte(url.QueryEscape(string(secret)))}
	if quoted, err := json.Marshal(string(secret)); err == nil {
		all = append(all, bytes.Trim(quoted, `"`))
	}
	for shift, lead := range []int{0, 2, 3} { // characters that depend on what stands before
		padded := append(bytes.Repeat([]byte{0}, shift), secret...)
		trail := min(len(padded)%3, 1) // and behind
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString(padded)
			all = append(all, []byte(text[lead:len(text)-trail]))
		}
	}
	return all
}

// find tells which secrets a text holds.
func (s secretsOf) find(text []byte) []string {
	var found []string
	for name, secret := range s {
		for _, form := range forms(secret) {
			if bytes.Contains(text, form) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

func TestMarkersAreFound(t *testing.T) {
	t.Parallel()
	secret := []byte("clave \"Ñandú\" €1")
	s := secretsOf{"it": secret}
	for name, text := range map[string]string{
		"as it is": "x" + string(secret) + "x", "hex": hex.EncodeToString(secret), "JSON": fmt.Sprintf("%q", secret),
		"base64": base64.StdEncoding.EncodeToString(secret), "shifted": base64.StdEncoding.EncodeToString([]byte("x" + string(secret) + "x")),
		"shifted more": base64.URLEncoding.EncodeToString([]byte("xx" + string(secret) + "xxxx")), "query": url.QueryEscape(string(secret)),
	} {
		if s.find([]byte(text)) == nil {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	if found := s.find([]byte("clave Ñandú")); found != nil {
		t.Errorf("found %v", found)
	}
}

// TestMarkers issues, sends and tells of documents, good and bad, with secrets of every kind, and looks for
// them in the log, the answers, webhooks, evidence, archive and state. Outside Secret Manager only the tokens
// of the SII stand, and only under tokens/ in the state bucket.
func TestMarkers(t *testing.T) {
	world, firms, _ := worldOf(t)
	s := startStack(t, world)
	f := firms[0]
	m := &markers{stack: s, secrets: secretsOf{"bootstrap key": []byte(stackKey)}, of: "/v1/companies/" + f.RUT}
	receiver := httptest.NewServer(http.HandlerFunc(m.receive))
	t.Cleanup(receiver.Close)

	m.plantFiles(t, world, f)
	s.onboard(t, world, f)
	s.certify(t, world, f, "modern")
	m.plant(t, receiver.URL, f)
	m.refusals(t, world, f)
	m.documents(t, f)
	m.reads(t, f)
	m.search(t)
}

type markers struct {
	*stack
	secrets secretsOf
	of      string

	mu      sync.Mutex
	answers bytes.Buffer
	posts   int
}

// say makes a request with a credential and keeps the answer, whatever it is.
func (m *markers) say(t *testing.T, credential, function, method, path, body string, headers ...string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, m.urls[function]+path, strings.NewReader(body))
	check(t, err)
	request.Header.Set("Authorization", "Bearer "+credential)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	check(t, err)
	defer answer.Body.Close() //nolint:errcheck // read below
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintln(&m.answers, answer.Status, answer.Header)
	m.answers.Write(text)
	return text
}

// receive is the webhook.
func (m *markers) receive(_ http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body) //nolint:errcheck // a body cut short is seen as far as it came
	m.mu.Lock()
	defer m.mu.Unlock()
	m.posts++
	fmt.Fprintln(&m.answers, r.URL, r.Header)
	m.answers.Write(text)
}

// plantFiles takes the secrets out of the company's PFX and CAF.
func (m *markers) plantFiles(t *testing.T, world string, f firm) {
	t.Helper()
	pfx := file(t, world, "certs", f.ID+"-modern.pfx")
	identity, err := cert.ReadPFX(pfx, f.PFXPassword)
	check(t, err)
	key, ok := identity.Key.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("the signer is a %T", identity.Key)
	}
	m.secrets["PFX password"] = []byte(f.PFXPassword)
	m.secrets["PFX"] = pfx[len(pfx)/2:][:64]
	m.secrets["private key"] = key.D.Bytes()[:64]
	m.secrets["prime of the private key"] = key.Primes[0].Bytes()[:64]
	cafs, err := filepath.Glob(filepath.Join(world, "caf", f.ID, "33-1-100*.xml"))
	check(t, err)
	_, rest, _ := bytes.Cut(file(t, cafs[0]), []byte("<RSASK>"))
	block, _ := pem.Decode(bytes.TrimSpace(rest))
	if block == nil {
		t.Fatal("the CAF has no private key")
	}
	caf, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	check(t, err)
	m.secrets["CAF key"], m.secrets["prime of the CAF key"] = caf.D.Bytes(), caf.Primes[0].Bytes()
}

// plant makes keys and passwords. The answers that show one, once, are not kept.
func (m *markers) plant(t *testing.T, receiver string, f firm) {
	t.Helper()
	var made struct{ Key, Secret string }
	check(t, json.Unmarshal(m.call(t, "onboard", http.MethodPost, m.of+"/keys", map[string]any{"scopes": []string{"issue", "read", "admin"}}), &made))
	check(t, json.Unmarshal(m.call(t, "onboard", http.MethodPost, m.of+"/webhook:rotate", nil), &made))
	m.secrets["API key"], m.secrets["webhook secret"] = []byte(made.Key), []byte(made.Secret)
	m.secrets["IMAP password"], m.secrets["SMTP password"] = []byte("clave IMAP Ñandú-7361"), []byte("clave SMTP Puma-90217")
	passwords, err := json.Marshal(map[string]string{"imap_password": string(m.secrets["IMAP password"]), "smtp_password": string(m.secrets["SMTP password"])})
	check(t, err)
	m.say(t, made.Key, "onboard", http.MethodPut, m.of+"/secrets", string(passwords))
	configuration, err := json.Marshal(map[string]any{
		"RznSoc": f.RznSoc, "GiroEmis": f.Giro, "Acteco": []int{f.Acteco}, "DirOrigen": f.Direccion, "CmnaOrigen": f.Comuna, "webhook_url": receiver,
		"intercambio": map[string]any{
			"email": "dte@example.cl", "imap": map[string]any{"host": "127.0.0.1", "port": 1, "user": "u"}, "smtp": map[string]any{"host": "127.0.0.1", "port": 1, "user": "u"},
		},
	})
	check(t, err)
	m.say(t, made.Key, "onboard", http.MethodPut, m.of, string(configuration))
}

// refusals send secrets in requests that are refused.
func (m *markers) refusals(t *testing.T, world string, f firm) {
	t.Helper()
	key := string(m.secrets["API key"])
	pfx := base64.StdEncoding.EncodeToString(file(t, world, "certs", f.ID+"-modern.pfx"))
	cafs, err := filepath.Glob(filepath.Join(world, "caf", f.ID, "33-1-100*.xml"))
	check(t, err)
	caf := string(file(t, cafs[0]))
	m.say(t, key, "onboard", http.MethodPut, m.of+"/certificate", `{"pfx":"`+pfx+`","password":"no es"}`)
	m.say(t, key, "onboard", http.MethodPut, m.of+"/certificate", `{"pfx":"`+pfx[:2000]+`","password":"`+f.PFXPassword+`"}`)
	m.say(t, key, "onboard", http.MethodPut, m.of+"/certificate", `{"pfx":["`+pfx+`"],"clave":"`+f.PFXPassword+`"}`)
	m.say(t, key, "onboard", http.MethodPut, m.of+"/secrets", `{"imap_password":["`+string(m.secrets["IMAP password"])+`"]}`)
	m.say(t, key, "onboard", http.MethodPost, m.of+"/cafs", strings.Replace(caf, "<FRMA", "<frma", 1))
	m.say(t, key, "onboard", http.MethodPost, m.of+"/cafs", strings.Replace(caf, "</AUTORIZACION>", "", 1))
	m.say(t, key, "onboard", http.MethodPost, m.of+"/cafs?environment=produccion", caf)
	m.say(t, key, "onboard", http.MethodPut, m.of, caf)
	m.say(t, key+"x", "onboard", http.MethodGet, m.of, "")
	m.say(t, key, "poll-status", http.MethodGet, "/v1/documents/"+key, "")
}

// documents are issued: one that is accepted, one that is refused here.
func (m *markers) documents(t *testing.T, f firm) {
	t.Helper()
	key := string(m.secrets["API key"])
	order := func(document map[string]any) string {
		text, err := json.Marshal(map[string]any{"company": f.RUT, "document": document})
		check(t, err)
		return string(text)
	}
	issued := m.say(t, key, "generate-sign", http.MethodPost, "/v1/documents", order(factura(33)), "Idempotency-Key", "m1")
	var d shown
	check(t, json.Unmarshal(issued, &d))
	m.say(t, key, "generate-sign", http.MethodPost, "/v1/documents", order(map[string]any{}), "Idempotency-Key", "m2")
	m.verdict(t, d.ID)
}

// reads asks for all there is to read.
func (m *markers) reads(t *testing.T, f firm) {
	t.Helper()
	key := string(m.secrets["API key"])
	for _, r := range accessRoutes() {
		if r.method == http.MethodGet {
			m.say(t, key, r.function, r.method, strings.ReplaceAll(r.path, accessA, f.RUT), "")
		}
	}
	m.say(t, key, "onboard", http.MethodPost, m.of+"/:check", "")
	for _, function := range []string{"generate-sign", "send", "poll-status", "notify", "onboard"} {
		m.say(t, key, function, http.MethodGet, "/health/ready", "")
		m.say(t, key, function, http.MethodPost, "/_tick", "")
	}
}

// search looks everywhere, and makes sure that it would have found something.
func (m *markers) search(t *testing.T) {
	t.Helper()
	client, err := gcsstore.NewClient(t.Context())
	check(t, err)
	cleanup(t, client)
	tokens := m.tokens(t, client.Bucket("timbre-state"))
	objects := m.searchBucket(t, client.Bucket("timbre-state"), tokens) + m.searchBucket(t, client.Bucket("timbre-archive"), nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	for place, text := range map[string][]byte{"log": []byte(m.log.String()), "answers": m.answers.Bytes()} {
		if found := m.secrets.find(text); found != nil {
			t.Errorf("%v in the %s", found, place)
		}
		if bytes.Contains(text, []byte("eyJhbGciOi")) {
			t.Errorf("an ID token in the %s", place)
		}
	}
	if objects < 10 || m.posts == 0 || len(tokens) == 0 || !strings.Contains(m.log.String(), "request refused") {
		t.Errorf("%d objects, %d webhooks, %d tokens: the search saw nothing", objects, m.posts, len(tokens))
	}
	t.Logf("%d secrets looked for in %d objects, %d bytes of answers, %d of log", len(m.secrets), objects, m.answers.Len(), len(m.log.String()))
}

// each reads every object of a bucket below a prefix.
func each(t *testing.T, bucket store.Driver, prefix string, do func(store.Object)) {
	t.Helper()
	for o, err := range store.NewBucket(bucket).List(t.Context(), store.Query{Prefix: prefix}) {
		check(t, err)
		full, err := bucket.Read(t.Context(), o.Name)
		if errors.Is(err, store.ErrNotFound) { // the functions work on
			continue
		}
		check(t, err)
		full.Meta = o.Meta
		do(full)
	}
}

// tokens takes the SII's tokens for markers too, and names the objects that hold them by design.
func (m *markers) tokens(t *testing.T, state store.Driver) map[string]bool {
	t.Helper()
	held := map[string]bool{}
	each(t, state, "tokens/", func(o store.Object) {
		var record struct{ Token string }
		check(t, json.Unmarshal(o.Data, &record))
		if record.Token == "" {
			t.Errorf("%s holds no token: %s", o.Name, o.Data)
		}
		m.secrets["token of the SII"] = []byte(record.Token)
		held[o.Name] = true
	})
	return held
}

// searchBucket goes over every object and counts them; a token of the SII may stand in its own.
func (m *markers) searchBucket(t *testing.T, bucket store.Driver, tokens map[string]bool) int {
	t.Helper()
	count := 0
	each(t, bucket, "", func(o store.Object) {
		count++
		for _, found := range m.secrets.find(fmt.Appendf(o.Data, "%s %v", o.Name, o.Meta)) {
			if !tokens[o.Name] || found != "token of the SII" {
				t.Errorf("%s in %s", found, o.Name)
			}
		}
	})
	return count
}
