package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/journal"
	"timbre/shared/store"
)

// logged is an event with its number.
type logged struct {
	id store.EventID
	journal.Entry
	// trace is the traceparent of the document's request.
	trace string
}

// log makes sure that what a task is about is in the log. It gives all that the subject has there, in order;
// nothing where the change was never made.
func (s *service) log(ctx context.Context, t task) ([]logged, error) {
	if t.seq == 0 {
		return s.logAlert(ctx, t)
	}
	r, made, err := document.Settle(ctx, s.State, t.document, t.seq)
	if err != nil {
		return nil, err
	}
	if !made {
		s.Logger.InfoContext(ctx, "an announced change was not made", "event_id", t.id)
		return nil, nil
	}
	return s.logChanges(ctx, &r)
}

// logChanges logs each change of a document's status.
func (s *service) logChanges(ctx context.Context, r *document.Record) ([]logged, error) {
	numbers, err := s.journal.Numbers(ctx, r.Company, store.StatusEvents(r.DocumentID))
	if err != nil {
		return nil, err
	}
	all := make([]logged, r.Seq-r.Told)
	var fresh []journal.Event
	for i := range all {
		seq := r.Told + i + 1
		id := store.StatusEvent(r.DocumentID, seq)
		all[i] = logged{id: id, Entry: journal.Entry{Number: numbers[id]}, trace: r.Trace}
		if numbers[id] != 0 {
			continue
		}
		body, err := statusNotice(r, id, seq, s.chile)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, journal.Event{ID: id, Body: body})
	}
	entries, err := s.journal.Append(ctx, r.Company, fresh...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Number == 0 {
			all[i].Entry, entries = entries[0], entries[1:]
		}
	}
	return all, nil
}

// statusNotice is the event of a document's seq-th change.
func statusNotice(r *document.Record, id store.EventID, seq int, chile *time.Location) ([]byte, error) {
	change := r.ChangedTo(seq)
	reference, err := r.Reference()
	if err != nil {
		return nil, err
	}
	data := StatusData{
		Company: r.RUT.String(), Environment: string(r.Env), Type: int(r.Type), Folio: r.Folio, ID: r.DocumentID.String(),
		Reference: reference, Status: change.Status, PreviousStatus: r.ChangedTo(seq - 1).Status, Seq: seq,
	}
	if track := r.Track(); track != "" && change.Status != event.StatusSigned && change.Status != event.StatusSending {
		data.TrackID = &track
	}
	if seq == r.Seq {
		data.SII = r.SII
	}
	text, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", id, err)
	}
	return json.Marshal(event.Notice{
		ID: string(id), Event: event.DocumentStatus, At: change.At.In(chile).Format(time.RFC3339), Data: text,
	})
}

// logAlert logs the event that the first entry of an alert holds; later entries are of logged ones.
func (s *service) logAlert(ctx context.Context, t task) ([]logged, error) {
	if t.attempt > 0 {
		numbers, err := s.journal.Numbers(ctx, t.company, string(t.id))
		return []logged{{id: t.id, Entry: journal.Entry{Number: numbers[t.id]}}}, err
	}
	body, err := due.Content(ctx, s.State, t.entry)
	if errors.Is(err, store.ErrNotFound) { // somebody has done it
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := s.journal.Append(ctx, t.company, journal.Event{ID: t.id, Body: body})
	if err != nil {
		return nil, err
	}
	return []logged{{id: t.id, Entry: entries[0]}}, nil
}
