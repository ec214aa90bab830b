package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"timbre/emulators/audit"
	"timbre/emulators/sii"
	"timbre/emulators/sii/faults"
)

// poisoned are folios of the first company's invoices that the SII has annulled: documents that get one of
// them are rejected inside an envelope that is otherwise processed.
var poisoned = []int{7, 23, 24, 61, 150, 151, 152, 300, 444, 620}

// Result is what a campaign did and what the audit found.
type Result struct {
	*audit.Report
	Dir       string
	Kills     int
	Points    map[string]int // hits by name
	LeastHit  int
	Documents int // keys that were answered 2xx
	Settled   bool
	Problems  []string // what went wrong beside the audit
}

// Green tells whether nothing was found.
func (r *Result) Green() bool { return len(r.Violations) == 0 && len(r.Problems) == 0 }

// Run does a whole campaign. say is told what happens, a line each.
func Run(ctx context.Context, o Options, say func(format string, args ...any)) (*Result, error) {
	dir, temporary := o.Dir, o.Dir == ""
	if temporary {
		var err error
		if dir, err = os.MkdirTemp("", "crash-*"); err != nil {
			return nil, err
		}
	}
	c, err := startCluster(ctx, o, dir)
	if err != nil {
		return nil, err
	}
	result, err := c.campaign(ctx, say)
	err = errors.Join(err, c.close())
	if err == nil && temporary && result.Green() {
		return result, os.RemoveAll(dir)
	}
	return result, err
}

func (c *cluster) campaign(ctx context.Context, say func(string, ...any)) (*Result, error) {
	path := filepath.Join(c.dir, "journal.jsonl")
	journal, err := audit.OpenJournal(path)
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, journal)
	if err := c.annulFolios(); err != nil {
		return nil, err
	}
	if n := c.options.LostUploads; n > 0 {
		if err := c.sii.Fault(faults.Rule{Fault: faults.ResetAfter, Operation: "upload", Times: n}); err != nil {
			return nil, err
		}
	}
	if err := c.startTicks(); err != nil {
		return nil, err
	}
	err = c.storage.SetDials(dialsOf(c.options))
	if err != nil {
		return nil, err
	}
	erps := &callers{cluster: c, journal: journal, client: c.client}
	say("%d companies, %d instances of each function, %d callers, profile %s", len(c.companies), c.options.Instances, c.options.Clients, c.options.Profile)
	random, err := c.rage(ctx, erps, say)
	if err != nil {
		return nil, err
	}
	result := &Result{Dir: c.dir, Points: c.killer.counts(), LeastHit: c.killer.least(), Documents: int(erps.accepted.Load())}
	for _, f := range c.fleets {
		for _, i := range f.instances {
			result.Kills += int(i.deaths.Load())
		}
	}
	c.tell(erps, random, say)
	sources := audit.Sources{Storage: c.storage.URL(), SII: c.sii.ControlURL, Journals: []string{path}, Deliveries: []string{c.deliveries()}, Announced: c.options.Announced}
	if result.Settled, err = c.settle(ctx, sources, say); err != nil {
		return nil, err
	}
	if n := erps.gaveUp.Load(); n > 0 {
		result.Problems = append(result.Problems, fmt.Sprintf("%d callers were never answered", n))
	}
	if n := c.receiver.forged.Load(); n > 0 {
		result.Problems = append(result.Problems, fmt.Sprintf("%d webhooks were not signed", n))
	}
	say("audit…")
	result.Report, err = audit.Run(ctx, sources)
	return result, err
}

func (c *cluster) annulFolios() error {
	for _, folio := range poisoned {
		change := sii.FolioRange{Company: c.companies[0].RUT, Type: 33, From: folio, To: folio}
		if err := c.sii.Change("folios:annul", change); err != nil {
			return err
		}
	}
	return nil
}

// rage issues and kills until there was enough of both, and kills on for a while after the last order. It
// returns the kills at random.
func (c *cluster) rage(ctx context.Context, erps *callers, say func(string, ...any)) (int, error) {
	issuing, cancel := context.WithTimeout(ctx, c.options.Busy)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- erps.run(issuing, c.options.Clients) }()
	random := c.killUntil(issuing, func() bool { return c.enough(erps) }, func() {
		say("%d documents, %d deaths, each point at least %d times", erps.accepted.Load(), c.deaths(), c.killer.least())
	})
	cancel()
	quiet, over := context.WithTimeout(ctx, c.options.Quiet)
	defer over()
	random += c.killUntil(quiet, func() bool { return false }, func() {})
	c.killer.stop()
	say("no more kills; the callers see their requests through…")
	return random, <-done
}

// killUntil arms points and kills at random until it is enough, and counts the latter.
func (c *cluster) killUntil(ctx context.Context, enough func() bool, report func()) int {
	kill, tell := time.NewTicker(c.options.KillEvery), time.NewTicker(10*time.Second)
	defer kill.Stop()
	defer tell.Stop()
	random := 0
	for !enough() {
		select {
		case <-ctx.Done():
			return random
		case <-tell.C:
			report()
		case <-kill.C:
			if len(c.options.Only) > 0 || c.dice.chance(0.75) {
				c.killer.arm()
				continue
			}
			c.killOne()
			random++
		}
	}
	return random
}

func (c *cluster) enough(erps *callers) bool {
	return int(erps.accepted.Load()) >= c.options.Documents && c.deaths() >= c.options.Kills && c.killer.least() >= c.options.Hits
}

// victims are the functions that die at random.
var victims = []string{"generate-sign", "send", "poll-status", "notify"}

func (c *cluster) killOne() {
	f := c.fleets[victims[c.dice.below(len(victims))]]
	f.instances[c.dice.below(len(f.instances))].kill()
}

func (c *cluster) deaths() int {
	n := 0
	for _, f := range c.fleets {
		for _, i := range f.instances {
			n += int(i.deaths.Load())
		}
	}
	return n
}
