package dispatch

import (
	"context"
	"slices"
	"time"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// State is where a plan stands.
type State string

// The states of a plan.
const (
	Open     State = "open"     // to be uploaded; nothing after it may be
	Parked   State = "parked"   // an upload's answer was lost; the chain goes on
	Received State = "received" // the SII has it; a verdict is awaited
	Refused  State = "refused"  // the SII does not have it
	Done     State = "done"     // every document has its verdict
)

// Plan is one envelope.
type Plan struct {
	store.EnvelopeID

	// What the bytes depend on; never changed after the plan's creation.
	Documents   []Item              `json:"documents"`
	Certificate company.Certificate `json:"certificate"`
	Resolution  Resolution          `json:"resolution"`
	SignedAt    time.Time           `json:"signed_at"` // TmstFirmaEnv
	// Service is where the envelope goes and is asked for.
	Service Service `json:"service,omitempty"`

	// Splits is the refused envelope whose documents this one carries in part, to find the culprit.
	Splits int64 `json:"splits,omitempty"`

	State    State     `json:"state"`
	Attempts []Attempt `json:"attempts,omitempty"`
	// Tracks are all track ids that the SII gave for these bytes, the newest last.
	Tracks  []string `json:"tracks,omitempty"`
	Refusal *Refusal `json:"refusal,omitempty"`
	Verdict *Verdict `json:"verdict,omitempty"`
	// Reminders are when the SII was asked to send its result mail again.
	Reminders []time.Time `json:"reminders,omitempty"`
}

// Service is one of the two ways to the SII.
type Service string

// The services.
const (
	Upload  Service = ""        // DTEUpload, which takes every type in certificacion
	Boletas Service = "boletas" // the boletas' own
)

// Item is a document in a plan.
type Item struct {
	Type    dte.Type `json:"type"`
	Folio   int64    `json:"folio"`
	Version int      `json:"version"`
}

// Resolution is the company's authorisation to issue, as the Caratula states it.
type Resolution struct {
	Date   string `json:"date"` // AAAA-MM-DD
	Number int    `json:"number"`
}

// Fault says who must mend what was refused.
type Fault string

// Whose fault a refusal is.
const (
	FaultDocuments Fault = "documents" // one of them at least: the envelope is split
	FaultCompany   Fault = "company"   // permission, resolution, certificate: a person must mend it
)

// Refusal says why the SII does not have the envelope.
type Refusal struct {
	Fault Fault     `json:"fault"`
	Code  string    `json:"code"` // STATUS of the upload or ESTADO of the envelope
	Glosa string    `json:"glosa,omitempty"`
	At    time.Time `json:"at"`
	// Track and Answer are of the query that told it, empty where the upload's own answer did.
	Track  string `json:"track,omitempty"`
	Answer string `json:"answer,omitempty"`
	// Released is when somebody said that the company's fault is mended.
	Released *time.Time `json:"released,omitempty"`
}

// Verdict is the final state of the envelope at the SII; the documents' verdicts are in their records.
type Verdict struct {
	State  string      `json:"state"`
	Glosa  string      `json:"glosa,omitempty"`
	Track  string      `json:"track,omitempty"`
	Counts []sii.Count `json:"counts,omitempty"`
	At     time.Time   `json:"at"` // when it was seen first
}

// Document is the id of an item's document.
func (p *Plan) Document(i Item) store.DocumentID {
	return store.DocumentID{Series: store.Series{Company: p.Company, Type: i.Type}, Folio: i.Folio}
}

// Closed tells whether the upload is over, so that the next plan may be made.
func (p *Plan) Closed() bool { return p.State == Received || p.State == Refused || p.State == Done }

// Blocks tells whether nothing may be uploaded until a person mends something: the company was refused,
// nobody has released it and its certificate and resolution are what they were.
func (p *Plan) Blocks(certificate company.Certificate, resolution Resolution) bool {
	return p.State == Refused && p.Refusal.Fault == FaultCompany && p.Refusal.Released == nil &&
		p.Certificate.SHA256 == certificate.SHA256 && p.Resolution == resolution
}

// addTrack notes a track id, as the newest.
func (p *Plan) addTrack(id string) {
	if id == "" {
		return
	}
	p.Tracks = append(slices.DeleteFunc(p.Tracks, func(t string) bool { return sii.SameTrack(t, id) }), id)
}

// MayBeTwice tells whether the SII may hold the bytes under a track id that it never told beside one that it
// told: an answer was lost, and it did not know the file again.
func (p *Plan) MayBeTwice() bool {
	lost := false
	for _, a := range p.Attempts {
		if a.Result == ResultReceived && a.Status != nil && *a.Status == sii.StatusDuplicate {
			return false
		}
		lost = lost || a.Result == ResultUnknown
	}
	return lost
}

// SentOnce tells whether the bytes can have reached the SII one time only.
func (p *Plan) SentOnce() bool {
	n := 0
	for _, a := range p.Attempts {
		if a.Result == ResultReceived || a.Result == ResultUnknown || a.Result == "" {
			n++
		}
	}
	return n == 1
}

// Refuse closes a plan that the SII refused after all; for the states of QueryEstUp.
func (p *Plan) Refuse(r Refusal) { p.State, p.Refusal = Refused, &r }

// Load reads a plan; store.ErrNotFound if there is none.
func Load(ctx context.Context, b *store.Bucket, id store.EnvelopeID) (Plan, error) {
	var p Plan
	_, err := b.ReadJSON(ctx, store.Plan(id), &p)
	return p, err
}

// Create stores a new plan; store.ErrExists if the number is taken.
func Create(ctx context.Context, b *store.Bucket, p *Plan) error {
	_, err := b.CreateJSON(ctx, store.Plan(p.EnvelopeID), p, nil)
	return err
}

// Update changes a plan by compare-and-set; change may run several times and returns store.ErrUnchanged to leave it.
func Update(ctx context.Context, b *store.Bucket, id store.EnvelopeID, change func(*Plan) error) (Plan, error) {
	return store.Update(ctx, b, store.Plan(id), change, nil)
}

// Track is the newest track id, "" while the SII has given none.
func (p *Plan) Track() string {
	if len(p.Tracks) == 0 {
		return ""
	}
	return p.Tracks[len(p.Tracks)-1]
}

// ReceivedAt is when the SII answered that it has the envelope, the last time.
func (p *Plan) ReceivedAt() time.Time {
	at := p.SignedAt
	for _, a := range p.Attempts {
		if a.Result == ResultReceived {
			at = a.Ended
		}
	}
	return at
}

// FirstReceivedAt is when it did so the first time.
func (p *Plan) FirstReceivedAt() time.Time {
	for _, a := range p.Attempts {
		if a.Result == ResultReceived {
			return a.Ended
		}
	}
	return p.SignedAt
}
