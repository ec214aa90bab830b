package sii

import (
	"sync"
	"time"

	"timbre/emulators/sii/judge"
)

// Channels: an envelope goes through DTEUpload or through the boletas' own service.
const (
	channelDTE    = "dte"
	channelBoleta = "boleta"
)

// hosts are the SII's machines for DTEs and their environments (WEBSERVICES §1).
var hosts = map[string]judge.Environment{
	"maullin.sii.cl": judge.Certification,
	"palena.sii.cl":  judge.Production,
}

func environment(name string) (judge.Environment, bool) {
	switch name {
	case "", judge.Certification.Name:
		return judge.Certification, true
	case judge.Production.Name:
		return judge.Production, true
	}
	return judge.Environment{}, false
}

// clock is Chilean time, moved by the control API and wrong by a skew.
type clock struct {
	base func() time.Time
	zone *time.Location

	mu     sync.Mutex
	offset time.Duration // what the control API moved
	skew   time.Duration // the fault
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset + c.skew).In(c.zone)
}

func (c *clock) setSkew(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = d
}

// moved is the offset that outlives a restart.
func (c *clock) moved() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = t.Sub(c.base()) - c.skew
}
