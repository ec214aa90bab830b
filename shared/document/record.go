package document

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// ErrTransition says that a state may not follow the present one.
var ErrTransition = errors.New("document: state may not follow")

// Record is the state of one document.
type Record struct {
	store.DocumentID
	// Answer is the body of the 201, which replays repeat byte for byte.
	Answer string `json:"answer"`
	// Key is the request that the folio belongs to.
	Key store.RequestKey `json:"key"`
	// Version is that of the signed bytes: 1, higher only where the document was replaced.
	Version int `json:"version"`
	// Bytes is how large they are; 0 where it was not noted.
	Bytes int `json:"bytes,omitempty"`

	// Replacement is who may sign the next version, Replaced are the versions before this one.
	Replacement *Replacement `json:"replacement,omitempty"`
	Replaced    []Replaced   `json:"replaced,omitempty"`

	// Tombstone says why the folio's document could not be signed any more; there is none then.
	Tombstone string `json:"tombstone,omitempty"`

	// What the SII is asked with (QueryEstDte).
	IssueDate string  `json:"issue_date"`
	Receiver  rut.RUT `json:"receiver"`
	Total     string  `json:"total"`
	// References are the company's own documents that this one, a note, refers to; it waits for them.
	References []store.DocumentID `json:"references,omitempty"`

	Status event.Status `json:"status"`
	// Seq grows by one with each change of the status.
	Seq int `json:"seq"`
	// Told is up to where changes were told before the state was lost and made again (docs/adr/0004).
	Told int `json:"told,omitempty"`
	// Envelope is the number of the envelope that carries the document, 0 while none does.
	Envelope int64 `json:"envelope,omitempty"`
	// Tracks are all track ids under which the SII may hold it, the newest last.
	Tracks  []string `json:"tracks,omitempty"`
	SII     *SII     `json:"sii,omitempty"`
	History []Change `json:"history"`
	// Trace is the traceparent of the request that issued it: whoever goes on with it logs under that.
	Trace string `json:"trace,omitempty"`
	// Fence grows when somebody makes sure that a change which was announced does not come any more.
	Fence int `json:"fence,omitempty"`
}

// Replacement is the request to which a folio's next version belongs. Only the compare-and-set that puts it
// here decides which of several requests that is.
type Replacement struct {
	Key store.RequestKey `json:"key"`
	// Order is that of the request, for who finishes it.
	Order json.RawMessage `json:"order"`
}

// Replaced is a version that the SII refused, with the answer that its request's replays repeat.
type Replaced struct {
	Version int              `json:"version"`
	Key     store.RequestKey `json:"key"`
	Answer  string           `json:"answer"`
}

// AnswerTo is the body of the 201 of a request that has the folio.
func (r *Record) AnswerTo(key store.RequestKey) string {
	for _, e := range r.Replaced {
		if e.Key == key {
			return e.Answer
		}
	}
	return r.Answer
}

// SII is what the tax authority said last.
type SII struct {
	EnvelopeState string   `json:"envelope_state,omitempty"`
	DocumentState string   `json:"document_state,omitempty"`
	Glosa         string   `json:"glosa,omitempty"`
	Details       []Detail `json:"details"`
}

// Detail is one remark or reason of the SII with what it means.
type Detail struct {
	Code  string `json:"code"`
	Level int    `json:"level,omitempty"`
	Text  string `json:"text"`
	Cause string `json:"cause,omitempty"`
	Cure  string `json:"cure,omitempty"`
}

// Change is one step of a document's history.
type Change struct {
	At     time.Time    `json:"at"`
	Status event.Status `json:"status"`
	Note   string       `json:"note,omitempty"`
}

// Track is the newest track id, "" while the SII has given none.
func (r *Record) Track() string {
	if len(r.Tracks) == 0 {
		return ""
	}
	return r.Tracks[len(r.Tracks)-1]
}

// AddTrack notes a track id; one that is known already moves to the end.
func (r *Record) AddTrack(id string) {
	r.Tracks = append(slices.DeleteFunc(r.Tracks, func(t string) bool { return t == id }), id)
}

// Become changes the status and notes it in the history; repeating the present status changes nothing.
func (r *Record) Become(next event.Status, at time.Time, note string) error {
	if r.Status == next {
		return nil
	}
	if !r.Status.MayBecome(next) {
		return fmt.Errorf("%w: %s after %s for %s", ErrTransition, next, r.Status, r.DocumentID)
	}
	r.Status = next
	r.Seq++
	r.History = append(r.History, Change{At: at, Status: next, Note: note})
	return nil
}

// Tell notes in the history that something else than the status is new, so that callers are told.
func (r *Record) Tell(at time.Time, note string) {
	r.Seq++
	r.History = append(r.History, Change{At: at, Status: r.Status, Note: note})
}

// Meta is the metadata by which lists show a document without reading it.
func Meta(r *Record) map[string]string {
	return map[string]string{"status": string(r.Status), "date": r.IssueDate, "total": r.Total}
}

// Load reads a document's state; store.ErrNotFound if the document does not exist.
func Load(ctx context.Context, b *store.Bucket, id store.DocumentID) (Record, error) {
	var r Record
	_, err := b.ReadJSON(ctx, store.Document(id), &r)
	return r, err
}

// Create stores a new document's state; one that is there stays (store.ErrExists).
func Create(ctx context.Context, b *store.Bucket, r *Record) error {
	_, err := b.CreateJSON(ctx, store.Document(r.DocumentID), r, Meta(r))
	return err
}

// Update changes a document's state by compare-and-set; change may run several times and returns
// store.ErrUnchanged to leave it. A change of the status is announced to notify before it is made.
func Update(ctx context.Context, b *store.Bucket, id store.DocumentID, change func(*Record) error) (Record, error) {
	announced := func(r *Record) error {
		before := r.Seq
		if err := change(r); err != nil {
			return err
		}
		if r.Seq == before {
			return nil
		}
		return announce(ctx, b, r)
	}
	return store.Update(ctx, b, store.Document(id), announced, Meta)
}
