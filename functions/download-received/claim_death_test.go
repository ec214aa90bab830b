package downloadreceived_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"timbre/shared/claim"
	"timbre/shared/received"
	"timbre/shared/store/storetest"
)

// doom is when a process dies: in which of its writes and calls, with or without effect, and who comes after it.
type doom struct {
	n       int
	after   bool // the last act took effect
	inTick  bool // while the tick settles a response, not while a person asks
	lost    bool // the SII's answer is lost besides
	repeats bool // the person asks again; else only ticks come
}

// TestDeathAroundTheCall kills the process at each of its writes and at the call itself. Whoever comes after brings the
// response to its end: it is at the SII once and noted as recorded, or it was never noted and is not at the SII.
func TestDeathAroundTheCall(t *testing.T) {
	t.Parallel()
	world := makeClaimWorld(t)
	for scenario := range 1 << 4 {
		d := doom{after: scenario&1 != 0, inTick: scenario&2 != 0, lost: scenario&4 != 0, repeats: scenario&8 != 0}
		if os.Getenv("WITNESS") == "" && d.lost != d.repeats {
			continue
		}
		t.Run(fmt.Sprintf("took effect %t, in the tick %t, answer lost %t, repeats %t", d.after, d.inTick, d.lost, d.repeats), func(t *testing.T) {
			t.Parallel()
			r := newClaimRig(t, world)
			for ; d.n < 40; d.n++ {
				if !r.die(d) {
					break
				}
			}
			if least := map[bool]int{false: 4, true: 5}[d.inTick]; d.n < least || d.n == 40 {
				t.Errorf("%d deaths", d.n)
			}
		})
	}
}

// die has a process die over a document of its own; false if it lived to the end.
func (r *claimRig) die(d doom) bool {
	r.t.Helper()
	folio := int64(d.n + 1)
	r.plant(folio, nil)
	r.tick()
	r.tick()
	if d.inTick { // a response that the SII did not take yet
		r.wire.silence(1, opEnter)
		r.respond(folio, claim.RCD)
		r.advance(6 * time.Minute)
	}
	if d.lost {
		r.wire.cutNext("after")
	}
	life := storetest.NewLife(d.n, d.after)
	doomed := r.instance(life.Bucket(r.memory), life)
	died := life.Run(func() {
		if d.inTick {
			call(doomed, http.MethodPost, "/_tick", nil, "")
			return
		}
		r.respondBy(doomed, folio, claim.RCD)
	})
	r.wire.cutNext("")
	if d.repeats {
		if got := r.respond(folio, claim.RCD); got.status != http.StatusOK {
			r.t.Errorf("death %d: repeated: %+v", d.n, got)
		}
	}
	for range 14 {
		r.advance(time.Minute)
		r.tick()
	}
	r.checkDeath(d, folio)
	return died
}

func (r *claimRig) checkDeath(d doom, folio int64) {
	r.t.Helper()
	states, held, record := r.states(folio), r.held(folio), r.record(folio)
	never := states == "" && held == "" && record.State == received.StateReceived && !d.repeats && !d.inTick
	once := states == "RCD recorded" && held == "RCD" && record.State == received.StateClaimed && len(record.Claims) == 1
	if d.repeats && states == "" && held == "RCD" { // the list told the one who repeated
		once = record.State == received.StateClaimed
	}
	if !never && !once {
		r.t.Errorf("death %d: responses %q, the SII holds %q, state %s, claims %+v", d.n, states, held, record.State, record.Claims)
	}
}
