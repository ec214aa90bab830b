package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"

	"timbre/emulators/audit"
	"timbre/emulators/sii"
	"timbre/emulators/sii/faults"
)

// Burst is how fast many documents that come at once are signed, sent and decided.
type Burst struct {
	Documents int
	Upload    time.Duration // that the SII takes for each; its verdict takes twice as long
	Signed    time.Duration // until the last answer 201
	Sent      time.Duration // until the last document is at the SII and we know it
	Decided   time.Duration // from the SII's last verdict until we know it
	Envelopes int
	Unheard   int              // tries that brought no answer
	Peak      map[string]int64 // resident memory at its highest, kB, by function
}

func (b Burst) String() string {
	times := func(d time.Duration) float64 { return d.Seconds() / b.Upload.Seconds() }
	return fmt.Sprintf("%d documents at once, an upload takes %s: signed after %.2f s (%d tries without answer); at the SII after %.2f uploads' time, in %d envelopes; "+
		"verdicts known %.2f uploads' time after the SII has them; peak memory in kB %v",
		b.Documents, b.Upload, b.Signed.Seconds(), b.Unheard, times(b.Sent), b.Envelopes, times(b.Decided), b.Peak)
}

// RunBurst posts n invoices of one company at once, on a stack where nothing goes wrong.
func RunBurst(ctx context.Context, o Options, n int, upload time.Duration) (Burst, error) {
	o.Only, o.Profile, o.Swallow = nil, "calm", 0
	o.Function = map[string]string{"POLL_FIRST": (upload / 2).String(), "ENVELOPE_MAX": "2000", "UPLOAD_TIMEOUT": "120s"}
	dir, err := os.MkdirTemp("", "burst-*")
	if err != nil {
		return Burst{}, err
	}
	c, err := startCluster(ctx, o, dir)
	if err != nil {
		return Burst{}, err
	}
	b, err := c.burst(ctx, n, upload)
	return b, errors.Join(err, c.close(), os.RemoveAll(dir))
}

func (c *cluster) burst(ctx context.Context, n int, upload time.Duration) (Burst, error) {
	b := Burst{Documents: n, Upload: upload, Peak: map[string]int64{}}
	if err := c.startTicks(); err != nil {
		return b, err
	}
	c.post.calm = true
	if err := c.sii.Turn(sii.Dials{UploadDelay: faults.Duration(upload), VerdictDelay: faults.Duration(2 * upload)}); err != nil {
		return b, err
	}
	if err := c.storage.SetDials(dialsOf(c.options)); err != nil {
		return b, err
	}
	begin := time.Now()
	var err error
	if b.Unheard, err = c.postAll(ctx, n); err != nil {
		return b, err
	}
	b.Signed = time.Since(begin)
	sources := audit.Sources{Storage: c.storage.URL()}
	err = await(ctx, sources, func(s map[string]int) bool { return s["sent"]+s["accepted"] == n })
	b.Sent = time.Since(begin)
	if err != nil {
		return b, err
	}
	err = await(ctx, sources, func(s map[string]int) bool { return s["accepted"] == n })
	known := time.Now()
	for _, e := range c.sii.Envelopes() {
		b.Envelopes++
		b.Decided = known.Sub(e.ReceivedAt.Add(2 * upload))
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
func (c *cluster) postAll(ctx context.Context, n int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	erps := &callers{cluster: c, client: c.client}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			o := invoice(fmt.Sprintf("rafaga-%d", i), c.companies[0].RUT, 33, i)
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
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		statuses, err := audit.Statuses(ctx, s)
		if err != nil {
			return fmt.Errorf("crash: the burst does not end, %v: %w", statuses, err)
		}
		if done(statuses) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most memory that the process had, 0 where the system does not tell.
func (i *instance) peak() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.process.Pid))
	found := highWater.FindSubmatch(text)
	if err != nil || found == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(found[1]), 10, 64) // digits
	return n
}
