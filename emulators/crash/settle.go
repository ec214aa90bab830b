package crash

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"timbre/emulators/audit"
	"timbre/emulators/gcs"
)

func dialsOf(o Options) gcs.Dials {
	return gcs.Dials{Latency: gcs.Duration(o.Latency), WritesPerSecond: o.WritesPerSecond}
}

const (
	lookEvery = 2 * time.Second
	// operatorEvery is how often somebody presses the two buttons that an operator has.
	operatorEvery = 6 * time.Second
)

// settle waits until nothing moves any more; false if that took too long.
func (c *cluster) settle(ctx context.Context, s audit.Sources, say func(string, ...any)) (bool, error) {
	begin, pressed := time.Now(), time.Now()
	var open audit.Open
	var pressing sync.Map
	for time.Since(begin) < c.options.Settle {
		var err error
		if open, err = audit.Unsettled(ctx, s); err != nil {
			return false, err
		}
		if open.Nothing() {
			say("settled after %.0f s", time.Since(begin).Seconds())
			return true, c.storage.SetDials(gcs.Dials{})
		}
		if time.Since(pressed) > operatorEvery {
			pressed = time.Now()
			say("still open: %s", open)
			c.press(ctx, &pressing, "poll-status", "/v1/status:sweep")
			c.press(ctx, &pressing, "send", "/v1/outbox:flush")
		}
		time.Sleep(lookEvery)
	}
	say("not settled after %.0f s: %s", time.Since(begin).Seconds(), open)
	return false, c.storage.SetDials(gcs.Dials{})
}

// press does what an operator may do at any time, unless it is going on already; whether it works shows in
// what is still open.
func (c *cluster) press(ctx context.Context, pressing *sync.Map, function, path string) {
	if _, running := pressing.LoadOrStore(path, true); running {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.fleets[function].url+path, strings.NewReader("{}"))
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	request.Header.Set("Content-Type", "application/json")
	go func() {
		defer pressing.Delete(path)
		if answer, err := c.client.Do(request); err == nil {
			_ = answer.Body.Close()
		}
	}()
}

// tell prints what the campaign did.
func (c *cluster) tell(erps *callers, random int, say func(string, ...any)) {
	say("%d documents answered first, %d answers repeated, %d refused, %d orders abandoned, %d rows of batches, %d tries without answer",
		erps.accepted.Load(), erps.repeats.Load(), erps.refused.Load(), erps.abandoned.Load(), erps.rows.Load(), erps.unheard.Load())
	p := c.post
	say("%d messages pushed: %d late, %d doubled, %d falsely reported lost, %d swallowed",
		p.carried.Load(), p.late.Load(), p.doubled.Load(), p.lost.Load(), p.never.Load())
	say("%d webhooks taken, %d answered 500", c.receiver.taken.Load(), c.receiver.failed.Load())
	say("%d deaths, %d of them at random; %d calls held up", c.deaths(), random, c.killer.holdUps())
	faults := c.sii.FaultStatus()
	say("faults of the SII: %v", faults.Counts)
}
