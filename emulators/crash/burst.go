package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"timbre/emulators/audit"
	"timbre/emulators/sii"
	"timbre/emulators/sii/faults"
)

// Load is many documents of one company that come at once.
type Load struct {
	Documents int
	Lines     int           // of each document; 0: one
	Upload    time.Duration // that the SII takes for each; its verdict takes twice as long
}

// Loads are those that are measured: a hundred and a thousand documents, and two thousand of the most lines.
var Loads = []Load{
	{Documents: 100, Upload: 10 * time.Second},
	{Documents: 1000, Upload: 10 * time.Second},
	{Documents: 2000, Lines: 60, Upload: 2 * time.Second},
}

// Burst is how fast a load is signed, sent and decided. Times are from the first order on.
type Burst struct {
	Load
	Signed  time.Duration // until the last answer 201
	Sent    time.Duration // until the last document is at the SII and we know it
	Decided time.Duration // from the SII's last verdict until we know it
	Uploads []Passage
	Unheard int              // tries that brought no answer
	Busy    float64          // processors at work until Sent, functions and emulators together
	Peak    map[string]int64 // resident memory at its highest, kB, by function
}

// Passage is one upload on the wire.
type Passage struct {
	Documents int
	From, To  time.Duration
}

// multiple is a time in uploads' time.
func (b *Burst) multiple(d time.Duration) float64 { return d.Seconds() / b.Upload.Seconds() }

func (b *Burst) String() string {
	var t strings.Builder
	fmt.Fprintf(&t, "%d documents at once, an upload takes %s: signed after %.2f s (%d tries without answer); at the SII after %.2f uploads' time",
		b.Documents, b.Upload, b.Signed.Seconds(), b.Unheard, b.multiple(b.Sent))
	var last time.Duration
	for _, u := range b.Uploads {
		fmt.Fprintf(&t, "; %d of them %.2f s later for %.2f s", u.Documents, (u.From - last).Seconds(), (u.To - u.From).Seconds())
		last = u.To
	}
	fmt.Fprintf(&t, "; noted %.2f s later; %.1f processors at work meanwhile; verdicts known %.2f uploads' time (%.1f s) after the SII has them; peak memory",
		(b.Sent - last).Seconds(), b.Busy, b.multiple(b.Decided), b.Decided.Seconds())
	for _, function := range []string{"generate-sign", "send", "poll-status"} {
		fmt.Fprintf(&t, " %s %.0f MiB", function, float64(b.Peak[function])/1024)
	}
	return t.String()
}

// atOnce is how many requests an instance of a function gets at a time, as infra/ has it.
const atOnce = 40

// RunBurst posts a load, on a stack where nothing goes wrong.
func RunBurst(ctx context.Context, o Options, l Load) (*Burst, error) {
	o.Only, o.Profile, o.Swallow, o.Direct, o.AtOnce = nil, "calm", 0, true, atOnce
	o.volatile, o.functions = true, []string{"generate-sign", "send", "poll-status"} // no webhooks: the way to the SII is measured
	o.Function = map[string]string{
		"POLL_FIRST": (l.Upload / 2).String(), "ENVELOPE_MAX": "2000", "UPLOAD_TIMEOUT": "120s", "GATHER": "1s",
		// One credential posts all: its limit would be measured, not the way to the SII.
		"RATE_PER_SECOND": "0",
	}
	dir, err := os.MkdirTemp("", "burst-*")
	if err != nil {
		return nil, err
	}
	c, err := startCluster(ctx, o, dir)
	if err != nil {
		return nil, err
	}
	b, err := c.burst(ctx, l)
	return b, errors.Join(err, c.close(), os.RemoveAll(dir))
}

func (c *cluster) burst(ctx context.Context, l Load) (*Burst, error) {
	b := &Burst{Load: l, Peak: map[string]int64{}}
	if err := c.startTicks(); err != nil {
		return b, err
	}
	c.post.calm = true
	if err := c.sii.Turn(sii.Dials{UploadDelay: faults.Duration(l.Upload), VerdictDelay: faults.Duration(2 * l.Upload)}); err != nil {
		return b, err
	}
	if err := c.storage.SetDials(dialsOf(c.options)); err != nil {
		return b, err
	}
	begin, worked := time.Now(), c.worked()
	var err error
	if b.Unheard, err = c.postAll(ctx, l); err != nil {
		return b, err
	}
	b.Signed = time.Since(begin)
	sources := audit.Sources{Storage: c.storage.URL()}
	err = await(ctx, sources, func(s map[string]int) bool { return s["sent"]+s["accepted"] == l.Documents })
	b.Sent = time.Since(begin)
	b.Busy = (c.worked() - worked).Seconds() / b.Sent.Seconds()
	if err != nil {
		return b, err
	}
	err = await(ctx, sources, func(s map[string]int) bool { return s["accepted"] == l.Documents })
	known := time.Now()
	for _, e := range c.sii.Envelopes() {
		b.Decided = known.Sub(e.ReceivedAt.Add(2 * l.Upload))
	}
	for _, u := range c.crossed.all() {
		b.Uploads = append(b.Uploads, Passage{u.documents, u.from.Sub(begin), u.to.Sub(begin)})
	}
	for name, f := range c.fleets {
		for _, i := range f.instances {
			b.Peak[name] = max(b.Peak[name], i.peak())
		}
	}
	return b, err
}

// postAll posts all at once and waits for the last answer; who gets none asks again. It returns the tries
// that brought none.
func (c *cluster) postAll(ctx context.Context, l Load) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	erps := &callers{cluster: c, client: c.client}
	var all sync.WaitGroup
	for i := range l.Documents {
		all.Go(func() {
			o := invoice(fmt.Sprintf("rafaga-%d", i), c.companies[0].RUT, 33, i).of(l.Lines)
			for {
				status, _, err := erps.post(ctx, "/v1/documents", o.body(), o.key)
				if err == nil && status/100 == 2 {
					return
				}
				if erps.unheard.Add(1); !erps.rest(ctx) {
					return
				}
			}
		})
	}
	all.Wait()
	if n := erps.gaveUp.Load(); n > 0 {
		return 0, fmt.Errorf("crash: %d orders of a burst were never answered", n)
	}
	return int(erps.unheard.Load()), nil
}

// await looks at the documents' states until they are as they should be.
func await(ctx context.Context, s audit.Sources, done func(map[string]int) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for {
		statuses, err := audit.Statuses(ctx, s)
		if err != nil {
			return fmt.Errorf("crash: the burst does not end, %v: %w", statuses, err)
		}
		if done(statuses) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most memory that the process had, 0 where the system does not tell.
func (i *instance) peak() int64 {
	found := highWater.FindStringSubmatch(i.proc("status"))
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseInt(found[1], 10, 64) // digits
	return n
}

// proc reads a file of the process below /proc, "" where there is none.
func (i *instance) proc(file string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", i.process.Pid, file))
	if err != nil {
		return ""
	}
	return string(text)
}

// clockTick is the unit of processor times below /proc on Linux.
const clockTick = 10 * time.Millisecond

// worked is the processor time that this process and the functions have used.
func (c *cluster) worked() time.Duration {
	self, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	all := ticks(string(self))
	for _, f := range c.fleets {
		for _, i := range f.instances {
			all += ticks(i.proc("stat"))
		}
	}
	return time.Duration(all) * clockTick
}

// ticks are utime and stime of a line of /proc/*/stat (proc_pid_stat(5)).
func ticks(stat string) int64 {
	_, rest, _ := strings.Cut(stat, ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)   // digits
	system, _ := strconv.ParseInt(fields[12], 10, 64) // digits
	return user + system
}
