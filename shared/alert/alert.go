package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// Notify is the function that tells callers, in due entries.
	Notify = "notify"
	// NoticeOf is the first part of its entries about companies.
	NoticeOf = "company"
	// noticeAfter is when the tick looks at an alert of which no message told.
	noticeAfter = 2 * time.Minute
)

// ErrID says that an alert's subject does not make a name.
var ErrID = errors.New("alert: no id")

// Alert is one of the types of this package.
type Alert interface{ fact() fact }

// fact is what an alert says.
type fact struct {
	company store.Company
	kind    event.Kind
	subject []any // with the kind the id: what it is about, and which occasion
	data    map[string]any
}

func (f fact) id() store.EventID {
	id := fmt.Sprintf("%s.%s.%s", f.company.Env, f.company.RUT, f.kind)
	for _, part := range f.subject {
		id += fmt.Sprintf(".%v", part)
	}
	return store.EventID(id)
}

// Raiser raises alerts.
type Raiser struct {
	State  *store.Bucket
	Events event.Publisher
	Now    func() time.Time
	Chile  *time.Location
	// Logger gets a line for each alert that is raised; nil: none.
	Logger *slog.Logger
}

// Raise has the callers told, unless they were before. The error of a wake-up that was not published wraps
// ErrSilent: the alert is stored, and the tick of notify finds it.
func (r *Raiser) Raise(ctx context.Context, a Alert) error {
	f := a.fact()
	id := f.id()
	if !id.Valid() {
		return fmt.Errorf("%w: %.100q", ErrID, id)
	}
	told, err := r.State.Exists(ctx, store.Logged(f.company, event.Log, id))
	if told || err != nil {
		return err
	}
	now := r.Now()
	content, err := f.notice(id, now.In(r.Chile))
	if err != nil {
		return err
	}
	at := now.Add(noticeAfter)
	err = due.Put(ctx, r.State, at, content, Notify, Parts(f.company, id)...)
	if err != nil && !errors.Is(err, store.ErrExists) { // raised in the same minute
		return fmt.Errorf("raise %s: %w", id, err)
	}
	if r.Logger != nil && err == nil {
		r.Logger.InfoContext(ctx, "alert raised", "alert", f.kind, "rut_emisor", f.company.RUT.String(), "environment", f.company.Env, "event_id", id)
	}
	if err := r.Events.Publish(ctx, topicOf(f.kind), event.AlertRaised{Company: f.company, ID: id, Due: at}); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrSilent, id, err)
	}
	return nil
}

// topicOf is where notify is woken: purchases have a topic of their own.
func topicOf(k event.Kind) event.Topic {
	if k == event.DocumentReceived {
		return event.DTEReceived
	}
	return event.CompanyAlert
}

// ErrSilent says that an alert is stored and only its wake-up was not published.
var ErrSilent = errors.New("alert: no wake-up for notify")

// notice is the event as callers see it.
func (f fact) notice(id store.EventID, at time.Time) ([]byte, error) {
	f.data["company"], f.data["environment"] = f.company.RUT, f.company.Env
	data, err := json.Marshal(f.data)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", id, err)
	}
	return json.Marshal(event.Notice{ID: string(id), Event: f.kind, At: at.Format(time.RFC3339), Data: data})
}

// Parts name an alert in due entries.
func Parts(c store.Company, id store.EventID) []string {
	return []string{NoticeOf, string(c.Env), c.RUT.String(), string(id)}
}

// ParseParts reads what Parts wrote; more parts may follow.
func ParseParts(parts []string) (store.Company, store.EventID, error) {
	if len(parts) < 4 || parts[0] != NoticeOf {
		return store.Company{}, "", fmt.Errorf("alert: %q names none", parts)
	}
	r, err := rut.Parse(parts[2])
	c := store.Company{Env: store.Environment(parts[1]), RUT: r}
	id := store.EventID(parts[3])
	if err != nil || !c.Env.Valid() || !id.Valid() || !strings.HasPrefix(string(id), parts[1]+"."+r.String()+".") {
		return store.Company{}, "", fmt.Errorf("alert: %q names none", parts)
	}
	return c, id, nil
}
