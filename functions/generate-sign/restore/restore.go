package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/journal"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// atOnce bounds the storage calls of a company at a time.
	atOnce = 32
	// progressEvery is how often the counts so far are logged.
	progressEvery = 5 * time.Second
	// tellAfter is how old the last change of a document may be for callers to be told of it anew: a webhook
	// that failed was tried for three days.
	tellAfter = 4 * 24 * time.Hour
)

// Options are what a run needs; all but Dry are required.
type Options struct {
	State, Archive *store.Bucket
	Logger         *slog.Logger
	Now            func() time.Time
	// Dry only reads and counts.
	Dry bool
}

// ErrIncomplete says that companies were left closed because of what a person must look at first.
var ErrIncomplete = errors.New("restore: some companies were not restored")

// run is one restoration.
type run struct {
	Options
	ledger *folio.Ledger
	began  time.Time
	report counter
}

// Run makes the state again and tells what it found. The report is true also after an error, which a
// second run may survive.
func Run(ctx context.Context, o Options) (Report, error) {
	r := &run{
		Options: o, ledger: folio.New(o.State, o.Logger, o.Now, folio.Options{}), began: o.Now(),
	}
	ctx, stop := context.WithCancel(ctx)
	progress := make(chan struct{})
	go func() {
		defer close(progress)
		r.tellProgress(ctx)
	}()
	err := r.all(ctx)
	stop()
	<-progress
	report := r.report.sum()
	if err == nil && len(report.Conflicts) > 0 {
		err = fmt.Errorf("%w: %d conflicts", ErrIncomplete, len(report.Conflicts))
	}
	return report, err
}

func (r *run) tellProgress(ctx context.Context) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.Logger.InfoContext(ctx, "restoring", "counts", r.report.sum())
		}
	}
}

func (r *run) all(ctx context.Context) error {
	companies, err := r.companies(ctx)
	if err != nil {
		return err
	}
	tell := map[rut.RUT][]told{}
	closed := map[rut.RUT]bool{}
	for _, c := range companies {
		if err := r.company(ctx, c, tell, closed); err != nil {
			return fmt.Errorf("restore %s in %s: %w", c.RUT, c.Env, err)
		}
	}
	return r.open(ctx, tell, closed)
}

// companies lists those that the archive has anything of.
func (r *run) companies(ctx context.Context) ([]store.Company, error) {
	seen := map[store.Company]bool{}
	var all []store.Company
	roots := []string{store.ReceivedRoot, store.SignedRoot, store.KeptOrderRoot, store.KeptPlanRoot, store.KeptReservationRoot, store.KeptVoidRoot}
	for _, root := range roots {
		for _, env := range []store.Environment{store.Certificacion, store.Produccion} {
			found, err := r.Archive.Prefixes(ctx, root+string(env)+"/")
			if err != nil {
				return nil, err
			}
			for _, prefix := range found {
				who, err := rut.Parse(strings.Split(prefix, "/")[2])
				if err != nil {
					return nil, fmt.Errorf("%s: %w", prefix, err)
				}
				if c := (store.Company{Env: env, RUT: who}); !seen[c] {
					seen[c] = true
					all = append(all, c)
				}
			}
		}
	}
	return all, nil
}

// company restores one in one environment, all but its configuration.
func (r *run) company(ctx context.Context, c store.Company, tell map[rut.RUT][]told, closed map[rut.RUT]bool) error {
	b, err := r.read(ctx, c)
	if err != nil {
		return err
	}
	before := len(r.report.sum().Conflicts)
	steps := []func(context.Context, *books) error{
		r.writePlans, r.writeDocuments, r.writeDue, r.writeVoids, r.writeReservations, r.beginLogs,
	}
	for _, step := range steps {
		if err := step(ctx, b); err != nil {
			return err
		}
	}
	tell[c.RUT] = append(tell[c.RUT], b.tell...)
	closed[c.RUT] = closed[c.RUT] || len(r.report.sum().Conflicts) > before
	return nil
}

// beginLogs lets the numbers of logs that callers read go on above all that were given out: there is less
// than one entry a second.
func (r *run) beginLogs(ctx context.Context, b *books) error {
	for _, log := range []string{event.Log, received.LogReceived, received.LogQuarantine, received.LogFiles} {
		err := r.unlessDry(func() error { return journal.New(r.State, log).Begin(ctx, b.company, r.began.Unix()) })
		if err != nil {
			return fmt.Errorf("begin log %s: %w", log, err)
		}
	}
	return nil
}

// each calls do for all, some at a time.
func each[T any](ctx context.Context, all []T, do func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, one := range all {
		g.Go(func() error { return do(ctx, one) })
	}
	return g.Wait()
}
