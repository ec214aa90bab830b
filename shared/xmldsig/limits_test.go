package xmldsig_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"timbre/shared/xmldsig"
)

// Bombs end at the DOCTYPE, before anything is expanded or kept.
func TestAttackSamples(t *testing.T) {
	t.Parallel()
	for name, b := range samples(t, "attacks") {
		var syntax *xmldsig.SyntaxError
		if _, err := xmldsig.Parse(b, xmldsig.Limits{}); !errors.As(err, &syntax) || syntax.Code != xmldsig.CodeDoctype {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if syntax.Offset > 200 {
			t.Errorf("%s: refused only at byte %d", name, syntax.Offset)
		}
	}
}

// Each limit holds to the unit, and what breaks it is refused there.
func TestLimits(t *testing.T) {
	t.Parallel()
	repeat := strings.Repeat
	lim := xmldsig.Limits{Bytes: 20_000, Depth: 5, Attributes: 3, Namespaces: 4, Name: 10, Attribute: 20, Text: 30}
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " b%d='1'", i)
		}
		return b.String()
	}
	namespaces := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " xmlns:b%d='u'", i)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name string
		make func(n int) string
		most int
	}{
		{"depth", func(n int) string { return repeat("<a>", n) + repeat("</a>", n) }, 5},
		{"attributes", func(n int) string { return "<a" + attributes(n) + "/>" }, 3},
		{"namespaces", func(n int) string { return "<a" + namespaces(n) + "/>" }, 4},
		{"namespaces in scope", func(n int) string { return "<a xmlns='u' xmlns:p='v'><b" + namespaces(n) + "/></a>" }, 2},
		{"name", func(n int) string { return "<" + repeat("a", n) + "/>" }, 10},
		{"attribute's name", func(n int) string { return "<a " + repeat("b", n) + "='1'/>" }, 10},
		{"value", func(n int) string { return "<a b='" + repeat("x", n) + "'/>" }, 20},
		{"text", func(n int) string { return "<a>" + repeat("x", n) + "</a>" }, 30},
		{"CDATA", func(n int) string { return "<a><![CDATA[" + repeat("x", n) + "]]></a>" }, 30},
		{"instruction", func(n int) string { return "<a><?p " + repeat("x", n-1) + "?></a>" }, 30},
		{"bytes", func(n int) string { return "<a/>" + repeat(" ", n-4) }, 20_000},
		{"nodes", func(n int) string { return "<a>" + repeat("<b/>", n-1) + "</a>" }, 3880},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := xmldsig.Parse([]byte(tt.make(tt.most)), lim); err != nil {
				t.Errorf("%d: %v", tt.most, err)
			}
			var syntax *xmldsig.SyntaxError
			if _, err := xmldsig.Parse([]byte(tt.make(tt.most+1)), lim); !errors.As(err, &syntax) || syntax.Code != xmldsig.CodeLimit {
				t.Errorf("%d: %v", tt.most+1, err)
			}
		})
	}
}

// Hostile inputs of the full size cost little memory before they are refused.
func TestLimitsMemory(t *testing.T) { // not parallel: it measures allocation
	const size = 15 << 20
	for _, tt := range []struct {
		name, in string
		most     uint64 // bytes, beside the copy of the input
	}{
		{"deep", strings.Repeat("<a>", size/3), 1 << 20},
		{"many elements", "<a>" + strings.Repeat("<b/>", size/4), 300 << 20},
		{"long text", "<a>" + strings.Repeat("x", size), 1 << 20},
		{"long value", "<a b='" + strings.Repeat("x", size), 1 << 20},
		{"many attributes", "<a" + strings.Repeat(" b='1'", size/6), 1 << 20},
		{"references", "<a>" + strings.Repeat("&#65;", size/5), 1 << 20},
	} {
		var before, after runtime.MemStats
		in := []byte(tt.in)
		runtime.ReadMemStats(&before)
		_, err := xmldsig.Parse(in, xmldsig.Limits{})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
		}
		if used := after.TotalAlloc - before.TotalAlloc - size; used > tt.most {
			t.Errorf("%s: %d kB allocated", tt.name, used>>10)
		}
	}
}
