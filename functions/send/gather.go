package send

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/dispatch"
)

// gatherPause is the distance between looks at an outbox that fills.
const gatherPause = 50 * time.Millisecond

// gather looks at the outbox until a look finds no more than the one before, or enough for an envelope: a burst
// goes out together. A document that comes alone waits for nobody.
func (s *service) gather(ctx context.Context, c dispatch.Chain, from sender, told *telling) (*batch, error) {
	b, end := newBatch(s, c, from, told), time.Now().Add(s.cfg.Gather)
	for seen := 1; ; {
		if err := b.collect(ctx); err != nil {
			return nil, err
		}
		n := len(b.fresh) + b.coming
		if n <= seen || b.full() || b.from.obstacle != "" || !time.Now().Before(end) {
			return b, nil
		}
		seen = n
		select {
		case <-time.After(gatherPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// telling is how documents hear of envelopes that the SII took, while the chain goes on. A failure ends the run,
// and the next one finds their entries in the outbox.
type telling struct {
	errgroup.Group
	envelopes map[int64]bool // begun
}

func (t *telling) begin(envelope int64, settle func() error) {
	t.envelopes[envelope] = true
	t.Go(settle)
}
