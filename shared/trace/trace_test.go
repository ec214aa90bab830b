package trace_test

import (
	"context"
	"strings"
	"testing"

	"timbre/shared/trace"
)

const (
	id     = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00-" + id + "-00f067aa0ba902b7-01"
)

func TestStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parent  string
		follows bool
	}{
		"the standard's example": {parent, true},
		"not sampled":            {strings.Replace(parent, "-01", "-00", 1), true},
		"a later version":        {"cc" + parent[2:] + "-more", true},
		"version 00 with more":   {parent + "-more", false},
		"version ff":             {"ff" + parent[2:], false},
		"no trace":               {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
		"no parent":              {"00-" + id + "-0000000000000000-01", false},
		"capitals":               {strings.ToUpper(parent), false},
		"none":                   {"", false},
	} {
		s := trace.Start(c.parent)
		if (s.TraceID() == id) != c.follows {
			t.Errorf("%s: trace %s", name, s.TraceID())
		}
		if len(s.TraceID()) != 32 || len(s.ID()) != 16 || s.ID() == "00f067aa0ba902b7" {
			t.Errorf("%s: %s", name, s.Traceparent())
		}
		if again := trace.Start(s.Traceparent()); again.TraceID() != s.TraceID() || again.Sampled() != s.Sampled() {
			t.Errorf("%s: %s does not follow %s", name, again.Traceparent(), s.Traceparent())
		}
	}
	if !trace.Start(parent).Sampled() || trace.Start("").Sampled() {
		t.Error("the flag is not kept")
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if trace.Parent(ctx) != "" || trace.Follow(ctx, "") != ctx {
		t.Error("a context without trace has one")
	}
	ctx = trace.Follow(ctx, parent)
	if got := trace.From(ctx); got.TraceID() != id || trace.Parent(ctx) != got.Traceparent() {
		t.Errorf("%s", trace.Parent(ctx))
	}
}
