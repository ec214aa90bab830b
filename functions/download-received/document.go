package downloadreceived

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"timbre/shared/alert"
	"timbre/shared/exchange"
	"timbre/shared/received"
	"timbre/shared/store"
)

// documentsAtOnce bounds the documents of a file that are stored at a time.
const documentsAtOnce = 8

// maxFolio is the largest that an object's name has room for (FORMATS §5.2: ten digits).
const maxFolio = 9_999_999_999

// takeDocuments registers the documents of a file that are for the company, and says why the others are not. It
// tells of each, by its SHA-256, whether another file had brought that document.
func (t *taking) takeDocuments(ctx context.Context, f *received.File, report *exchange.Report) (map[string]bool, error) {
	f.Documents = listed(report)
	byKey := map[store.ReceivedID][]int{}
	for i := range report.Documents {
		d, b := &report.Documents[i], &f.Documents[i]
		if code, reason := t.stranger(d); code != "" {
			b.Left = code
			t.leaveDocument(f, *b, reason)
			continue
		}
		id := store.ReceivedID{Company: t.company, Issuer: d.Issuer, Type: d.Type, Folio: d.Folio}
		byKey[id] = append(byKey[id], i)
	}
	added := make([]*received.Added, len(report.Documents))
	tasks, within := errgroup.WithContext(ctx)
	tasks.SetLimit(documentsAtOnce)
	for id, all := range byKey {
		tasks.Go(func() error {
			for _, i := range all {
				a, err := t.document(within, id, f, &report.Documents[i])
				if err != nil {
					return fmt.Errorf("take in %s: %w", id, err)
				}
				added[i] = a
			}
			return nil
		})
	}
	if err := tasks.Wait(); err != nil {
		return nil, err
	}
	return t.announce(ctx, f, added)
}

// stranger says why a document is not to be registered.
func (t *taking) stranger(d *exchange.DocumentReport) (string, string) {
	switch {
	case d.Issuer.IsZero() || !d.Type.Valid() || d.Folio < 1 || d.Folio > maxFolio:
		return received.NoIdentity, "el documento no dice de quién es: falta RUT emisor, tipo o folio, o no es válido"
	case d.Issuer == t.company.RUT:
		return received.OwnDocument, "la empresa misma emitió el documento"
	case d.Receiver != t.company.RUT:
		return received.OtherReceiver, "el documento no es para esta empresa"
	}
	return "", ""
}

// leaveDocument puts a document into quarantine; the company's own ones only come back, as with a bounce.
func (t *taking) leaveDocument(f *received.File, b received.Brought, reason string) {
	if b.Left == received.OwnDocument {
		return
	}
	t.leave(received.Quarantined{Path: f.Path, Name: f.Name, File: f.SHA256, Size: f.Size, Code: b.Left, Reason: reason, Document: &b})
}

// document stores one: its bytes, the variant in its record, the question to the SII.
func (t *taking) document(ctx context.Context, id store.ReceivedID, f *received.File, d *exchange.DocumentReport) (*received.Added, error) {
	b := brought(d)
	if _, err := t.Archive.Create(ctx, store.ReceivedXML(id, sha256.Sum256(d.Bytes)), d.Bytes, map[string]string{"encoding": f.Encoding}); err != nil {
		return nil, err
	}
	a, err := received.Add(ctx, t.State, id, received.Variant{
		SHA256: b.SHA256, File: f.SHA256, Mail: t.mail.SHA256, At: t.at, Encoding: f.Encoding, IssuerName: d.IssuerName, Receiver: d.Receiver,
		IssueDate: d.IssueDate, Total: d.Total, Signature: d.SignatureValue, Checks: d.Checks,
	})
	if err != nil {
		return nil, err
	}
	if v := a.Variant(b.SHA256); v != nil && a.Mine && v.SII == nil && askable(id, v) {
		if err := t.plan(ctx, t.Now(), siiOf, id.DueParts()...); err != nil {
			return nil, err
		}
	}
	return &a, nil
}

// announce puts the documents that this file brought first into the log and has callers told.
func (t *taking) announce(ctx context.Context, f *received.File, added []*received.Added) (map[string]bool, error) {
	known := map[string]bool{}
	var mine []*received.Record
	for i, a := range added {
		if a == nil {
			continue
		}
		t.count(a)
		first := a.Variants[0].File == f.SHA256
		known[f.Documents[i].SHA256] = !first
		if first {
			mine = append(mine, &a.Record)
		}
	}
	if err := t.register.Log(ctx, t.company, mine...); err != nil {
		return nil, err
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(documentsAtOnce)
	for _, r := range mine {
		tasks.Go(func() error { return t.notify(ctx, r) })
	}
	return known, tasks.Wait()
}

func (t *taking) count(a *received.Added) {
	t.documents++
	if a.New {
		t.fresh++
	}
	if !a.Mine {
		t.duplicates++
	}
}

// notify has callers told of a document that came for the first time.
func (t *taking) notify(ctx context.Context, r *received.Record) error {
	v := &r.Variants[0]
	err := t.alerts.Raise(ctx, alert.Received{
		Document: r.ReceivedID, IssuerName: v.IssuerName, IssueDate: v.IssueDate, Total: v.Total, At: r.ReceivedAt.In(t.chile), Strict: string(v.Checks.Strict()),
	})
	if errors.Is(err, alert.ErrSilent) {
		t.Logger.WarnContext(ctx, "event without wake-up", "error", err)
		return nil
	}
	return err
}
