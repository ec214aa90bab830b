package generatesign_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/store"
)

// stuck is a connection that cannot write below a prefix.
type stuck struct {
	store.Driver
	prefix string
}

func (s stuck) Create(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, s.prefix) {
		return 0, store.ErrRetained
	}
	return s.Driver.Create(ctx, o)
}

// TestBoundWithoutCertificate: the certificate is gone when a folio is bound and its document not signed. The
// caller must not read that nothing was issued, for it is as soon as there is a certificate.
func TestBoundWithoutCertificate(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	dying := c.process(t, func(d store.Driver) store.Driver { return stuck{d, "dte/"} })
	if answer := post(t.Context(), dying, "/v1/documents", "k", c.order()); answer.Code != http.StatusServiceUnavailable {
		t.Fatalf("answered %d %s", answer.Code, answer.Body)
	}
	c.change(t, func(config *company.Company) { config.Blocks[store.Certificacion].Certificate = nil })
	if answer := post(t.Context(), c.process(t, nil), "/v1/documents", "other", c.order()); answer.Code != http.StatusConflict {
		t.Errorf("a new order is answered %d %s", answer.Code, answer.Body)
	}
	if answer := post(t.Context(), c.process(t, nil), "/v1/documents", "k", c.order()); answer.Code != http.StatusServiceUnavailable {
		t.Errorf("the bound order is answered %d %s", answer.Code, answer.Body)
	}
}

// TestSweepAfterTheCompanyLeft: what is due in its name does not come back for ever.
func TestSweepAfterTheCompanyLeft(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	body := `{"company":"` + c.rut.String() + `","type":33}`
	if answer := post(t.Context(), c.process(t, nil), "/v1/folios:reserve", "k", body); answer.Code != http.StatusCreated {
		t.Fatalf("answered %d %s", answer.Code, answer.Body)
	}
	state := store.NewBucket(c.state)
	o, err := state.Read(t.Context(), store.CompanyConfig(c.rut))
	if err := errors.Join(err, state.Delete(t.Context(), store.CompanyConfig(c.rut), o.Generation)); err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	if err := c.process(t, nil).(sweeper).Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	for o, err := range state.List(t.Context(), store.Query{Prefix: store.DuePrefix}) {
		t.Errorf("left: %s, %v", o.Name, err)
	}
}

// TestReplacementWhoseProcessDied: the document is taken for the key, which is not bound yet. The same request
// goes on with it; a refusal would tell that nothing is issued.
func TestReplacementWhoseProcessDied(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	if answer := post(t.Context(), c.process(t, nil), "/v1/documents", "k", c.order()); answer.Code != http.StatusCreated {
		t.Fatalf("answered %d %s", answer.Code, answer.Body)
	}
	state := store.NewBucket(c.state)
	id := store.DocumentID{Series: store.Series{Company: store.Company{Env: store.Certificacion, RUT: c.rut}, Type: dte.Factura}, Folio: 1}
	p := dispatch.Plan{EnvelopeID: dispatch.ChainFor(id).Envelope(1), Documents: []dispatch.Item{{Type: dte.Factura, Folio: 1, Version: 1}}}
	p.Refuse(dispatch.Refusal{Fault: dispatch.FaultDocuments, Code: "7"})
	_, err := document.Update(t.Context(), state, id, func(r *document.Record) error {
		r.Envelope = 1
		return errors.Join(r.Become(event.StatusSending, time.Now(), ""), r.Become(event.StatusRejected, time.Now(), ""))
	})
	if err := errors.Join(err, dispatch.Create(t.Context(), state, &p)); err != nil {
		t.Fatal(err)
	}
	body := c.order(`"reference":"account.move,1"`, `"reference":"account.move,1","replaces":"`+id.String()+`"`)
	dying := c.process(t, func(d store.Driver) store.Driver { return stuck{d, "req/"} })
	if answer := post(t.Context(), dying, "/v1/documents", "again", body); answer.Code != http.StatusServiceUnavailable {
		t.Fatalf("answered %d %s", answer.Code, answer.Body)
	}
	if answer := post(t.Context(), c.process(t, nil), "/v1/documents", "other", body); answer.Code != http.StatusConflict {
		t.Errorf("another key is answered %d %s", answer.Code, answer.Body)
	}
	if answer := post(t.Context(), c.process(t, nil), "/v1/documents", "again", body); answer.Code != http.StatusCreated {
		t.Errorf("the same key is answered %d %s", answer.Code, answer.Body)
	}
}

// change replaces the company's configuration.
func (c *cloud) change(t *testing.T, change func(*company.Company)) {
	t.Helper()
	_, err := store.Update(t.Context(), store.NewBucket(c.state), store.CompanyConfig(c.rut), func(config *company.Company) error {
		change(config)
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}
