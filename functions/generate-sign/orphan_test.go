package generatesign_test

import (
	"net/http"
	"testing"
	"time"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/store"
)

// TestRefusedThoughClaimed: a process dies between claim and request, and what the order was checked against
// changes. The repeat must not read that nothing was issued, for the sweeper issues it.
func TestRefusedThoughClaimed(t *testing.T) {
	t.Parallel()
	certificate := func(c *company.Company) { c.Blocks[store.Certificacion].Certificate = nil }
	tests := map[string]struct {
		change func(*company.Company)
		later  time.Duration
		other  int // what another order is answered
		repeat int // what the repeat is
	}{
		"no resolution any more":  {func(c *company.Company) { c.Blocks[store.Certificacion].FchResol = "" }, 0, http.StatusConflict, http.StatusCreated},
		"no CAF any more":         {func(c *company.Company) { c.Blocks[store.Certificacion].CAFs = nil }, 0, http.StatusConflict, http.StatusCreated},
		"stricter with remarks":   {func(c *company.Company) { c.StrictRemarks = true }, 0, http.StatusUnprocessableEntity, http.StatusCreated},
		"no certificate for now":  {certificate, 0, http.StatusConflict, http.StatusServiceUnavailable},
		"the CAF expired for now": {func(*company.Company) {}, 200 * 24 * time.Hour, http.StatusConflict, http.StatusConflict},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, dte.Factura)
			dying := c.process(t, func(d store.Driver) store.Driver { return stuck{d, "req/"} })
			if answer := post(t.Context(), dying, "/v1/documents", "k", c.order()); answer.Code != http.StatusServiceUnavailable {
				t.Fatalf("answered %d %s", answer.Code, answer.Body)
			}
			c.change(t, test.change)
			c.now = func() time.Time { return time.Now().Add(test.later) }
			if answer := post(t.Context(), c.process(t, nil), "/v1/documents", "other", c.order()); answer.Code != test.other {
				t.Errorf("another order is answered %d %s", answer.Code, answer.Body)
			}
			answer := post(t.Context(), c.process(t, nil), "/v1/documents", "k", c.order())
			if answer.Code != test.repeat {
				t.Errorf("the repeat is answered %d %s", answer.Code, answer.Body)
			}
			if requests := names(t, c.state, "req/"); len(requests) != len(names(t, c.state, "claims/")) {
				t.Errorf("claimed are %v, bound are %v", names(t, c.state, "claims/"), requests)
			}
			if test.repeat == http.StatusCreated && folioOf(t, answer) != 1 {
				t.Errorf("the repeat got folio %d", folioOf(t, answer))
			}
		})
	}
}

// TestSweptThoughRefused: the caller does not repeat, or with another body that is refused; the sweeper ends it.
func TestSweptThoughRefused(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	c.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	dying := c.process(t, func(d store.Driver) store.Driver { return stuck{d, "req/"} })
	if answer := post(t.Context(), dying, "/v1/documents", "k", c.order()); answer.Code != http.StatusServiceUnavailable {
		t.Fatalf("answered %d %s", answer.Code, answer.Body)
	}
	c.change(t, func(c *company.Company) { c.Blocks[store.Certificacion].FchResol = "" })
	c.now = func() time.Time { return time.Now().Add(time.Hour) }
	fresh := c.process(t, nil)
	if err := fresh.(sweeper).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"claims/", "req/", "doc/", "outbox/"} {
		if got := names(t, c.state, prefix); len(got) != 1 {
			t.Errorf("there are %v", got)
		}
	}
	if answer := post(t.Context(), fresh, "/v1/documents", "k", c.order()); answer.Code != http.StatusOK || folioOf(t, answer) != 1 {
		t.Errorf("the repeat is answered %d %s", answer.Code, answer.Body)
	}
	if answer := post(t.Context(), fresh, "/v1/documents", "k", c.order("6000", "7000")); answer.Code != http.StatusUnprocessableEntity {
		t.Errorf("another body is answered %d %s", answer.Code, answer.Body)
	}
}
