package sii

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"timbre/shared/store"
)

const (
	// tokenLife is how long a token is used. The SII says one hour, renewed by use, for boletas and
	// nothing for the others (WEBSERVICES §2.4).
	tokenLife = 50 * time.Minute
	// refreshLimit is how long one who fetches a token is waited for, unless Options say otherwise.
	refreshLimit = 60 * time.Second
)

// tokenRecord is what the instances share: a token, or who fetches one, or how the last fetch failed.
type tokenRecord struct {
	Token string    `json:"token,omitempty"`
	At    time.Time `json:"at"`
	// Fetcher is the nonce of who fetches a token since At.
	Fetcher string `json:"fetcher,omitempty"`
	// Failed is the nonce of who fetched in vain, with the SII's refusal if there was one.
	Failed  string       `json:"failed,omitempty"`
	Refusal *StatusError `json:"refusal,omitempty"`
}

// tokens hands out one token per environment and certificate. In a process one caller fetches and the
// rest wait; among instances the one who wins the compare-and-set over the refused token fetches.
type tokens struct {
	bucket *store.Bucket
	now    func() time.Time
	pause  func(ctx context.Context, try int) error
	wait   time.Duration // for who fetches

	mu    sync.Mutex
	slots map[store.Name]*slot
}

// slot is the token in this process; the channel is a lock that a context can leave.
type slot struct {
	lock  chan struct{}
	token string
	at    time.Time
}

func (t *tokens) slot(name store.Name) *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slots[name] == nil {
		t.slots[name] = &slot{lock: make(chan struct{}, 1)}
	}
	return t.slots[name]
}

// get gives a token that is not the refused one ("" refuses none); fetch logs in at the SII.
func (t *tokens) get(ctx context.Context, name store.Name, refused string, fetch func(context.Context) (string, error)) (string, error) {
	s := t.slot(name)
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return "", fmt.Errorf("%w: wait for a token: %w", ErrUnavailable, context.Cause(ctx))
	}
	if s.token != "" && s.token != refused && t.fresh(s.at) {
		return s.token, nil
	}
	r, err := t.shared(ctx, name, refused, fetch)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	s.token, s.at = r.Token, r.At
	return r.Token, nil
}

func (t *tokens) fresh(at time.Time) bool { return t.now().Sub(at) < tokenLife }

// shared reads the shared token, or fetches one, or waits for who does.
func (t *tokens) shared(ctx context.Context, name store.Name, refused string, fetch func(context.Context) (string, error)) (tokenRecord, error) {
	awaited := ""
	for try := 0; ; try++ {
		r, generation, err := t.read(ctx, name)
		if err != nil {
			return r, err
		}
		switch {
		case r.Token != "" && r.Token != refused && t.fresh(r.At):
			return r, nil
		case r.Failed != "" && r.Failed == awaited:
			return r, failure(r)
		case r.Fetcher != "" && t.now().Sub(r.At) < t.wait:
			awaited = r.Fetcher
			if err := t.pause(ctx, min(try, 3)); err != nil {
				return r, fmt.Errorf("%w: wait for a token: %w", ErrUnavailable, err)
			}
			continue
		}
		r, err = t.fetch(ctx, name, generation, fetch)
		if !errors.Is(err, errLost) {
			return r, err
		}
	}
}

// errLost says that another instance fetches.
var errLost = errors.New("sii: another fetches the token")

// fetch marks itself as the one who fetches, by compare-and-set on what was read, then logs in.
func (t *tokens) fetch(ctx context.Context, name store.Name, generation int64, login func(context.Context) (string, error)) (tokenRecord, error) {
	mine := tokenRecord{Fetcher: rand.Text(), At: t.now()}
	generation, err := t.write(ctx, name, generation, mine)
	if errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
		return mine, errLost
	}
	if err != nil {
		return mine, err
	}
	token, loginErr := login(ctx)
	result := tokenRecord{Token: token, At: t.now()}
	if loginErr != nil {
		result = tokenRecord{Failed: mine.Fetcher, At: t.now()}
		errors.As(loginErr, &result.Refusal)
	}
	// A fetcher whose caller has gone still tells the others how it ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_, err = t.write(ctx, name, generation, result)
	if loginErr != nil {
		return result, loginErr
	}
	if errors.Is(err, store.ErrChanged) { // taken over meanwhile; this token is as good
		return result, nil
	}
	return result, err
}

func (t *tokens) read(ctx context.Context, name store.Name) (tokenRecord, int64, error) {
	var r tokenRecord
	generation, err := t.bucket.ReadJSON(ctx, name, &r)
	if errors.Is(err, store.ErrNotFound) {
		return tokenRecord{}, 0, nil
	}
	return r, generation, err
}

func (t *tokens) write(ctx context.Context, name store.Name, generation int64, r tokenRecord) (int64, error) {
	if generation == 0 {
		return t.bucket.CreateJSON(ctx, name, r, nil)
	}
	return t.bucket.ReplaceJSON(ctx, name, generation, r, nil)
}

// failure repeats to a waiter what the fetcher was told.
func failure(r tokenRecord) error {
	if r.Refusal != nil {
		return r.Refusal
	}
	return fmt.Errorf("%w: another instance got no token", ErrUnavailable)
}
