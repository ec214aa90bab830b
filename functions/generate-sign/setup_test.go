package generatesign_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/sii/authority"
	generatesign "timbre/functions/generate-sign"
	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/company"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const bootstrapKey = "bootstrap key of the tests"

// made is a throw-away world, made once for all tests.
var made = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		return "", err
	}
	return dir, authority.Make(dir, authority.Options{Types: []int{33, 34, 56, 61}, Folios: 150})
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := made(); err == nil {
		os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	}
	os.Exit(code)
}

// cloud is what processes of the function share.
type cloud struct {
	state, archive *store.Memory
	events         *event.Memory
	secrets        *company.MemorySecrets
	keys           caf.Keys
	now            func() time.Time
	rut            rut.RUT
}

// newCloud onboards company a of the throw-away world; types get a CAF of the folios 1 to 150.
func newCloud(t *testing.T, types ...dte.Type) *cloud {
	t.Helper()
	world, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return cloudOf(t, world, types...)
}

// cloudOf onboards company a of a world.
func cloudOf(t *testing.T, world string, types ...dte.Type) *cloud {
	t.Helper()
	var err error
	archive := store.NewMemory()
	archive.Retained = true
	c := &cloud{state: store.NewMemory(), archive: archive, events: &event.Memory{}, secrets: &company.MemorySecrets{}, now: time.Now}
	if c.keys, err = company.ReadSIIKeys(filepath.Join(world, "sii")); err != nil {
		t.Fatal(err)
	}
	var companies []struct {
		RUT      rut.RUT `json:"rut"`
		RznSoc   string  `json:"razon_social"`
		PFX      string  `json:"pfx"`
		Password string  `json:"pfx_password"`
		Signer   struct {
			RUT rut.RUT `json:"rut"`
		} `json:"firmante"`
	}
	if err := json.Unmarshal(read(t, world, "companies.json"), &companies); err != nil {
		t.Fatal(err)
	}
	first := companies[0]
	c.rut = first.RUT
	block := &company.Block{FchResol: "2024-01-02", Certificate: c.certificate(t, read(t, world, first.PFX), first.Password, first.Signer.RUT)}
	for _, kind := range types {
		files, err := filepath.Glob(filepath.Join(world, "caf", "a", kind.String()+"-1-*.xml"))
		if err != nil || len(files) != 1 {
			t.Fatalf("CAFs of type %s: %v, %v", kind, files, err)
		}
		block.CAFs = append(block.CAFs, c.caf(t, kind, read(t, files[0])))
	}
	c.put(t, &company.Company{
		RUT: c.rut, RznSoc: first.RznSoc, GiroEmis: "Panadería", Acteco: []string{"107100"}, DirOrigen: "Avda. Irarrázaval 3000",
		CmnaOrigen: "Ñuñoa", CiudadOrigen: "Santiago", Active: store.Certificacion, NamespaceForm: "both",
		Blocks: map[store.Environment]*company.Block{store.Certificacion: block},
	})
	return c
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (c *cloud) put(t *testing.T, config *company.Company) {
	t.Helper()
	if _, err := store.NewBucket(c.state).CreateJSON(t.Context(), store.CompanyConfig(config.RUT), config, nil); err != nil {
		t.Fatal(err)
	}
}

func (c *cloud) secret(t *testing.T, name string, data []byte) company.Secret {
	t.Helper()
	version, err := c.secrets.Add(t.Context(), name, data)
	if err != nil {
		t.Fatal(err)
	}
	return company.Secret{Name: name, Version: version}
}

func (c *cloud) certificate(t *testing.T, pfx []byte, password string, signer rut.RUT) *company.Certificate {
	t.Helper()
	data, err := company.EncodePFX(pfx, password)
	if err != nil {
		t.Fatal(err)
	}
	return &company.Certificate{Secret: c.secret(t, "certificate", data), Signer: signer}
}

func (c *cloud) caf(t *testing.T, kind dte.Type, file []byte) company.CAF {
	t.Helper()
	parsed, err := caf.Parse(file, c.keys)
	if err != nil {
		t.Fatal(err)
	}
	entry := company.CAF{
		Secret: c.secret(t, "caf-"+kind.String(), file), Type: kind, From: parsed.From, To: parsed.To, First: parsed.From,
		Authorized: parsed.AuthorizedOn.Format(time.DateOnly),
	}
	if last, expires := parsed.ExpiresOn(); expires {
		entry.Expires = last.Format(time.DateOnly)
	}
	return entry
}

// process is a new instance of the function whose connection to the buckets may be wrapped.
func (c *cloud) process(t *testing.T, wrap func(store.Driver) store.Driver) http.Handler {
	t.Helper()
	if wrap == nil {
		wrap = func(d store.Driver) store.Driver { return d }
	}
	logger := slog.New(slog.DiscardHandler)
	state, archive := store.NewBucket(wrap(c.state)), store.NewBucket(wrap(c.archive))
	sum := sha256.Sum256([]byte(bootstrapKey))
	// Credentials and configurations are read through an unwrapped connection: their loss is no subject here.
	healthy := store.NewBucket(c.state)
	guard, err := access.New(t.Context(), access.Config{BootstrapKeySHA256: hex.EncodeToString(sum[:])}, access.NewKeys(healthy, c.now), logger)
	if err != nil {
		t.Fatal(err)
	}
	h, err := generatesign.New(generatesign.Config{SweepAfter: time.Nanosecond, SweepEvery: time.Nanosecond, SweepGrace: time.Nanosecond}, generatesign.Deps{
		State: state, Archive: archive, Companies: company.NewDirectory(healthy, c.now), Vault: company.NewVault(c.secrets, c.keys),
		Events: c.events, Guard: guard, Logger: logger, Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// post sends an order with a key of idempotency, "" for none.
func post(ctx context.Context, h http.Handler, path, key, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+bootstrapKey)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer
}

// order is the body of a good factura of the company.
func (c *cloud) order(change ...string) string {
	body := `{"company":"COMPANY","reference":"account.move,1","document":{"Encabezado":{"IdDoc":{"TipoDTE":33,"FmaPago":2},` +
		`"Receptor":{"RUTRecep":"60803000-K","RznSocRecep":"Señor O'Higgins & Cía","GiroRecep":"Gobierno","DirRecep":"Teatinos 120","CmnaRecep":"Santiago"}},` +
		`"Detalle":[{"NmbItem":"Hosting «Ñandú» & más","QtyItem":1,"PrcItem":6000}]}}`
	return strings.NewReplacer(append(change, "COMPANY", c.rut.String())...).Replace(body)
}

func (c *cloud) objects() int { return c.state.Len() + c.archive.Len() + c.secrets.Len() }

// answered decodes an answer's JSON.
func answered(t *testing.T, answer *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var v map[string]any
	decoder := json.NewDecoder(bytes.NewReader(answer.Body.Bytes()))
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("answer %d %s: %v", answer.Code, answer.Body, err)
	}
	return v
}

// withTrack is a process whose documents get their track id at once, as if send were quick.
func (c *cloud) withTrack(t *testing.T, h http.Handler) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop := make(chan struct{})
		done := make(chan error, 1)
		go func() { done <- c.sendAll(r.Context(), stop) }()
		h.ServeHTTP(w, r)
		close(stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (c *cloud) sendAll(ctx context.Context, stop <-chan struct{}) error {
	state := store.NewBucket(c.state)
	for {
		for o, err := range state.List(ctx, store.Query{Prefix: "doc/"}) {
			if err != nil {
				return err
			}
			id, err := store.ParseDocument(o.Name)
			if err != nil {
				return err
			}
			if _, err := document.Update(ctx, state, id, sendOne); err != nil {
				return err
			}
		}
		select {
		case <-stop:
			return nil
		case <-time.After(time.Millisecond):
		}
	}
}

func sendOne(r *document.Record) error {
	if r.Status != event.StatusSigned {
		return store.ErrUnchanged
	}
	r.AddTrack("0123456789")
	return errors.Join(r.Become(event.StatusSending, time.Now(), ""), r.Become(event.StatusSent, time.Now(), ""))
}
