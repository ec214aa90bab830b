package access_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"timbre/shared/access"
	"timbre/shared/rut"
)

// status asks with a key and tells also Retry-After.
func status(h http.Handler, key string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header().Get("Retry-After")
}

func TestEachKeyHasItsOwnRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config()
	config.RatePerSecond, config.RateBurst = 2, 4
	h := w.guardOf(t, config).Require(access.Read, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	busy, _ := w.key(t, []rut.RUT{companyA}, access.Read)
	other, _ := w.key(t, []rut.RUT{companyA}, access.Read)
	wrong, _ := w.key(t, []rut.RUT{companyA}, access.Issue) // refusals count as well
	for i := range 4 {
		if got, _ := status(h, busy); got != 200 {
			t.Fatalf("request %d of the burst: %d", i, got)
		}
		if got, _ := status(h, wrong); got != 403 {
			t.Fatalf("request %d of the wrong scope: %d", i, got)
		}
	}
	for _, key := range []string{busy, wrong} {
		if got, after := status(h, key); got != 429 || after != "1" {
			t.Errorf("beyond the burst: %d, Retry-After %q", got, after)
		}
	}
	for range 20 {
		if got, _ := status(h, bootstrap); got != 200 {
			t.Fatalf("the bootstrap key: %d", got)
		}
	}
	if got, _ := status(h, other); got != 200 {
		t.Errorf("another key: %d", got)
	}
	w.now = w.now.Add(time.Second) // two more
	for i, want := range []int{200, 200, 429} {
		if got, _ := status(h, busy); got != want {
			t.Errorf("request %d a second later: %d, want %d", i, got, want)
		}
	}
	w.now = w.now.Add(time.Hour) // no more than the burst gathers
	for i, want := range []int{200, 200, 200, 200, 429} {
		if got, _ := status(h, busy); got != want {
			t.Errorf("request %d an hour later: %d, want %d", i, got, want)
		}
	}
}

// TestKeysOverlap rotates a key: both serve until the old one is revoked.
func TestKeysOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, oldKey := w.key(t, []rut.RUT{companyA}, access.Read)
	fresh, _ := w.key(t, []rut.RUT{companyA}, access.Read)
	for _, key := range []string{old, fresh} {
		if got, _ := ask(w.public, "Bearer "+key); got != 200 {
			t.Errorf("while rotating: %d", got)
		}
	}
	if err := w.keys.Revoke(t.Context(), oldKey.ID, func(access.Key) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(w.public, "Bearer "+old); got != 401 {
		t.Errorf("the old key: %d", got)
	}
	if got, _ := ask(w.public, "Bearer "+fresh); got != 200 {
		t.Errorf("the new key: %d", got)
	}
}

func TestLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alone, _ := w.key(t, []rut.RUT{companyA}, access.Read)
	both, _ := w.key(t, []rut.RUT{companyA, companyB}, access.Read)
	for range 2 { // twice is once
		if err := w.keys.Leave(t.Context(), companyA); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := ask(w.public, "Bearer "+alone); got != 401 {
		t.Errorf("a key of the company alone: %d", got)
	}
	got, principal := ask(w.public, "Bearer "+both)
	if got != 200 || principal.MayAct(companyA, access.Read) || !principal.MayAct(companyB, access.Read) {
		t.Errorf("a key of two companies: %d, %+v", got, principal)
	}
	if keys, err := w.keys.List(t.Context(), companyA); err != nil || len(keys) != 0 {
		t.Errorf("keys of the company: %v, %v", keys, err)
	}
}
