package sii_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timbre/shared/sii"
	"timbre/shared/store"
)

func TestRecordedLogins(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		seed, token string
		code        string // "" for a token
		is          error
	}{
		"live seed, manual token": {"seed-00.live-certificacion-2026.soap.xml", "token-00.manual-2007.soap.xml", "", nil},
		"manual seed":             {"seed-00.manual-2007.soap.xml", "token-00.manual-2007.soap.xml", "", nil},
		"unknown certificate": {
			"seed-00.live-certificacion-2026.soap.xml", "token-10.valid-signature-unregistered-cert.live-2026.soap.xml", "10", sii.ErrCertificate,
		},
		"tampered signature": {
			"seed-00.live-certificacion-2026.soap.xml", "token-11.tampered-signature.live-2026.soap.xml", "11", sii.ErrCertificate,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[seedPath] = says(http.StatusOK, fixture(t, "auth", test.seed))
			f.answer[tokenPath] = says(http.StatusOK, fixture(t, "auth", test.token))
			err := session(f, memory()).Ready(t.Context())
			var refused *sii.StatusError
			if errors.As(err, &refused) != (test.code != "") || test.code != "" && refused.Code != test.code {
				t.Fatalf("error %v, want code %q", err, test.code)
			}
			if !errors.Is(err, test.is) {
				t.Errorf("error %v is not %v", err, test.is)
			}
		})
	}
}

func TestSeedIsRepeatedOnce(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	f.answer[tokenPath] = func(w http.ResponseWriter, _ *http.Request) {
		inner(w, "getToken", "<ESTADO>08</ESTADO><GLOSA>TIME-OUT DEL SEED</GLOSA>", "")
	}
	err := session(f, memory()).Ready(t.Context())
	if !errors.Is(err, sii.ErrUnavailable) || errors.Is(err, sii.ErrCertificate) {
		t.Errorf("error %v, want unavailable", err)
	}
	if f.count(seedPath) != 2 {
		t.Errorf("%d seeds, want 2", f.count(seedPath))
	}
}

// TestFiftyColdInstances: one of them asks the SII, the others read its token.
func TestFiftyColdInstances(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	usual := f.answer[tokenPath]
	bucket := memory()
	started := make(chan struct{})
	f.answer[tokenPath] = func(w http.ResponseWriter, r *http.Request) {
		<-started // until all of them are under way
		usual(w, r)
	}
	var waiting atomic.Int32
	o := options(f)
	o.Pause = func(ctx context.Context, _ int) error {
		if waiting.Add(1) == 49 {
			close(started)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-started:
			return nil
		}
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			instance := sii.New(bucket, func() time.Time { return noon }, o)
			if err := instance.As(store.Certificacion, someone()).Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if f.count(tokenPath) != 1 || f.count(seedPath) != 1 {
		t.Errorf("%d seeds and %d tokens asked for, want 1 and 1", f.count(seedPath), f.count(tokenPath))
	}
}

// TestSingleFlight: many callers in one process, one login.
func TestSingleFlight(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	s := session(f, memory())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := s.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if f.count(tokenPath) != 1 {
		t.Errorf("%d tokens asked for, want 1", f.count(tokenPath))
	}
}

// dies answers as for a dead token until it sees a good one.
func dies(good string, dead, alive http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body)+r.Header.Get("Cookie"), good) {
			alive(w, r)
			return
		}
		dead(w, r)
	}
}

func TestTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	received := says(http.StatusOK, "<RECEPCIONDTE><STATUS>0</STATUS><TRACKID>7</TRACKID></RECEPCIONDTE>")
	refused := says(http.StatusOK, "<RECEPCIONDTE><STATUS>5</STATUS></RECEPCIONDTE>")
	f := newFakeSII(t)
	f.answer[uploadPath] = dies("T2", refused, received)
	f.answer[estUpPath] = dies("T3", soap("getEstUp", "<R><ESTADO>001</ESTADO></R>"), soap("getEstUp", "<R><ESTADO>REC</ESTADO></R>"))
	bucket := memory()
	first, second := session(f, bucket), session(f, bucket)
	for _, s := range []*sii.Session{first, second} {
		if err := s.Ready(t.Context()); err != nil { // both hold T1
			t.Fatal(err)
		}
	}
	for i, s := range []*sii.Session{first, second} {
		result, err := s.Upload(t.Context(), company, "x.xml", latin1)
		if err != nil || result.Status != 0 {
			t.Errorf("upload %d: status %d, %v", i, result.Status, err)
		}
	}
	if f.count(tokenPath) != 2 {
		t.Errorf("%d tokens, want 2: the second instance takes the renewed one", f.count(tokenPath))
	}
	state, err := first.EnvelopeState(t.Context(), company, "7")
	if err != nil || state.State != "REC" {
		t.Errorf("state %q, %v", state.State, err)
	}
}

func TestTokenThatStaysDead(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	f.answer[uploadPath] = says(http.StatusOK, "<RECEPCIONDTE><STATUS>5</STATUS></RECEPCIONDTE>")
	f.answer[estUpPath] = soap("getEstUp", "<R><ESTADO>003</ESTADO></R>")
	s := session(f, memory())
	result, err := s.Upload(t.Context(), company, "x.xml", latin1)
	if err != nil || result.Status != sii.StatusToken || f.count(uploadPath) != 2 {
		t.Errorf("status %d, %v, %d uploads; want 5 after 2", result.Status, err, f.count(uploadPath))
	}
	_, err = s.EnvelopeState(t.Context(), company, "7")
	if !errors.Is(err, sii.ErrTokenDead) || f.count(estUpPath) != 2 {
		t.Errorf("error %v after %d queries; want a dead token after 2", err, f.count(estUpPath))
	}
}

// TestTokenAge: after 50 minutes a new one is fetched, before that none.
func TestTokenAge(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	now := noon
	client := sii.New(memory(), func() time.Time { return now }, options(f))
	s := client.As(store.Certificacion, someone())
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {49 * time.Minute, 1}, {time.Minute, 2}} {
		now = now.Add(step.after)
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := f.count(tokenPath); got != step.want {
			t.Errorf("at %s: %d tokens, want %d", now.Format(time.TimeOnly), got, step.want)
		}
	}
}

// TestFetcherDied: one who said that he fetches a token and died is waited for a minute only.
func TestFetcherDied(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	bucket := memory()
	name := store.Token(store.Certificacion, store.DTE, someone().Certificate)
	dead := fmt.Appendf(nil, `{"at":%q,"fetcher":"dead"}`, noon.Format(time.RFC3339))
	if _, err := bucket.Create(t.Context(), name, dead, nil); err != nil {
		t.Fatal(err)
	}
	now := noon
	o := options(f)
	o.Pause = func(context.Context, int) error {
		now = now.Add(20 * time.Second)
		return nil
	}
	client := sii.New(bucket, func() time.Time { return now }, o)
	if err := client.As(store.Certificacion, someone()).Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waited := now.Sub(noon); waited != time.Minute {
		t.Errorf("waited %s, want 1m", waited)
	}
}

// TestFailureIsShared: who waits for a token hears why there is none, and does not ask again at once.
func TestFailureIsShared(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	waiting := make(chan struct{})
	f.answer[tokenPath] = func(w http.ResponseWriter, _ *http.Request) {
		<-waiting
		inner(w, "getToken", "<ESTADO>10</ESTADO>", "")
	}
	bucket := memory()
	fetcher := make(chan error)
	go func() { fetcher <- session(f, bucket).Ready(t.Context()) }()
	for f.count(tokenPath) == 0 { // until the first one asks
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	o := options(f)
	var once sync.Once
	o.Pause = func(context.Context, int) error {
		once.Do(func() { close(waiting); <-fetcher })
		return nil
	}
	err := sii.New(bucket, func() time.Time { return noon }, o).As(store.Certificacion, someone()).Ready(t.Context())
	if !errors.Is(err, sii.ErrCertificate) || f.count(tokenPath) != 1 {
		t.Errorf("error %v after %d logins, want the first one's refusal", err, f.count(tokenPath))
	}
}
