package send_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/functions/send"
	"timbre/shared/document"
	"timbre/shared/dte"
)

func TestCap(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *send.Config) { c.EnvelopeMax = 2 })
	for folio := int64(1); folio <= 5; folio++ {
		r.sign(dte.Factura, folio)
	}
	r.tick()
	var sizes []int
	for _, u := range r.sii.uploads {
		sizes = append(sizes, len(u.documents))
	}
	if diff := cmp.Diff([]int{2, 2, 1}, sizes); diff != "" {
		t.Errorf("documents an envelope (-want +got):\n%s", diff)
	}
}

// TestByteCap: an envelope ends where its documents would have too many bytes; one that is too large by
// itself goes alone.
func TestByteCap(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *send.Config) { c.EnvelopeBytes = 1000 })
	for folio, bytes := range map[int64]int{1: 400, 2: 600, 3: 1, 4: 5000, 5: 300, 6: 0} {
		id := r.sign(dte.Factura, folio)
		_, err := document.Update(t.Context(), r.state, id, func(d *document.Record) error {
			d.Bytes = bytes
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r.tick()
	var got [][]string
	for _, u := range r.sii.uploads {
		got = append(got, u.documents)
	}
	if diff := cmp.Diff([][]string{{"33/1", "33/2"}, {"33/3"}, {"33/4"}, {"33/5", "33/6"}}, got); diff != "" {
		t.Errorf("documents an envelope (-want +got):\n%s", diff)
	}
}
