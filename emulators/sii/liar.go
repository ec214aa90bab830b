package sii

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"timbre/emulators/sii/faults"
)

// call names what is asked, and of whom.
type call struct {
	op   string
	host string
	in   realm
}

// guarded lets scripts and faults come between a request and its answer; a
// script, which somebody wrote for this very call, goes first.
func (s *Server) guarded(c call, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.outages.hold(c.host) {
			panic(http.ErrAbortHandler) // net/http's way to cut the connection
		}
		if a, found := s.scripts.take(c.op); found {
			a.act(next, w, r)
			return
		}
		if rule, struck := s.faults.Draw(c.op, c.host, ""); struck {
			s.strike(rule, c, next, w, r)
			return
		}
		next(w, r)
	})
}

// page is what the SII's gateway shows people when it is in trouble.
const page = "<html><head><title>Servicio de Impuestos Internos</title></head>\n<body><h1>Servicio no disponible</h1></body></html>\n"

// strike makes a fault happen to a call.
func (s *Server) strike(rule faults.Rule, c call, next http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	switch rule.Fault {
	case faults.KillToken:
		s.killToken(c, r)
		next(w, r)
	case faults.Down:
		s.goDown(rule)
		panic(http.ErrAbortHandler)
	case faults.Duplicate:
		s.twice(next, w, r)
	case faults.EmptyEPR:
		rewrite(emptyEPR, next, w, r)
	case faults.Mojibake:
		rewrite(garble, next, w, r)
	default:
		answerOf(rule).act(next, w, r)
	}
}

// answerOf is a fault that needs nothing but another answer.
func answerOf(rule faults.Rule) Answer {
	switch rule.Fault {
	case faults.Delay:
		return Answer{DelayMS: rule.DelayMS}
	case faults.ResetBefore:
		return Answer{Drop: "before"}
	case faults.ResetAfter:
		return Answer{Drop: "after"}
	case faults.Empty:
		return Answer{Status: http.StatusOK, ContentType: "text/plain", Process: rule.Process}
	case faults.Error500:
		return Answer{Status: http.StatusInternalServerError, ContentType: "text/plain", Body: "Error 500", Process: rule.Process}
	case faults.TooMany:
		return Answer{Status: http.StatusTooManyRequests, Body: page, Process: rule.Process, RetryAfter: max(rule.RetryAfter, 1)}
	default: // faults.HTML
		return Answer{Status: max(rule.Status, http.StatusOK), Body: page, Process: rule.Process}
	}
}

// killToken kills the token that a request carries, in its cookie or, to the
// SOAP services, in its body.
func (s *Server) killToken(c call, r *http.Request) {
	if token := cookie(r); token != "" {
		s.auth.revoke(c.in, token)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSOAP))
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.auth.revoke(c.in, string(body))
}

// twice hands a request in two times and tells of the second: DTEUpload calls
// the file a duplicate of itself. One that is refused is refused both times.
func (s *Server) twice(next http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, s.options.MaxBytes+1<<20))
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	first := r.Clone(r.Context())
	first.Body = io.NopCloser(bytes.NewReader(body))
	next(newRecorder(), first)
	r.Body = io.NopCloser(bytes.NewReader(body))
	next(w, r)
}

// recorder keeps an answer that is changed, or lied about.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

func (d *recorder) Header() http.Header         { return d.header }
func (d *recorder) WriteHeader(status int)      { d.status = status }
func (d *recorder) Write(p []byte) (int, error) { return d.body.Write(p) }

// rewrite changes the text of an answer.
func rewrite(change func(string) string, next http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	got := newRecorder()
	next(got, r)
	body := change(got.body.String())
	for name, values := range got.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(got.status)
	_, _ = io.WriteString(w, body) // an error means that the client is gone
}

var (
	eprBody   = regexp.MustCompile(`(?s)&lt;SII:RESP_BODY&gt;.*&lt;/SII:RESP_BODY&gt;`)
	eprCounts = regexp.MustCompile(`(?s)"estadistica":\[.*\]`)
)

// emptyEPR takes the counts away: as SOAP and as JSON (WEBSERVICES §4.1 "Quirk",
// §7 "both arrays may be null").
func emptyEPR(body string) string {
	body = eprBody.ReplaceAllLiteralString(body, "")
	if !strings.Contains(body, `"estado":"EPR"`) {
		return body
	}
	return eprCounts.ReplaceAllLiteralString(body, `"estadistica":null,"detalle_rep_rech":null`)
}

var (
	glosaXML  = regexp.MustCompile(`(?:GLOSA|GLOSA_ESTADO|GLOSA_ERR)&gt;[^&]*`)
	glosaText = regexp.MustCompile(`<(?:descResp|descEvento)>[^<]*`)
	glosaJSON = regexp.MustCompile(`"(?:descripcion|detalle)":"[^"]*`)
)

// garble breaks glosas as the live servers do to accents: only codes are to be
// trusted (WEBSERVICES §1).
func garble(body string) string {
	broken := func(o string) func(string) string {
		return func(glosa string) string {
			name, text, found := strings.Cut(glosa, "gt;")
			sep := "gt;"
			if !found {
				name, text, _ = strings.Cut(glosa, `":"`)
				sep = `":"`
			}
			return name + sep + strings.ReplaceAll(text, "o", o)
		}
	}
	body = glosaXML.ReplaceAllStringFunc(body, broken("&#239;&#191;&#189;"))
	body = glosaText.ReplaceAllStringFunc(body, func(glosa string) string {
		name, text, _ := strings.Cut(glosa, ">")
		return name + ">" + strings.ReplaceAll(text, "o", "\u00ef\u00bf\u00bd")
	})
	return glosaJSON.ReplaceAllStringFunc(body, broken("\u00ef\u00bf\u00bd"))
}

// act gives a scripted answer.
func (a Answer) act(next http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	if !wait(r, time.Duration(a.DelayMS)*time.Millisecond) {
		return
	}
	if a.Drop == "after" || a.Process {
		next(newRecorder(), r)
	}
	switch {
	case a.Drop != "":
		panic(http.ErrAbortHandler)
	case a.replaces():
		a.write(w)
	default:
		next(w, r)
	}
}

// wait sleeps in real time; false means that the client went away.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// worked is the time and the room that uploads take.
func (s *Server) worked(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.slots != nil {
			select {
			case s.slots <- struct{}{}:
				defer func() { <-s.slots }()
			case <-r.Context().Done():
				return
			}
		}
		if wait(r, s.dials.uploadDelay()) {
			next(w, r)
		}
	}
}

// trouble is what happens to an envelope by the way.
func (s *state) trouble(e *Envelope) {
	rule, struck := s.faults.Draw(faults.Envelope, "", e.Environment+"/"+e.SHA256)
	switch {
	case !struck:
	case rule.Fault == faults.Lost:
		e.Lost = true
	case rule.For == 0:
		e.Stuck = faults.Duration(forEver)
	default:
		e.Stuck = rule.For
	}
}

// forEver is longer than any test.
const forEver = 100 * 365 * 24 * time.Hour
