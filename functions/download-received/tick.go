package downloadreceived

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/due"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// maxDue bounds the due entries of a tick, tasksAtOnce those that are done at a time.
	maxDue      = 500
	tasksAtOnce = 4
	// tickBudget is when a tick begins nothing more.
	tickBudget = 40 * time.Second
)

// The kinds of due entries of the intake.
const (
	intakeOf = "intake" // a company's mailbox, by RUT
	mailOf   = "mail"   // a mail that is archived and perhaps not taken in
	siiOf    = "sii"    // a document that the SII is to be asked about
)

// pauses are the distances between attempts of a task that fails; the last one repeats.
var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour,
}

func pause(attempt int) time.Duration { return pauses[min(attempt, len(pauses)-1)] }

// work is what a due entry asks for.
type work struct {
	kind    string
	attempt int      // failures before
	parts   []string // what it is about
	entry   due.Entry
}

// task does a work. Without an error the work is done; after one it comes again, later and later, for ever.
type task func(ctx context.Context, w work) error

// plan notes work to be done not before a minute.
func (s *service) plan(ctx context.Context, at time.Time, kind string, parts ...string) error {
	return s.planAgain(ctx, at, kind, 0, parts...)
}

func (s *service) planAgain(ctx context.Context, at time.Time, kind string, attempt int, parts ...string) error {
	return due.Add(ctx, s.State, at, Name, append([]string{kind, strconv.Itoa(attempt)}, parts...)...)
}

// readWork reads an entry that plan wrote.
func readWork(e due.Entry) (work, error) {
	if len(e.Parts) < 3 {
		return work{}, fmt.Errorf("download-received: %q is no work of ours", e.Parts)
	}
	attempt, err := strconv.Atoi(e.Parts[1])
	return work{kind: e.Parts[0], attempt: attempt, parts: e.Parts[2:], entry: e}, err
}

// tick does what is due. One's trouble is not another's.
func (h *Handler) tick(ctx context.Context, _ time.Time) error {
	if err := h.schedule(ctx); err != nil {
		return err
	}
	entries, err := due.List(ctx, h.State, h.Now(), Name, maxDue)
	if err != nil {
		return err
	}
	begin, failed := time.Now(), make([]error, len(entries)+1)
	var g errgroup.Group
	g.SetLimit(tasksAtOnce + 1)
	if h.mailing.outbox != nil {
		g.Go(func() error {
			failed[len(entries)] = h.mailing.outbox.Tick(ctx)
			return nil
		})
	}
	for i, e := range byHaste(entries) {
		if time.Since(begin) > tickBudget || ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			failed[i] = h.do(ctx, e)
			return nil
		})
	}
	_ = g.Wait() // the errors are in failed
	return errors.Join(failed...)
}

// byHaste puts questions to the SII last: when it is out of order there are many, and each waits.
func byHaste(entries []due.Entry) []due.Entry {
	slow := func(e due.Entry) int {
		if e.Parts[0] == siiOf {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(entries, func(a, b due.Entry) int { return slow(a) - slow(b) })
	return entries
}

// do does one work. The next entry stands before this one goes.
func (s *service) do(ctx context.Context, e due.Entry) error {
	w, err := readWork(e)
	if err != nil {
		return err
	}
	if err := s.attempt(ctx, w); err != nil {
		s.Logger.WarnContext(ctx, "work put off", "kind", w.kind, "parts", w.parts, "attempt", w.attempt+1, "error", err)
		ctx := context.WithoutCancel(ctx)
		if err := s.planAgain(ctx, s.Now().Add(pause(w.attempt)), w.kind, w.attempt+1, w.parts...); err != nil {
			return err
		}
		return s.done(ctx, e)
	}
	return s.done(ctx, e)
}

// attempt runs a task; what strangers sent may find a fault of ours, which must not take the tick with it.
func (s *service) attempt(ctx context.Context, w work) error {
	do, known := s.tasks[w.kind]
	if !known {
		return fmt.Errorf("download-received: no task %q", w.kind)
	}
	return guarded(func() error { return do(ctx, w) })
}

// guarded turns a panic into an error with its stack.
func guarded(do func() error) error {
	var err error
	func() {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		err = do()
	}()
	return err
}

// done removes an entry; one that was renewed or removed by somebody else is his.
func (s *service) done(ctx context.Context, e due.Entry) error {
	err := due.Done(ctx, s.State, e)
	if errors.Is(err, store.ErrChanged) {
		return nil
	}
	return err
}

// schedule notes the next intake of each company. Every process does, twice a turn: entries of the same minute
// are one, and a company that was registered meanwhile gets its first.
func (s *service) schedule(ctx context.Context) error {
	now := s.Now()
	if now.Before(s.scheduled.Add(s.cfg.IntakeEvery / 2)) {
		return nil
	}
	companies, err := s.Companies.List(ctx)
	if err != nil {
		return err
	}
	for _, r := range companies {
		if err := s.plan(ctx, nextIntake(r, now, s.cfg.IntakeEvery), intakeOf, r.String()); err != nil {
			return err
		}
		if s.Register == nil {
			continue
		}
		if err := s.plan(ctx, nextIntake(r, now, registerEvery), registerOf, r.String()); err != nil {
			return err
		}
	}
	s.scheduled = now
	return nil
}

// nextIntake spreads the companies over a turn; a company has the same place in each.
func nextIntake(r rut.RUT, now time.Time, every time.Duration) time.Time {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(r.String())) // never fails (hash.Hash)
	place := time.Duration(hash.Sum32()) * time.Second % every
	return now.Add(-place).Truncate(every).Add(every + place)
}
