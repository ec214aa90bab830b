package send_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"timbre/functions/send"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/store"
)

// listed is a state bucket where something happens at each look at the outbox.
type listed struct {
	store.Driver
	looks atomic.Int64
	at    func(look int64)
}

func (d *listed) List(ctx context.Context, q store.Query) (store.Page, error) {
	if strings.HasPrefix(q.Prefix, store.OutboxRoot) && q.Limit == 0 {
		d.at(d.looks.Add(1))
	}
	return d.Driver.List(ctx, q)
}

func patient(c *send.Config) { c.Gather = time.Hour }

// TestBurstGoesTogether: documents that come one after another go out in one envelope, as long as each look at
// the outbox finds more.
func TestBurstGoesTogether(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	d := &listed{Driver: r.drivers.state, at: func(look int64) {
		if look < 3 {
			r.sign(dte.Factura, 2+look)
		}
	}}
	all := []store.DocumentID{r.sign(dte.Factura, 1), r.sign(dte.Factura, 2)}
	r.handler = r.instance(drivers{d, r.drivers.archive}, patient)
	r.push(all[0])
	for folio := range int64(4) {
		r.want(r.id(dte.Factura, folio+1), event.StatusSent, "0000000001")
	}
	if n := r.sii.count(); n != 1 || len(r.sii.uploads[0].documents) != 4 {
		t.Errorf("%d uploads, the first of %v", n, r.sii.uploads[0].documents)
	}
}

// TestComingDocumentIsAwaited: an entry whose document is being made announces that there is more.
func TestComingDocumentIsAwaited(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.sign(dte.Factura, 1)
	entry := store.Outbox(store.DTE, r.id(dte.Factura, 2))
	if _, err := r.state.Create(t.Context(), entry, nil, nil); err != nil {
		t.Fatal(err)
	}
	d := &listed{Driver: r.drivers.state, at: func(look int64) {
		if look == 2 {
			r.sign(dte.Factura, 2)
		}
	}}
	r.handler = r.instance(drivers{d, r.drivers.archive}, patient)
	r.push(first)
	if n := r.sii.count(); n != 1 || len(r.sii.uploads[0].documents) != 2 {
		t.Errorf("%d uploads, the first of %v", n, r.sii.uploads[0].documents)
	}
}

// TestLoneDocumentWaitsForNobody counts the looks at the outbox until a document goes out: one that comes alone,
// and one beside what a dead process left.
func TestLoneDocumentWaitsForNobody(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]int64{"alone": 0, "beside an entry without document": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			if left > 0 {
				if _, err := r.state.Create(t.Context(), store.Outbox(store.DTE, r.id(dte.Factura, 2)), nil, nil); err != nil {
					t.Fatal(err)
				}
			}
			uploadedAt := int64(0)
			d := &listed{Driver: r.drivers.state, at: func(int64) {}}
			r.sii.script = func(int, upload) *answer {
				uploadedAt = d.looks.Load()
				return nil
			}
			r.handler = r.instance(drivers{d, r.drivers.archive}, patient)
			r.push(r.sign(dte.Factura, 1))
			if uploadedAt != 1+left {
				t.Errorf("uploaded after %d looks, want %d", uploadedAt, 1+left)
			}
		})
	}
}

// slow keeps back the writes that tell a document that it was sent.
type slow struct {
	store.Driver
	until <-chan struct{}
}

func (d slow) Replace(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, "doc/") && strings.HasSuffix(o.Name, "/0000000001.json") && bytes.Contains(o.Data, []byte(`"status":"sent"`)) {
		select {
		case <-d.until:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return d.Driver.Replace(ctx, o)
}

// TestNextEnvelopeDoesNotWait: the next envelope is uploaded while the documents of the last one are told that
// it was received.
func TestNextEnvelopeDoesNotWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	uploading := make(chan struct{})
	r.sii.script = func(n int, _ upload) *answer {
		if n == 1 {
			close(uploading)
		}
		return nil
	}
	r.handler = r.instance(drivers{slow{r.drivers.state, uploading}, r.drivers.archive}, func(c *send.Config) { c.EnvelopeMax = 1 })
	first, second := r.sign(dte.Factura, 1), r.sign(dte.Factura, 2)
	done := make(chan int, 1)
	go func() { done <- r.pushTo(r.handler, first) }()
	select {
	case <-uploading:
	case <-time.After(20 * time.Second):
		t.Fatal("the second envelope waits for the first one's documents")
	}
	<-done
	r.want(first, event.StatusSent, "0000000001")
	r.want(second, event.StatusSent, "0000000002")
	if sent := r.events.Take(event.DTESent); len(sent) != 2 {
		t.Errorf("%d messages dte-sent, want 2", len(sent))
	}
}
