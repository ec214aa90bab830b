package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
)

// Header is the HTTP header of a traceparent.
const Header = "Traceparent"

// Span is one piece of work in a trace. The zero value is none.
type Span struct{ trace, id, flags string }

// traceparent is version 00: version, trace id, parent id, flags; what a later version appends is ignored.
var traceparent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

const (
	noTrace = "00000000000000000000000000000000"
	noSpan  = "0000000000000000"
)

// Start begins a span below the one that a traceparent names, or a trace of its own if that names none.
func Start(parent string) Span {
	m := traceparent.FindStringSubmatch(parent)
	if m == nil || m[1] == "ff" || m[2] == noTrace || m[3] == noSpan || m[1] == "00" && m[5] != "" {
		return Span{trace: random(16), id: random(8), flags: "00"}
	}
	return Span{trace: m[2], id: random(8), flags: m[4]}
}

// TraceID is that of the trace, 32 hex digits.
func (s Span) TraceID() string { return s.trace }

// ID is the span's own, 16 hex digits.
func (s Span) ID() string { return s.id }

// Sampled tells whether who began the trace keeps it.
func (s Span) Sampled() bool { return s.flags != "" && s.flags[1]&1 == 1 }

// Traceparent names the span to others; "" for none.
func (s Span) Traceparent() string {
	if s.trace == "" {
		return ""
	}
	return "00-" + s.trace + "-" + s.id + "-" + s.flags
}

type key struct{}

// With makes s the span of what is done with the context.
func With(ctx context.Context, s Span) context.Context { return context.WithValue(ctx, key{}, s) }

// From is the span of a context, the zero value if there is none.
func From(ctx context.Context) Span {
	s, _ := ctx.Value(key{}).(Span) // none is the zero value
	return s
}

// Parent is the traceparent of a context's span, to be kept in a record; "" if there is none.
func Parent(ctx context.Context) string { return From(ctx).Traceparent() }

// Follow goes on with the trace of a record; a record without one leaves the context as it is.
func Follow(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return With(ctx, Start(parent))
}

func random(bytes int) string {
	id := make([]byte, bytes)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	return hex.EncodeToString(id)
}
