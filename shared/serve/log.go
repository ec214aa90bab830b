package serve

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"timbre/shared/problem"
	"timbre/shared/trace"
)

type notesKey struct{}

// notes are what the log lines of one request carry.
type notes struct {
	requestID string

	mu    sync.Mutex
	span  trace.Span
	attrs []slog.Attr
}

// Note adds attributes to the log line of the request, as rut_emisor or folio.
func Note(ctx context.Context, attrs ...slog.Attr) {
	if n, ok := ctx.Value(notesKey{}).(*notes); ok {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.attrs = append(n.attrs, attrs...)
	}
}

// RequestID is the id of the request, "" outside one.
func RequestID(ctx context.Context) string {
	if n, ok := ctx.Value(notesKey{}).(*notes); ok {
		return n.requestID
	}
	return ""
}

var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// withNotes goes on with the caller's trace or begins one. It takes the caller's request id if that is
// harmless, else the trace id.
func withNotes(ctx context.Context, r *http.Request) (context.Context, *notes) {
	n := &notes{requestID: r.Header.Get(problem.RequestIDHeader), span: trace.Start(r.Header.Get(trace.Header))}
	if !wellFormedID.MatchString(n.requestID) {
		n.requestID = n.span.TraceID()
	}
	return trace.With(context.WithValue(ctx, notesKey{}, n), n.span), n
}

// adopt goes on with the trace that a message carries, for the request's own line too.
func adopt(ctx context.Context, parent string) context.Context {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if parent == "" || !ok {
		return ctx
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.span = trace.Start(parent)
	return trace.With(ctx, n.span)
}

// NewLogger writes JSON lines with Cloud Logging's keys; lines of a request carry its id and trace.
func NewLogger(w io.Writer, project string) *slog.Logger {
	lines := slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: cloudKeys})
	return slog.New(&logHandler{Handler: lines, project: project})
}

func cloudKeys(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		return slog.String("severity", strings.Replace(a.Value.String(), "WARN", "WARNING", 1))
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

type logHandler struct {
	slog.Handler
	project string
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	record = record.Clone()
	if n, ok := ctx.Value(notesKey{}).(*notes); ok {
		record.AddAttrs(slog.String("request_id", n.requestID))
	}
	if span := trace.From(ctx); span != (trace.Span{}) {
		record.AddAttrs(
			slog.String("logging.googleapis.com/trace", "projects/"+h.project+"/traces/"+span.TraceID()),
			slog.String("logging.googleapis.com/spanId", span.ID()),
			slog.Bool("logging.googleapis.com/trace_sampled", span.Sampled()),
		)
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{Handler: h.Handler.WithAttrs(attrs), project: h.project}
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{Handler: h.Handler.WithGroup(name), project: h.project}
}

// logRequest writes the line of a request: the route, never the path, which holds RUTs.
func (s *Server) logRequest(r *http.Request, a *answer, begin time.Time) {
	level := levelOf(a.status, r.Pattern)
	ctx := r.Context()
	if !s.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.Group("httpRequest",
		slog.String("requestMethod", r.Method),
		slog.String("requestUrl", route(r.Pattern)),
		slog.Int("status", a.status),
		slog.String("responseSize", strconv.FormatInt(a.size, 10)),
		slog.String("latency", strconv.FormatFloat(time.Since(begin).Seconds(), 'f', 6, 64)+"s"),
	)}
	n, _ := ctx.Value(notesKey{}).(*notes) // ServeHTTP put them there
	n.mu.Lock()
	attrs = append(attrs, n.attrs...)
	ctx = trace.With(ctx, n.span)
	n.mu.Unlock()
	s.logger.LogAttrs(ctx, level, "request", attrs...)
}

// levelOf keeps quiet about health checks and ticks that went well. What went wrong has a line of its own.
func levelOf(status int, pattern string) slog.Level {
	frequent := pattern == HealthPath || pattern == ReadyPath || strings.HasSuffix(pattern, TickPath)
	if frequent && status < http.StatusBadRequest {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// route is the path of a pattern, as /v1/companies/{rut}.
func route(pattern string) string {
	if _, path, found := strings.Cut(pattern, " "); found {
		return path
	}
	return pattern
}
