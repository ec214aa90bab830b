package send_test

import (
	"strings"
	"testing"
	"time"

	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/sii"
)

// TestAnothersSignature: after a lost answer QueryEstDte says DOK, but what the SII holds was signed by somebody
// else. A person must look; nothing is taken for received and nothing is sent again.
func TestAnothersSignature(t *testing.T) {
	t.Parallel()
	for name, script := range map[string][]*answer{
		"lost":                    {loses(false)},
		"lost, then contradicted": {loses(false), says(sii.StatusSchema, "SCH-00001")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.script = first(script...)
			r.sii.state = func(sii.Question) (sii.DocumentState, error) {
				if len(r.sii.uploads) < len(script) {
					return sii.DocumentState{State: "FAU"}, nil
				}
				return sii.DocumentState{State: "DOK"}, nil
			}
			var asked sii.Question
			r.sii.exact = func(q sii.Question) (sii.DocumentState, error) {
				asked = q
				return sii.DocumentState{State: "DNK"}, nil
			}
			id := r.sign(dte.Factura, 1)
			r.push(id)
			for range 10 {
				r.advance(time.Minute)
				r.tick()
			}
			r.want(id, event.StatusBlocked, "")
			if n := r.sii.count(); n != len(script) {
				t.Errorf("%d uploads, want %d", n, len(script))
			}
			if data := string(r.signed(dte.Factura, 1, nil).bytes); asked.Signature == "" || !strings.Contains(data, asked.Signature) {
				t.Errorf("asked for the signature %q", asked.Signature)
			}
		})
	}
}

// TestUnproven: the SII holds a document with our data and does not say whose. What was only lost goes out again,
// which settles it; what the SII refused meanwhile waits for the proof.
func TestUnproven(t *testing.T) {
	t.Parallel()
	refused := says(sii.StatusSchema, "SCH-00001")
	tests := map[string]struct {
		script []*answer
		before event.Status
		track  string
	}{
		"lost":                    {[]*answer{loses(true)}, event.StatusSent, "0000000001"},
		"lost, then contradicted": {[]*answer{loses(true), refused, refused, refused, refused}, event.StatusSending, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.script = first(test.script...)
			r.sii.exact = func(sii.Question) (sii.DocumentState, error) { return sii.DocumentState{}, sii.ErrUnavailable }
			id := r.sign(dte.Factura, 1)
			r.push(id)
			for range 10 {
				r.advance(time.Minute)
				r.tick()
			}
			r.want(id, test.before, test.track)
			r.sii.exact = nil
			for range 10 {
				r.advance(time.Minute)
				r.tick()
			}
			r.want(id, event.StatusSent, test.track)
		})
	}
}
