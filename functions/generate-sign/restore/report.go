package restore

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// Report counts what a run found in the archive and made, or would make, of it.
type Report struct {
	// Counts are by what they count, as documents, documents/accepted, plans/received.
	Counts map[string]int
	// Conflicts are what a person must look at; their companies stay closed.
	Conflicts []string
	// Lacking is what could not be made again.
	Lacking []string
}

// LogValue implements slog.LogValuer.
func (r Report) LogValue() slog.Value {
	var all []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		all = append(all, slog.Int(name, r.Counts[name]))
	}
	return slog.GroupValue(append(all, slog.Int("conflicts", len(r.Conflicts)), slog.Int("lacking", len(r.Lacking)))...)
}

// Tell logs the report: the counts last, before them each conflict and each lack. err is how the run ended.
func (r Report) Tell(ctx context.Context, logger *slog.Logger, dry bool, err error) {
	for _, text := range r.Conflicts {
		logger.ErrorContext(ctx, "conflict, a person must look", "what", text)
	}
	for _, text := range r.Lacking {
		logger.WarnContext(ctx, "not in the archive", "what", text)
	}
	if err != nil && !errors.Is(err, ErrIncomplete) {
		logger.ErrorContext(ctx, "restoration ended early, run it again", "counts", r, "error", err)
		return
	}
	logger.InfoContext(ctx, "restored", "dry_run", dry, "counts", r)
}

// counter gathers a report from many goroutines.
type counter struct {
	mu     sync.Mutex
	report Report
}

func (c *counter) count(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.report.Counts == nil {
		c.report.Counts = map[string]int{}
	}
	c.report.Counts[name] += n
}

func (c *counter) conflict(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Conflicts = append(c.report.Conflicts, text)
}

func (c *counter) lack(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Lacking = append(c.report.Lacking, text)
}

func (c *counter) sum() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Report{
		Counts: maps.Clone(c.report.Counts), Conflicts: slices.Clone(c.report.Conflicts), Lacking: slices.Clone(c.report.Lacking),
	}
}
