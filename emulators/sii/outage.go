package sii

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"timbre/emulators/sii/faults"
)

// outages are the times, by the simulated clock, in which hosts cannot be
// reached. The host "" stands for all: then nobody listens at all.
type outages struct {
	clock *clock
	mu    sync.Mutex
	until map[string]time.Time
}

// hold says whether a host is down.
func (o *outages) hold(host string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.now()
	return now.Before(o.until[""]) || now.Before(o.until[host])
}

// begin notes an outage; false means that there is one already.
func (o *outages) begin(host string, length time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.now()
	if now.Before(o.until[host]) {
		return false
	}
	o.until[host] = now.Add(length)
	return true
}

func (o *outages) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.until)
}

// goDown starts an outage: of one host, whose requests are cut, or of the SII,
// where connections are refused.
func (s *Server) goDown(rule faults.Rule) {
	length := time.Duration(rule.For)
	if length == 0 {
		length = forEver
	}
	if !s.outages.begin(rule.Host, length) || rule.Host != "" {
		return
	}
	s.log.Warn("outage", slog.Duration("length", length))
	s.down.Lock()
	defer s.down.Unlock()
	_ = s.listener.Close() // it may be closed already, when the server stops
	s.background.Go(s.comeBack)
}

// glance is how often something that waits for simulated time looks at the clock.
const glance = 10 * time.Millisecond

// comeBack waits for the end of an outage and listens again at the same address.
func (s *Server) comeBack() {
	for s.pause(glance) {
		if s.outages.hold("") {
			continue
		}
		again, err := net.Listen("tcp", s.address)
		if err != nil {
			continue // somebody's outgoing connection may hold the port for a moment
		}
		s.down.Lock()
		s.listener = again
		s.down.Unlock()
		go s.serve(s.services, again)
		return
	}
}

// pause sleeps; false means that the server stops.
func (s *Server) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stop:
		return false
	}
}
