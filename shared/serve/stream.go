package serve

import (
	"io"
	"net/http"
	"time"
)

// stall is how long one read of a body or one write of an answer may take.
const stall = 30 * time.Second

// limit bounds a body in size and each of its reads in time.
func (s *Server) limit(w http.ResponseWriter, r *http.Request) io.ReadCloser {
	bounded := http.MaxBytesReader(w, r.Body, s.maxBody)
	return &body{ReadCloser: bounded, control: http.NewResponseController(w)}
}

// body puts a deadline on each read only, so that a handler may work on for as long as it needs.
type body struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *body) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(stall)) // unsupported by recorders of tests
	n, err := b.ReadCloser.Read(p)
	_ = b.control.SetReadDeadline(time.Time{})
	return n, err
}

// answer notes what is answered and puts a deadline on each write.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	size    int64
}

func (a *answer) extend() {
	_ = a.control.SetWriteDeadline(time.Now().Add(stall)) // unsupported by recorders of tests
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.extend()
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.extend()
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.size += int64(n)
	return n, err
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
