package sii

import (
	"fmt"
	"sync"
	"time"

	"timbre/emulators/sii/faults"
)

// Dials are how slow the SII is, apart from any fault.
type Dials struct {
	UploadDelay  faults.Duration `json:"upload_delay"`  // real time that each upload takes before it is answered
	VerdictDelay faults.Duration `json:"verdict_delay"` // from reception to EPR, whatever the speed; 0: by the speed
}

// dials can be turned while the simulator runs.
type dials struct {
	mu  sync.Mutex
	set Dials
}

func newDials(d Dials) *dials { return &dials{set: d} }

func (d *dials) get() Dials {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.set
}

func (d *dials) turn(to Dials) error {
	if to.UploadDelay < 0 || to.VerdictDelay < 0 {
		return fmt.Errorf("%w: negative delay", ErrChange)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set = to
	return nil
}

func (d *dials) uploadDelay() time.Duration { return time.Duration(d.get().UploadDelay) }

func (d *dials) verdictDelay() time.Duration { return time.Duration(d.get().VerdictDelay) }
