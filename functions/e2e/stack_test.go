package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"timbre/emulators/gcs"
	"timbre/emulators/oidc"
	"timbre/emulators/pubsub"
	"timbre/emulators/scheduler"
	"timbre/emulators/secrets"
	fakesii "timbre/emulators/sii"
	downloadreceived "timbre/functions/download-received"
	generatesign "timbre/functions/generate-sign"
	"timbre/functions/notify"
	"timbre/functions/onboard"
	pollstatus "timbre/functions/poll-status"
	"timbre/functions/send"
	"timbre/shared/access"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/gcp/bus"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/gcp/secret"
	"timbre/shared/mailbox"
	"timbre/shared/serve"
	"timbre/shared/settings"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const (
	stackKey      = "bootstrap of the stack"
	stackAudience = "https://timbre.example"
	stackInvoker  = "invoker@example.iam.gserviceaccount.com"
)

// stack is every function and emulator in this process, joined by real HTTP, gRPC and Google clients.
type stack struct {
	urls map[string]string
	gcs  *gcs.Server
	sii  *fakesii.Server
	now  func() time.Time
	log  *lines

	common   settings.Common
	handlers map[string]*late
}

// lines is the log of all functions.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// late is a server whose handler comes later: Pub/Sub must know addresses before the functions exist.
type late struct {
	mu sync.RWMutex
	http.Handler
}

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.Handler.ServeHTTP(w, r)
}

// become waits for the requests in flight and puts h in the handler's place.
func (l *late) become(h http.Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Handler = h
}

// startStack runs the stack on a world. It sets the environment of the official clients, so tests that
// use it cannot run beside one another.
func startStack(t *testing.T, world string) *stack {
	t.Helper()
	return startStackAt(t, world, time.Now)
}

// startStackAt is startStack with a clock, which the SII and the functions share.
func startStackAt(t *testing.T, world string, now func() time.Time) *stack {
	t.Helper()
	s := &stack{urls: map[string]string{}, now: now, log: &lines{}, handlers: map[string]*late{}}
	for _, name := range []string{"generate-sign", "send", "poll-status", "notify", "onboard", "download-received"} {
		s.handlers[name] = &late{}
		web := httptest.NewServer(s.handlers[name])
		t.Cleanup(web.Close)
		s.urls[name] = web.URL
	}
	s.common = s.startEmulators(t, world)
	s.startFunctions(t)
	s.startTicks(t)
	return s
}

// startFunctions puts new ones, which remember nothing, in the place of those that ran.
func (s *stack) startFunctions(t *testing.T) {
	t.Helper()
	for name, h := range newFunctions(t, s.common, s.sii.URL, s.now, serve.NewLogger(s.log, s.common.Project)) {
		s.handlers[name].become(h)
	}
}

// issuer is the one of the tokens that Pub/Sub and the scheduler carry.
var issuer *oidc.Issuer

func (s *stack) startEmulators(t *testing.T, world string) settings.Common {
	t.Helper()
	dir := t.TempDir()
	buckets, err := gcs.ParseBuckets("timbre-archive:retention=2190d,timbre-state")
	check(t, err)
	s.gcs, err = gcs.Start(gcs.Options{Buckets: buckets})
	check(t, err)
	cleanup(t, s.gcs)
	vault, err := secrets.Start(secrets.Options{})
	check(t, err)
	cleanup(t, vault)
	issuer, err = oidc.New()
	check(t, err)
	s.sii, err = fakesii.Start(fakesii.Options{World: world, Speed: 300, InPlace: true, Now: s.now})
	check(t, err)
	cleanup(t, s.sii)
	messages, err := pubsub.Start(pubsub.Options{Dir: dir, Issuer: issuer, Logger: slog.New(slog.DiscardHandler), Config: pubsub.Config{
		Project: "e2e", Topics: []string{"dte-signed", "dte-sent", "dte-status", "company-alert", "dte-received"},
		Subscriptions: []pubsub.Subscription{
			s.subscription("dte-signed", "send"), s.subscription("dte-sent", "poll-status"),
			s.subscription("dte-status", "notify"), s.subscription("company-alert", "notify"), s.subscription("dte-received", "notify"),
		},
	}})
	check(t, err)
	cleanup(t, messages)
	t.Setenv("STORAGE_EMULATOR_HOST", s.gcs.URL())
	t.Setenv("PUBSUB_EMULATOR_HOST", messages.Addr())
	sum := sha256.Sum256([]byte(stackKey))
	return settings.Common{
		Project: "e2e", StateBucket: "timbre-state", ArchiveBucket: "timbre-archive", SecretManagerEmulator: vault.Addr(),
		SIICAFKeys: filepath.Join(world, "sii"),
		Access: access.Config{
			BootstrapKeySHA256: hex.EncodeToString(sum[:]), Audience: stackAudience,
			CertsURL: messages.AdminURL() + oidc.CertsPath, ServiceAccounts: []string{stackInvoker},
		},
	}
}

func (s *stack) subscription(topic, function string) pubsub.Subscription {
	return pubsub.Subscription{
		Name: topic + "-" + function, Topic: topic, Endpoint: s.urls[function] + "/_push/" + topic,
		Audience: stackAudience, ServiceAccount: stackInvoker, AckDeadline: pubsub.Duration(time.Minute),
	}
}

func (s *stack) startTicks(t *testing.T) {
	t.Helper()
	config := scheduler.Config{Interval: scheduler.Duration(100 * time.Millisecond)}
	for name, url := range s.urls {
		config.Jobs = append(config.Jobs, scheduler.Job{Name: name, URL: url, Audience: stackAudience, ServiceAccount: stackInvoker})
	}
	ticks, err := scheduler.Start(scheduler.Options{Config: config, Issuer: issuer, Logger: slog.New(slog.DiscardHandler)})
	check(t, err)
	cleanup(t, ticks)
}

// newFunctions wires the functions as their mains do.
func newFunctions(t *testing.T, common settings.Common, siiURL string, now func() time.Time, log *slog.Logger) map[string]http.Handler {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	storage, err := gcsstore.NewClient(ctx)
	check(t, err)
	cleanup(t, storage)
	manager, err := secret.New(ctx, common.Project, common.SecretManagerEmulator)
	check(t, err)
	cleanup(t, manager)
	events, err := bus.New(ctx, common.Project)
	check(t, err)
	cleanup(t, events)
	keys, err := company.ReadSIIKeys(common.SIICAFKeys)
	check(t, err)
	state, archive := store.NewBucket(storage.Bucket(common.StateBucket)), store.NewBucket(storage.Bucket(common.ArchiveBucket))
	apiKeys := access.NewKeys(state, now)
	guard, err := access.New(ctx, common.Access, apiKeys, log)
	check(t, err)
	companies, vault := company.NewDirectory(state, now), company.NewVault(manager, keys)
	client := sii.New(state, now, sii.Options{BaseURL: siiURL})
	handlers := map[string]http.Handler{}
	add := func(name string, h http.Handler, err error) {
		check(t, err)
		handlers[name], err = serve.New(serve.Options{Handler: h, Logger: log})
		check(t, err)
	}
	sign, err := generatesign.New(generatesign.Config{}, generatesign.Deps{
		State: state, Archive: archive, Companies: companies, Vault: vault, Events: events, Guard: guard, Logger: log, Now: now,
	})
	add("generate-sign", sign, err)
	sender, err := send.New(send.Config{EnvelopeMax: 200, RetryFirst: time.Second}, send.Deps{
		State: state, Archive: archive, Companies: companies, Identities: vault, Events: events, Guard: guard, Logger: log, Now: now,
		SII: func(e store.Environment, id *cert.Identity) send.Uploader { return client.As(e, sii.PersonOf(id)) },
	})
	add("send", sender, err)
	poller, err := pollstatus.New(pollstatus.Config{PollFirst: 50 * time.Millisecond}, pollstatus.Deps{
		State: state, Archive: archive, Companies: companies, Identities: vault, Events: events, Guard: guard, Logger: log, Now: now,
		SII: func(e store.Environment, id *cert.Identity) pollstatus.Inquirer {
			return client.As(e, sii.PersonOf(id))
		},
	})
	add("poll-status", poller, err)
	teller, err := notify.New(notify.Config{AllowPrivateHosts: true}, notify.Deps{
		State: state, Companies: companies, Secrets: manager, Dial: dial.New(dial.Options{AllowPrivate: true}).DialContext,
		Guard: guard, Logger: log, Now: now,
	})
	add("notify", teller, err)
	registry, err := onboard.New(onboard.Config{AllowPrivateHosts: true}, onboard.Deps{
		State: state, Archive: archive, Secrets: manager, SIIKeys: keys, Keys: apiKeys, Guard: guard, Events: events, Logger: log, Now: now,
		SII:     func(e store.Environment, id *cert.Identity) onboard.Inquirer { return client.As(e, sii.PersonOf(id)) },
		SIIDate: client.Date, Dial: dial.New(dial.Options{}).DialContext,
	})
	add("onboard", registry, err)
	intake, err := downloadreceived.New(downloadreceived.Config{IntakeEvery: time.Hour, IntakePast: time.Hour}, downloadreceived.Deps{
		State: state, Archive: archive, Companies: companies, Identities: vault, Passwords: vault, SIIKeys: keys, Events: events, Guard: guard,
		Logger: log, Now: now, Mail: mailbox.NewReader(dial.New(dial.Options{}).DialContext, mailbox.Options{}),
		SII: func(e store.Environment, id *cert.Identity) downloadreceived.Inquirer {
			return client.As(e, sii.PersonOf(id))
		},
		Claims: func(e store.Environment, id *cert.Identity, chile *time.Location) downloadreceived.Registrar {
			return client.Claims(e, sii.PersonOf(id), chile)
		},
	})
	add("download-received", intake, err)
	return handlers
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func cleanup(t *testing.T, c io.Closer) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// call sends JSON, or bytes as they are, to a function and fails the test on an answer that is not 2xx.
func (s *stack) call(t *testing.T, function, method, path string, v any, headers ...string) []byte {
	t.Helper()
	body, raw := v.([]byte)
	if !raw && v != nil {
		var err error
		body, err = json.Marshal(v)
		check(t, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.urls[function]+path, bytes.NewReader(body))
	check(t, err)
	request.Header.Set("Authorization", "Bearer "+stackKey)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	check(t, err)
	defer answer.Body.Close() //nolint:errcheck // read below
	got, err := io.ReadAll(answer.Body)
	check(t, err)
	if answer.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, got)
	}
	return got
}

// shown is what the tests read of a document.
type shown struct {
	ID, Status string
	Folio      int64
	IssueDate  string          `json:"issue_date"`
	TrackID    *string         `json:"track_id"`
	SII        json.RawMessage `json:"sii"`
	Totals     struct{ MntTotal json.Number }
}

func (s *stack) issue(t *testing.T, key, company string, document map[string]any) shown {
	t.Helper()
	answer := s.call(t, "generate-sign", http.MethodPost, "/v1/documents",
		map[string]any{"company": company, "reference": key, "document": document}, "Idempotency-Key", key)
	var d shown
	check(t, json.Unmarshal(answer, &d))
	return d
}

// verdict waits for the SII's.
func (s *stack) verdict(t *testing.T, id string) shown {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var d shown
		check(t, json.Unmarshal(s.call(t, "poll-status", http.MethodGet, "/v1/documents/"+id, nil), &d))
		switch d.Status {
		case "accepted", "accepted_with_remarks", "rejected", "blocked":
			return d
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no verdict on %s: %s", id, fmt.Sprint(d))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
