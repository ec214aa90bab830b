package secret_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"timbre/emulators/secrets"
	"timbre/shared/company"
	"timbre/shared/gcp/secret"
	"timbre/shared/problem"
)

func connect(t *testing.T, address string) *secret.Manager {
	t.Helper()
	m, err := secret.New(t.Context(), "proj", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestManager(t *testing.T) {
	t.Parallel()
	emulator, err := secrets.Start(secrets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := connect(t, emulator.Addr())
	if err := m.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	for i, content := range []string{"one", "two"} {
		if version, err := m.Add(t.Context(), "s", []byte(content)); err != nil || version != strconv.Itoa(i+1) {
			t.Fatalf("version %q, %v", version, err)
		}
	}
	if content, err := m.Access(t.Context(), "s", "1"); err != nil || string(content) != "one" {
		t.Errorf("version 1: %q, %v", content, err)
	}
	if _, err := m.Access(t.Context(), "s", "3"); !errors.Is(err, company.ErrSecret) {
		t.Errorf("version 3: %v", err)
	}
	for range 2 {
		if err := m.Delete(t.Context(), "s"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := m.Access(t.Context(), "s", "1"); !errors.Is(err, company.ErrSecret) {
		t.Errorf("deleted: %v", err)
	}
	if err := emulator.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Add(t.Context(), "s", []byte("x")); problem.Of(err).Code != problem.Unavailable {
		t.Errorf("Secret Manager is down, add: %v", err)
	}
}

func TestManagerThatIsDown(t *testing.T) {
	t.Parallel()
	m := connect(t, "127.0.0.1:1") // nobody listens there
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := m.Check(ctx); problem.Of(err).Code != problem.Unavailable {
		t.Errorf("check: %v", err)
	}
}
