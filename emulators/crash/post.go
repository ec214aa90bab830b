package crash

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// lateness is how much later than another one a message may come.
	lateness = 600 * time.Millisecond
	// Shares of the messages that come late, come twice, and are reported lost though they came.
	lateShare, doubleShare, lostShare = 0.4, 0.25, 0.05
)

// post carries pushes from Pub/Sub to the fleets, badly: late, so that they overtake one another, doubled,
// reported as lost when they were not, and sometimes not at all.
type post struct {
	fleets  map[string]*fleet
	dice    *dice
	client  *http.Client
	swallow float64 // share of messages that nobody gets
	calm    bool    // carries well
	carried atomic.Int64
	doubled atomic.Int64
	late    atomic.Int64
	lost    atomic.Int64
	never   atomic.Int64 // were swallowed
}

// ServeHTTP takes /{function}/_push/{topic}.
func (p *post) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	function, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f, found := p.fleets[function]
	body, err := io.ReadAll(r.Body)
	if err != nil || !found {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.carried.Add(1)
	if p.calm {
		w.WriteHeader(p.carry(f.url+"/"+path, r.Header, body))
		return
	}
	if p.dice.chance(p.swallow) {
		p.never.Add(1)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if p.dice.chance(doubleShare) {
		p.doubled.Add(1)
		go func() {
			time.Sleep(p.dice.upTo(2 * lateness))
			p.carry(f.url+"/"+path, r.Header, body)
		}()
	}
	if p.dice.chance(lateShare) {
		p.late.Add(1)
		time.Sleep(p.dice.upTo(lateness))
	}
	status := p.carry(f.url+"/"+path, r.Header, body)
	if p.dice.chance(lostShare) {
		p.lost.Add(1)
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
}

// carry hands one copy over and tells the answer.
func (p *post) carry(to string, header http.Header, body []byte) int {
	request, err := http.NewRequest(http.MethodPost, to, bytes.NewReader(body)) //nolint:noctx // the function bounds it
	if err != nil {
		return http.StatusInternalServerError
	}
	request.Header = header.Clone()
	answer, err := p.client.Do(request)
	if err != nil {
		return http.StatusBadGateway
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}
