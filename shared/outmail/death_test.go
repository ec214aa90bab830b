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
	"timbre/shared/store/storetest"
)

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
			s := &story{rig: r, id: fmt.Sprintf("m%d.%d", n, variant), life: storetest.NewLife(n, variant&1 > 0), repeat: variant&2 > 0, two: variant&4 > 0}
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
	life        *storetest.Life
	id          string
	repeat, two bool
}

// run tells whether the process lived, and how often the mail came.
func (s *story) run() (bool, int) {
	s.Helper()
	s.state, s.archive = store.NewMemory(), store.NewMemory()
	real, acted := sender(), false
	dying := s.outbox(s.life.Bucket(s.state), s.life.Bucket(s.archive), sendFunc(func(ctx context.Context, server mailbox.Server, from string, to []string, raw []byte) error {
		var err error
		s.life.Act(func() {
			acted = true
			if err = real.Send(ctx, server, from, to, raw); err != nil {
				s.Error(err)
			}
		})
		return err
	}))
	put := false
	alive := !s.life.Run(func() {
		if _, err := dying.Put(s.Context(), ours, letter(s.id)); err != nil {
			s.Error(err)
		}
		put = true
		if err := dying.Tick(s.Context()); err != nil {
			s.Error(err)
		}
	})
	s.life.Kill() // whoever still runs in it
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
	return alive, s.judge(heirs[0], put || s.repeat, acted)
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
