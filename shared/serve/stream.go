package serve

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// stream bounds the reads and writes of one request in time: each may stall for so long. A handler may
// work between them for as long as it needs, so that no deadline stands while it does (net/http would
// take it for a caller who has gone and end the context).
type stream struct {
	control *http.ResponseController
	stall   time.Duration
	// unread says that the body has not been read to its end: net/http reads on before it sends an answer.
	unread atomic.Bool
}

func newStream(w http.ResponseWriter, r *http.Request, stall time.Duration) *stream {
	s := &stream{control: http.NewResponseController(w), stall: stall}
	s.unread.Store(r.ContentLength != 0)
	return s
}

// The errors of deadlines say "unsupported": recorders of tests have none.

func (s *stream) beginRead() { _ = s.control.SetReadDeadline(time.Now().Add(s.stall)) }

func (s *stream) endRead() { _ = s.control.SetReadDeadline(time.Time{}) }

// beginWrite stays in force after the last write, as net/http buffers. Where it will read first, the
// write has its time after that.
func (s *stream) beginWrite() {
	within := s.stall
	if s.unread.Load() {
		s.beginRead()
		within *= 2
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(within))
}

func (s *stream) endWrite() {
	if s.unread.Load() {
		s.endRead()
	}
}

// body is a request's body.
type body struct {
	io.ReadCloser
	stream *stream
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.stream.beginRead()
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { //nolint:errorlint // io.Reader's contract: EOF itself
		b.stream.unread.Store(false)
	}
	b.stream.endRead()
	return n, err
}

// answer notes what is answered.
type answer struct {
	http.ResponseWriter
	stream *stream
	status int
	size   int64
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.stream.beginWrite()
	a.ResponseWriter.WriteHeader(status)
	a.stream.endWrite()
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.stream.beginWrite()
	n, err := a.ResponseWriter.Write(p)
	a.stream.endWrite()
	a.size += int64(n)
	return n, err
}

// FlushError serves http.ResponseController.
func (a *answer) FlushError() error {
	a.stream.beginWrite()
	err := a.stream.control.Flush()
	a.stream.endWrite()
	return err
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
