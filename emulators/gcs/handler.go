package gcs

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// reply writes the answer to a call that went well.
type reply func(w http.ResponseWriter, r *http.Request)

func (s *Server) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/health":
			writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		case strings.HasPrefix(r.URL.Path, "/_control/"):
			s.serveControl(w, r)
		default:
			s.serveCall(w, r)
		}
	})
}

func (s *Server) serveCall(w http.ResponseWriter, r *http.Request) {
	c, err := parseCall(r)
	if err != nil {
		writeError(w, err)
		return
	}
	s.stats.add(c.bucket, c.verb)
	if !s.delay(r) {
		panic(http.ErrAbortHandler) // the caller has gone: apply nothing
	}
	if s.panel.failsBefore(c) {
		s.stats.add(c.bucket, statFaults)
		writeError(w, unavailable())
		return
	}
	answer, err := s.do(c)
	if err != nil {
		s.countRefusal(c, err)
		writeError(w, err)
		return
	}
	s.spoil(c, answer)(w, r)
}

// delay waits for the latency dial; false if the caller left meanwhile.
func (s *Server) delay(r *http.Request) bool {
	d := time.Duration(s.panel.get().Latency)
	if d == 0 {
		return r.Context().Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// spoil lets a dial turn the answer of a write that was carried out into a fault.
func (s *Server) spoil(c *call, answer reply) reply {
	if !c.writes() {
		return answer
	}
	if s.panel.dropsAfter(c) {
		s.stats.add(c.bucket, statFaults)
		return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	}
	if s.panel.failsAfter(c) {
		s.stats.add(c.bucket, statFaults)
		return func(w http.ResponseWriter, _ *http.Request) { writeError(w, unavailable()) }
	}
	return answer
}

func (s *Server) countRefusal(c *call, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		return
	}
	switch e.reason {
	case "conditionNotMet", "notModified":
		s.stats.add(c.bucket, statConditionFailed)
	case "retentionPolicyNotMet":
		s.stats.add(c.bucket, statRetained)
	case "rateLimitExceeded":
		s.stats.add(c.bucket, statRateLimited)
	}
}

func (s *Server) do(c *call) (reply, error) {
	if err := c.refuseUnsupported(); err != nil {
		return nil, err
	}
	switch c.verb {
	case verbBucketList:
		return s.listBuckets(c)
	case verbBucketInsert:
		return s.insertBucket(c)
	}
	b, err := s.buckets.get(c.bucket)
	if err != nil {
		return nil, err
	}
	return s.doIn(b, c)
}

func (s *Server) doIn(b *bucket, c *call) (reply, error) {
	switch c.verb {
	case verbBucketGet:
		return jsonReply(s.bucketResource(b)), nil
	case verbList:
		return s.listObjects(b, c)
	case verbInsert:
		return s.insert(b, c)
	}
	cond, err := c.conditions()
	if err != nil {
		return nil, err
	}
	switch c.verb {
	case verbGet:
		return s.get(b, c, cond)
	case verbRead:
		return s.read(b, c, cond)
	case verbPatch:
		return s.patch(b, c, cond)
	case verbDelete:
		return s.remove(b, c, cond)
	}
	return nil, unknownRoute(c.req)
}

func jsonReply(v any) reply {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, v) }
}

func (s *Server) listBuckets(c *call) (reply, error) {
	items := []bucketResource{}
	for _, b := range s.buckets.list(c.query.Get("prefix")) {
		items = append(items, s.bucketResource(b))
	}
	return jsonReply(map[string]any{"kind": "storage#buckets", "items": items}), nil
}

func (s *Server) insertBucket(c *call) (reply, error) {
	text, err := readLimited(c.req.Body, maxResource)
	if err != nil {
		return nil, err
	}
	var want bucketResource
	if err := json.Unmarshal(text, &want); err != nil {
		return nil, invalid("Bucket resource: %v.", err)
	}
	config := Bucket{Name: want.Name}
	if want.Retention != nil {
		config.Retention = time.Duration(want.Retention.Seconds) * time.Second
	}
	b, err := s.buckets.create(config)
	if err != nil {
		return nil, err
	}
	return jsonReply(s.bucketResource(b)), nil
}
