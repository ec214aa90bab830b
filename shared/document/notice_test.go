package document_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

var (
	factura = store.DocumentID{
		Series: store.Series{Company: store.Company{Env: store.Certificacion, RUT: rut.MustParse("76192083-9")}, Type: dte.Factura},
		Folio:  101,
	}
	at = time.Date(2026, 11, 24, 15, 0, 7, 0, time.UTC)
)

func stored(t *testing.T) (*store.Memory, *store.Bucket) {
	t.Helper()
	memory := store.NewMemory()
	b := store.NewBucket(memory)
	r := document.Record{
		DocumentID: factura, Answer: `{"reference":"account.move,1"}`, Status: event.StatusSigned,
		History: []document.Change{{At: at, Status: event.StatusSigned}},
	}
	if err := document.Create(t.Context(), b, &r); err != nil {
		t.Fatal(err)
	}
	return memory, b
}

// TestAnnounced: a change of the status leaves an entry of notify, named after the change; nothing else does.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	memory, b := stored(t)
	const prefix = "due/2026-11-24T15:02/notify/document/certificacion/76192083-9/33/0000000101/"
	for _, step := range []struct {
		name   string
		change func(*document.Record) error
		due    []string
	}{
		{"no change", func(*document.Record) error { return store.ErrUnchanged }, nil},
		{"refused", func(r *document.Record) error { return r.Become(event.StatusAccepted, at, "") }, nil},
		{"same status", func(r *document.Record) error { return r.Become(event.StatusSigned, at, "") }, nil},
		{"sending is told with what follows", func(r *document.Record) error { return r.Become(event.StatusSending, at, "") }, nil},
		{"sent", func(r *document.Record) error { return r.Become(event.StatusSent, at, "") }, []string{prefix + "2"}},
		{"track only", func(r *document.Record) error { r.AddTrack("7"); return nil }, []string{prefix + "2"}},
		{"accepted", func(r *document.Record) error { return r.Become(event.StatusAccepted, at, "") }, []string{prefix + "2", prefix + "3"}},
	} {
		r, err := document.Update(t.Context(), b, factura, step.change)
		if err != nil && !errors.Is(err, document.ErrTransition) {
			t.Fatal(err)
		}
		page, err := memory.List(t.Context(), store.Query{Prefix: store.DuePrefix})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range page.Objects {
			names = append(names, o.Name)
		}
		if !slices.Equal(names, step.due) {
			t.Errorf("%s: due %v, want %v", step.name, names, step.due)
		}
		if r.Seq > 0 && r.ChangedTo(r.Seq).Status != r.Status {
			t.Errorf("%s: change %d is %v", step.name, r.Seq, r.ChangedTo(r.Seq))
		}
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	_, b := stored(t)
	if _, err := document.Update(t.Context(), b, factura, func(r *document.Record) error { return r.Become(event.StatusBlocked, at, "") }); err != nil {
		t.Fatal(err)
	}
	if r, made, err := document.Settle(t.Context(), b, factura, 1); err != nil || !made || r.Fence != 0 {
		t.Errorf("a change that was made: %v, %v, fence %d", made, err, r.Fence)
	}
	if r, made, err := document.Settle(t.Context(), b, factura, 2); err != nil || made || r.Fence != 1 || r.Seq != 1 {
		t.Errorf("a change that was not made: %v, %v, %+v", made, err, r)
	}
}

func TestNoticeParts(t *testing.T) {
	t.Parallel()
	parts := document.NoticeParts(factura, 3)
	if d, seq, err := document.ParseNotice(append(parts, "1")); err != nil || d != factura || seq != 3 {
		t.Errorf("%v: %v %d %v", parts, d, seq, err)
	}
	for i := range parts {
		bad := slices.Clone(parts)
		bad[i] = "x"
		if _, _, err := document.ParseNotice(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if _, _, err := document.ParseNotice(parts[:5]); err == nil {
		t.Error("too few parts were taken")
	}
}
