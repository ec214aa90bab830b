package outmail_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/store"
)

// life is what is left of a process: it dies at its n-th act, before or after that took effect.
type life struct {
	mu    sync.Mutex
	left  int
	after bool
	dead  bool
}

// errDead is an answer that store.Bucket takes for definite: the dead do not try again.
var errDead = fmt.Errorf("the process is dead: %w", store.ErrRetained)

// act tells whether an act takes effect, and whether anybody lives to hear of it.
func (l *life) act() (done, alive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false, false
	}
	l.left--
	l.dead = l.left < 0
	return !l.dead || l.after, !l.dead
}

func (l *life) lives() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.dead
}

// mortal is the storage of a process that dies.
type mortal struct {
	store.Driver
	*life
}

func (m mortal) write(do func() (int64, error)) (int64, error) {
	done, alive := m.act()
	var n int64
	var err error
	if done {
		n, err = do()
	}
	if !alive {
		return 0, errDead
	}
	return n, err
}

func (m mortal) Create(ctx context.Context, o store.Object) (int64, error) {
	return m.write(func() (int64, error) { return m.Driver.Create(ctx, o) })
}

func (m mortal) Replace(ctx context.Context, o store.Object) (int64, error) {
	return m.write(func() (int64, error) { return m.Driver.Replace(ctx, o) })
}

func (m mortal) Delete(ctx context.Context, name string, generation int64) error {
	_, err := m.write(func() (int64, error) { return 0, m.Driver.Delete(ctx, name, generation) })
	return err
}

func (m mortal) Read(ctx context.Context, name string) (store.Object, error) {
	if !m.lives() {
		return store.Object{}, errDead
	}
	return m.Driver.Read(ctx, name)
}

func (m mortal) List(ctx context.Context, q store.Query) (store.Page, error) {
	if !m.lives() {
		return store.Page{}, errDead
	}
	return m.Driver.List(ctx, q)
}

// TestDeathAtEachStep kills a process that writes and sends a mail before and after each of its writes and at the
// sending itself. Others go on, with or without the one who asked for the mail asking again, one of them or two. A mail
// of which Put came back, or was asked for again, is sent; never with two Message-IDs or other bytes; and twice only where
// the process died between the sending and its mark.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	r := newRig(t) // one server for all; each death has its own buckets and letter
	r.company(ours, r.server.SMTPAddr())
	deaths, doubled := 0, 0
	for n := 0; ; n++ {
		lived := 0
		for variant := range 8 {
			s := &story{rig: r, id: fmt.Sprintf("m%d.%d", n, variant), life: &life{left: n, after: variant&1 > 0}, repeat: variant&2 > 0, two: variant&4 > 0}
			alive, copies := s.run()
			if alive {
				lived++
			}
			if copies == 2 {
				doubled++
			}
		}
		deaths += 8 - lived
		if lived == 8 {
			break
		}
	}
	t.Logf("%d deaths, %d mails came twice", deaths, doubled)
	if deaths < 60 || doubled == 0 || doubled > 16 {
		t.Errorf("%d deaths, %d doubled", deaths, doubled)
	}
}

type story struct {
	*rig
	*life
	id          string
	repeat, two bool
}

// run tells whether the process lived, and how often the mail came.
func (s *story) run() (bool, int) {
	s.Helper()
	s.state, s.archive = store.NewMemory(), store.NewMemory()
	real, acted := sender(), false
	dying := s.outbox(mortal{s.state, s.life}, mortal{s.archive, s.life}, sendFunc(func(ctx context.Context, server mailbox.Server, from string, to []string, raw []byte) error {
		done, alive := s.act()
		if done {
			acted = true
			if err := real.Send(ctx, server, from, to, raw); err != nil {
				s.Error(err)
			}
		}
		if !alive {
			return errDead
		}
		return nil
	}))
	_, putErr := dying.Put(s.Context(), ours, letter(s.id))
	if putErr == nil {
		_ = dying.Tick(s.Context()) // who is dead says so; the outcome is judged below
	}
	alive := s.lives()
	s.life.mu.Lock()
	s.dead = true
	s.life.mu.Unlock()
	heirs := []*outmail.Outbox{s.outbox(s.state, s.archive, real)}
	if s.two {
		heirs = append(heirs, s.outbox(s.state, s.archive, real))
	}
	if s.repeat {
		for _, o := range heirs {
			mustPut(s.T, o, ours, letter(s.id))
		}
	}
	s.inherit(heirs)
	return alive, s.judge(heirs[0], putErr == nil || s.repeat, acted)
}

// inherit lets ticks of all heirs go by for half an hour.
func (s *story) inherit(heirs []*outmail.Outbox) {
	for range 30 {
		var all sync.WaitGroup
		for _, o := range heirs {
			all.Go(func() {
				if err := o.Tick(s.Context()); err != nil {
					s.Error(err)
				}
			})
		}
		all.Wait()
		s.advance(time.Minute)
	}
	s.settle(heirs[0])
}

// judge looks into the supplier's mailbox.
func (s *story) judge(o *outmail.Outbox, wanted, acted bool) int {
	s.Helper()
	record, err := o.Get(s.Context(), ours, store.LetterID(s.id))
	if err != nil && wanted {
		s.Fatalf("%s: %v", s.id, err)
	}
	if err != nil {
		return 0
	}
	if record.State != outmail.Sent {
		s.Errorf("%s: %+v", s.id, record)
	}
	copies := s.arrived()["<"+record.MessageID+">"]
	for _, c := range copies {
		if c != copies[0] {
			s.Errorf("%s: other bytes under one Message-ID", s.id)
		}
	}
	if len(copies) < 1 || len(copies) > 2 || len(copies) == 2 && !acted {
		s.Errorf("%s came %d times", s.id, len(copies))
	}
	return len(copies)
}

// sendFunc is a Sender.
type sendFunc func(ctx context.Context, server mailbox.Server, from string, to []string, raw []byte) error

func (f sendFunc) Send(ctx context.Context, server mailbox.Server, from string, to []string, raw []byte) error {
	return f(ctx, server, from, to, raw)
}
