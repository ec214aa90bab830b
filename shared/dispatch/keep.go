package dispatch

import (
	"context"
	"errors"
	"fmt"

	"timbre/shared/store"
)

// KeepPlan archives what an envelope's bytes depend on, before the bytes: a lost state is made again from
// it (docs/adr/0004). What became of the envelope is in the evidence of its documents.
func KeepPlan(ctx context.Context, archive *store.Bucket, p *Plan) error {
	kept := Plan{
		EnvelopeID: p.EnvelopeID, Documents: p.Documents, Certificate: p.Certificate, Resolution: p.Resolution,
		SignedAt: p.SignedAt, Service: p.Service, Splits: p.Splits, State: Open,
	}
	_, err := archive.CreateJSON(ctx, store.KeptPlan(p.EnvelopeID), kept, nil)
	if err != nil && !errors.Is(err, store.ErrExists) {
		return fmt.Errorf("keep the plan of envelope %d: %w", p.Number, err)
	}
	return nil
}
