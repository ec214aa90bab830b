package downloadreceived_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

// wire is the net between the function and the SII: it counts calls and codes of the register, and cuts.
type wire struct {
	*httptest.Server

	mu    sync.Mutex
	calls map[string]int // by operation
	codes map[int]int    // codResp, by how often it came
	mute  map[string]int // operations that get no usable answer, and how often
	cut   string         // "before" or "after": the next call of ingresar is cut
}

var (
	operation = regexp.MustCompile(`<ws:(\w+)>`)
	codResp   = regexp.MustCompile(`<codResp>(-?\d+)</codResp>`)
)

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	w := &wire{calls: map[string]int{}, codes: map[int]int{}, mute: map[string]int{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		op := ""
		if m := operation.FindSubmatch(body); m != nil {
			op = string(m[1])
		}
		cut, muted := w.meet(op)
		if muted {
			out.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(out, "<html><br></html>")
			return
		}
		if cut == "before" {
			panic(http.ErrAbortHandler)
		}
		request, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.String(), bytes.NewReader(body))
		if err != nil {
			panic(err)
		}
		request.Header = r.Header.Clone()
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer response.Body.Close() //nolint:errcheck // read below
		data, _ := io.ReadAll(response.Body)
		if cut == "after" {
			panic(http.ErrAbortHandler)
		}
		w.saw(data)
		for name, values := range response.Header {
			out.Header()[name] = values
		}
		out.WriteHeader(response.StatusCode)
		_, _ = out.Write(data)
	}))
	w.Server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	t.Cleanup(w.Close)
	return w
}

func (w *wire) meet(op string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if op == "" {
		return "", false
	}
	w.calls[op]++
	if w.mute[op] > 0 {
		w.mute[op]--
		return "", true
	}
	cut := ""
	if op == opEnter {
		cut, w.cut = w.cut, ""
	}
	return cut, false
}

func (w *wire) saw(data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := codResp.FindSubmatch(data); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		w.codes[n]++
	}
}

// silence lets operations go without a usable answer, so many calls each.
func (w *wire) silence(calls int, ops ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, op := range ops {
		w.mute[op] = calls
	}
}

func (w *wire) cutNext(when string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = when
}

func (w *wire) count(op string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[op]
}

// seen copies the codes that came over the wire.
func (w *wire) seen(into map[int]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for code, n := range w.codes {
		into[code] += n
	}
}
