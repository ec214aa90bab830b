package dispatch_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// before runs something before the first deletion below a prefix.
type before struct {
	store.Driver
	prefix string
	then   func()
	once   sync.Once
}

func (b *before) Delete(ctx context.Context, name string, generation int64) error {
	if strings.HasPrefix(name, b.prefix) {
		b.once.Do(b.then)
	}
	return b.Driver.Delete(ctx, name, generation)
}

func deskOn(d store.Driver, archive *store.Bucket) *dispatch.Desk {
	return &dispatch.Desk{
		State: store.NewBucket(d), Archive: archive, Events: &event.Memory{}, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return noon },
	}
}

// sending is a plan of one document that is on its way, with its outbox entry.
func sending(t *testing.T, b *store.Bucket) (*dispatch.Plan, store.DocumentID) {
	t.Helper()
	id := store.DocumentID{Series: store.Series{Company: here, Type: dte.Factura}, Folio: 1}
	r := document.Record{DocumentID: id, Answer: `{}`, Version: 1, Envelope: 1, IssueDate: "2026-11-20", Receiver: rut.SII, Total: "1", Status: event.StatusSending}
	if err := document.Create(t.Context(), b, &r); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), store.Outbox(store.DTE, id), nil, nil); err != nil {
		t.Fatal(err)
	}
	p := &dispatch.Plan{
		EnvelopeID: chain.Envelope(1), State: dispatch.Received, Tracks: []string{"7"},
		Documents: []dispatch.Item{{Type: dte.Factura, Folio: 1, Version: 1}, {Type: dte.Factura, Folio: 1, Version: 9}},
	}
	return p, id
}

// TestHandedBackWhileTheOutboxIsEmptied: whoever notes that an envelope was received is late; the SII has refused
// it meanwhile. The document keeps an entry in the outbox.
func TestHandedBackWhileTheOutboxIsEmptied(t *testing.T) {
	t.Parallel()
	memory, archive := store.NewMemory(), store.NewBucket(store.NewMemory())
	b := store.NewBucket(memory)
	p, id := sending(t, b)
	refused := *p
	refused.Refuse(dispatch.Refusal{Fault: dispatch.FaultDocuments, Code: "RSC", At: noon})
	late := &before{Driver: memory, prefix: "outbox/", then: func() {
		if err := deskOn(memory, archive).Refused(t.Context(), &refused); err != nil {
			t.Error(err)
		}
	}}
	if err := deskOn(late, archive).Received(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := deskOn(memory, archive).EmptyOutbox(t.Context(), p); err != nil { // later still
		t.Fatal(err)
	}
	r, err := document.Load(t.Context(), b, id)
	if err != nil || r.Status != event.StatusSigned {
		t.Errorf("the document is %s, %v", r.Status, err)
	}
	if stands, err := b.Exists(t.Context(), store.Outbox(store.DTE, id)); err != nil || !stands {
		t.Errorf("outbox entry stands: %v, %v", stands, err)
	}
}

// TestReceivedAfterRefused: of two attempts one was refused and one received in the end.
func TestReceivedAfterRefused(t *testing.T) {
	t.Parallel()
	memory, archive := store.NewMemory(), store.NewBucket(store.NewMemory())
	b := store.NewBucket(memory)
	p, id := sending(t, b)
	refused := *p
	refused.Refuse(dispatch.Refusal{Fault: dispatch.FaultDocuments, Code: "7", At: noon})
	desk := deskOn(memory, archive)
	if err := desk.Refused(t.Context(), &refused); err != nil {
		t.Fatal(err)
	}
	if err := desk.Received(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if r, err := document.Load(t.Context(), b, id); err != nil || r.Status != event.StatusSent || r.Track() != "7" {
		t.Errorf("the document is %s with track %q, %v", r.Status, r.Track(), err)
	}
}
