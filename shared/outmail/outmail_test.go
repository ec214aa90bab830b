package outmail_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/mail"
	"timbre/shared/dial"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/store"
)

func mustPut(t *testing.T, o *outmail.Outbox, c store.Company, l outmail.Letter) *outmail.Record {
	t.Helper()
	r, err := o.Put(t.Context(), c, l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustGet(t *testing.T, o *outmail.Outbox, c store.Company, id string) *outmail.Record {
	t.Helper()
	r, err := o.Get(t.Context(), c, store.LetterID(id))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Put again and again, by several instances, it is one mail.
func TestOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(ours, r.server.SMTPAddr())
	var boxes []*outmail.Outbox
	for range 3 {
		boxes = append(boxes, r.outbox(r.state, r.archive, sender()))
	}
	var all sync.WaitGroup
	for _, o := range boxes {
		for _, id := range []string{"a", "b", "c", "d"} {
			all.Go(func() {
				if _, err := o.Put(t.Context(), ours, letter(id)); err != nil {
					t.Error(err)
				}
				if err := o.Tick(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	r.settle(boxes[0])
	arrived := r.arrived()
	for id, copies := range arrived {
		if len(copies) != 1 {
			t.Errorf("%s came %d times", id, len(copies))
		}
	}
	if len(arrived) != 4 {
		t.Errorf("%d mails arrived, want 4", len(arrived))
	}
	first := mustGet(t, boxes[0], ours, "a")
	if first.State != outmail.Sent || first.Attempts != 1 || first.SentAt == nil || first.Claim != nil {
		t.Errorf("record %+v", first)
	}
	raw, err := boxes[0].Bytes(t.Context(), ours, "a")
	if err != nil || !strings.Contains(arrived["<"+first.MessageID+">"][0], "RespuestaDTE") && !strings.Contains(string(raw), "Auto-Submitted: auto-generated") {
		t.Errorf("bytes %q, %v", raw, err)
	}
}

// A server that is away: the mail is tried for three days, then it is dead and seen; Again sends it.
func TestPatience(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(ours, r.server.SMTPAddr())
	o := r.outbox(r.state, r.archive, sender())
	begin := r.clock()
	if err := r.server.SetFaults(mail.Faults{Refuse: 100, RefuseCode: 451}); err != nil {
		t.Fatal(err)
	}
	mustPut(t, o, ours, letter("a"))
	var looks []time.Duration
	for range 80 * 60 {
		before := mustGet(t, o, ours, "a").Attempts
		if err := o.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if mustGet(t, o, ours, "a").Attempts > before {
			looks = append(looks, r.clock().Sub(begin))
		}
		r.advance(time.Minute)
	}
	dead := mustGet(t, o, ours, "a")
	if dead.State != outmail.Dead || !strings.HasPrefix(dead.Error, mailbox.ErrLater.Code()) || len(looks) != dead.Attempts {
		t.Errorf("record %+v after looks at %v", dead, looks)
	}
	if last := looks[len(looks)-1]; len(looks) < 7 || last < 40*time.Hour || last > 72*time.Hour {
		t.Errorf("looks at %v", looks)
	}
	list, next, err := o.List(t.Context(), ours, "", outmail.Dead, 10)
	if err != nil || len(list) != 1 || next != "" {
		t.Errorf("dead ones: %v %q %v", list, next, err)
	}
	if err := r.server.SetFaults(mail.Faults{}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Again(t.Context(), ours, "a"); err != nil {
		t.Fatal(err)
	}
	r.settle(o)
	if got := mustGet(t, o, ours, "a"); got.State != outmail.Sent || len(r.arrived()["<"+got.MessageID+">"]) != 1 {
		t.Errorf("record %+v, arrived %v", got, r.arrived())
	}
	if _, err := o.Again(t.Context(), ours, "a"); !errors.Is(err, outmail.ErrNotDead) {
		t.Errorf("again of a mail that was sent: %v", err)
	}
}

// A lost answer: the mail comes twice, with one Message-ID and the same bytes.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(ours, r.server.SMTPAddr())
	o := r.outbox(r.state, r.archive, sender())
	if err := r.server.SetFaults(mail.Faults{HangUp: 1}); err != nil {
		t.Fatal(err)
	}
	first := mustPut(t, o, ours, letter("a"))
	r.settle(o)
	copies := r.arrived()["<"+first.MessageID+">"]
	if len(copies) != 2 || copies[0] != copies[1] {
		t.Errorf("copies %q", copies)
	}
	if got := mustGet(t, o, ours, "a"); got.State != outmail.Sent || got.Attempts != 2 {
		t.Errorf("record %+v", got)
	}
}

// hole takes connections and says nothing.
func hole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// One dead server with many mails slows nobody: the other company's mail goes out in the same tick, and of the
// many at most those that were on their way when the server was found dead are tried.
func TestDeadServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(ours, hole(t))
	r.company(others, r.server.SMTPAddr())
	quick := mailbox.NewSender(dial.New(dial.Options{AllowPrivate: true}).DialContext, 200*time.Millisecond)
	o := r.outbox(r.state, r.archive, quick)
	for _, id := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		mustPut(t, o, ours, letter(id))
	}
	mustPut(t, o, others, letter("z"))
	begin := time.Now()
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("the tick took %v", took)
	}
	if got := mustGet(t, o, others, "z"); got.State != outmail.Sent {
		t.Errorf("the other company's mail: %+v", got)
	}
	tried := 0
	for _, id := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		tried += mustGet(t, o, ours, id).Attempts
	}
	if tried < 1 || tried > 4 {
		t.Errorf("%d tries at a dead server", tried)
	}
}

// The guarded dialer stands between: a tenant's private address is never connected to.
func TestGuarded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(ours, r.server.SMTPAddr())
	o := r.outbox(r.state, r.archive, mailbox.NewSender(dial.New(dial.Options{}).DialContext, time.Second))
	mustPut(t, o, ours, letter("a"))
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := mustGet(t, o, ours, "a"); got.State != outmail.Waiting || got.Attempts != 1 || !strings.Contains(got.Error, "not a public address") {
		t.Errorf("record %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := r.outbox(r.state, r.archive, sender())
	r.company(ours, r.server.SMTPAddr())
	r.companies[ours.RUT].Intercambio.SMTP = nil
	if _, err := o.Put(t.Context(), ours, letter("a")); !errors.Is(err, outmail.ErrNoServer) || !errors.Is(o.CanSend(t.Context(), ours.RUT), outmail.ErrNoServer) {
		t.Errorf("without server: %v", err)
	}
	r.company(ours, r.server.SMTPAddr())
	bad := letter("a")
	bad.Mail.To = "x\r\nBcc: y@z"
	for _, l := range []outmail.Letter{letter("../a"), letter(""), bad} {
		if _, err := o.Put(t.Context(), ours, l); err == nil {
			t.Errorf("%q to %q was written", l.ID, l.Mail.To)
		}
	}
	if n := r.state.Len() + r.archive.Len(); n != 0 {
		t.Errorf("refusals left %d objects", n)
	}
	if _, err := o.Get(t.Context(), ours, "../a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Pages of the list hold every mail once.
func TestList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.company(ours, r.server.SMTPAddr())
	o := r.outbox(r.state, r.archive, sender())
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		mustPut(t, o, ours, letter(id))
	}
	var seen []string
	for after, pages := store.LetterID(""), 0; pages < 10; pages++ {
		list, next, err := o.List(t.Context(), ours, after, "", 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range list {
			seen = append(seen, string(record.ID))
		}
		if after = next; after == "" {
			break
		}
	}
	if got := strings.Join(seen, ""); got != "abcde" {
		t.Errorf("pages hold %s", got)
	}
}
