package generatesign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/store"
)

// keepOrder archives what a document is made of and for whom, while it is being signed: before the bytes
// are stored it must stand, since without it a lost state could not tell the request's repeat from a new
// order (docs/adr/0004). The channel tells how it ended.
func (s *service) keepOrder(ctx context.Context, b folio.Bound, version int) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- s.storeOrder(ctx, b, version) }()
	return ended
}

func (s *service) storeOrder(ctx context.Context, b folio.Bound, version int) error {
	name := store.KeptOrder(b.DocumentID, version)
	_, err := s.archive.CreateJSON(ctx, name, b, nil)
	if !errors.Is(err, store.ErrExists) {
		return orUnavailable(err)
	}
	var kept folio.Bound // perhaps as an earlier release wrote it
	if _, err := s.archive.ReadJSON(ctx, name, &kept); err != nil {
		return unavailable(err)
	}
	if kept.Key == b.Key && kept.Order.BodyHash == b.Order.BodyHash {
		return nil
	}
	s.log.ErrorContext(ctx, "the archive holds another order under this folio: restore the state bucket",
		"rut_emisor", b.RUT.String(), "tipo_dte", int(b.Type), "folio", b.Folio)
	return problem.New(problem.FolioForeign, fmt.Sprintf(
		"El folio %d de tipo %s ya tiene otro pedido en el archivo. Restaure el estado antes de seguir emitiendo.", b.Folio, b.Type))
}

func orUnavailable(err error) error {
	if err == nil {
		return nil
	}
	return unavailable(err)
}

// keepReservation archives until when a folio is kept, before the caller hears of it.
func (s *service) keepReservation(ctx context.Context, r folio.Reservation, key store.RequestKey) error {
	kept := folio.Request{DocumentID: r.DocumentID, Expires: &r.Expires}
	_, err := s.archive.CreateJSON(ctx, store.KeptReservation(r.DocumentID, key), kept, nil)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return orUnavailable(err)
}

// Rebuilt is the record of a version of a document as it was issued, made again from its archived order and
// bytes. The answer in it is, byte for byte, that of the first 201. now dates a folio that was given up.
func Rebuilt(b folio.Bound, version int, signed []byte, now time.Time) (*document.Record, error) {
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("load Chile's time zone: %w", err)
	}
	held, order, err := orderOf(b)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(signed, tombstone) {
		return tombstoneRecord(b, order, held, now, chile)
	}
	if err := verifyOwn(order, signed); err != nil {
		return nil, err
	}
	r, err := newRecord(b, order, held, signed, chile)
	if err != nil {
		return nil, err
	}
	r.Version = version
	return r, nil
}

// AnnounceReplacement has somebody go on with the replacement that a document's record names.
func AnnounceReplacement(ctx context.Context, state *store.Bucket, d store.DocumentID, at time.Time) error {
	return due.Announce(ctx, state, at, replacesDue, replaceParts(d)...)
}

// Replacement is what a record holds of the order of its folio's next version.
func Replacement(b folio.Bound) (*document.Replacement, error) {
	order, err := json.Marshal(b.Order)
	return &document.Replacement{Key: b.Key, Order: order}, err
}
