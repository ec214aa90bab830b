package received

import (
	"context"
	"errors"
	"time"

	"timbre/shared/exchange"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// State is what the company has done about a document.
type State string

// The states. Only a person, or eight days of silence at the SII, leads away from the first.
const (
	StateReceived State = "received"
	StateAccepted State = "accepted" // ACD or ERM at the SII, or its time ran out
	StateClaimed  State = "claimed"  // RCD, RFP or RFT at the SII
)

// Record is a received document.
type Record struct {
	store.ReceivedID
	// ReceivedAt is when the first variant came in.
	ReceivedAt time.Time `json:"received_at"`
	// Variants are all bytes that were sent under this key, in the order of arrival.
	Variants []Variant `json:"variants"`
	// Crowded says that there were more variants than a record lists: somebody floods the mailbox. The archive has
	// them all, and each file tells what it brought.
	Crowded bool `json:"crowded,omitempty"`

	State State `json:"state"`
	// SIIReceivedAt is when the SII received the document, ClaimDeadline until when it can be claimed; both zero
	// while the SII was not asked.
	SIIReceivedAt time.Time `json:"sii_received_at,omitzero"`
	ClaimDeadline time.Time `json:"claim_deadline,omitzero"`
	// Claims are the events in the SII's register of acceptance or claim, oldest first.
	Claims []Claim `json:"claims,omitempty"`
	// Responses are what persons answered at that register, oldest first.
	Responses []Response `json:"responses,omitempty"`
	// RequestedAnswers are the commercial answers by mail that a person asked for, oldest first.
	RequestedAnswers []RequestedAnswer `json:"requested_answers,omitempty"`
}

// Variant is one form of a document's bytes.
type Variant struct {
	SHA256 string `json:"sha256"` // of <DTE>…</DTE> as written, hex
	// File is the SHA-256 of the file that brought it first, Mail that of its mail.
	File string    `json:"file"`
	Mail string    `json:"mail"`
	At   time.Time `json:"at"`
	// Again counts the other files that brought the same bytes.
	Again    int    `json:"again,omitempty"`
	LastFile string `json:"last_file,omitempty"`

	Encoding   string  `json:"encoding"`
	IssuerName string  `json:"issuer_name"`
	Receiver   rut.RUT `json:"receiver"`
	IssueDate  string  `json:"issue_date"` // AAAA-MM-DD as written
	Total      string  `json:"total"`      // MntTotal as written
	// Signature is SignatureValue, by which the SII tells the very document (getEstDteAv).
	Signature string `json:"signature,omitempty"`
	// Checks are those of the document; those of its file stand with the File.
	Checks exchange.Checks `json:"checks"`
	SII    *AtSII          `json:"sii,omitempty"`
}

// AtSII is what the SII said about a variant.
type AtSII struct {
	Standing exchange.Standing `json:"standing"`
	State    string            `json:"state,omitempty"` // as DOK
	Glosa    string            `json:"glosa,omitempty"`
	At       time.Time         `json:"at,omitzero"` // of the last answer
	// Exact says that getEstDteAv compared the signature too.
	Exact bool `json:"exact,omitempty"`
	// Asked counts questions, answered or not.
	Asked int `json:"asked"`
}

// Claim is an event in the SII's register of acceptance or claim.
type Claim struct {
	Action string    `json:"action"` // ACD, RCD, ERM, RFP, RFT
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// RequestedAnswer is a commercial answer by mail.
type RequestedAnswer struct {
	Kind   string    `json:"kind"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	// Letter names the mail that carries it; empty while there is none.
	Letter string `json:"letter,omitempty"`
}

// Standing is what the SII says of the variant.
func (v *Variant) Standing() exchange.Standing {
	if v.SII == nil || v.SII.Standing == "" {
		return exchange.NotAsked
	}
	return v.SII.Standing
}

// Main is the variant that the document is shown by: what the SII holds, then what cryptography supports, then
// what came first.
func (r *Record) Main() *Variant {
	best := 0
	for i := range r.Variants {
		if rank(&r.Variants[i]) > rank(&r.Variants[best]) {
			best = i
		}
	}
	return &r.Variants[best]
}

// rank is what speaks for a variant.
func rank(v *Variant) int {
	n := map[exchange.Result]int{exchange.Pass: 2, exchange.Warn: 1}[v.Checks.Strict()]
	switch v.Standing() {
	case exchange.AtTheSII:
		n += 10
	case exchange.OtherAtSII, exchange.VoidAtTheSII:
		n -= 10
	}
	return n
}

// Variant finds one by its SHA-256; nil if there is none.
func (r *Record) Variant(sha256 string) *Variant {
	for i := range r.Variants {
		if r.Variants[i].SHA256 == sha256 {
			return &r.Variants[i]
		}
	}
	return nil
}

// Registered tells whether the SII holds the document. False is also while it was not asked: who would
// accept or claim a document asks first, and never does for one that the SII lacks (WEBSERVICES §9.3).
func (r *Record) Registered() bool { return r.Main().Standing() == exchange.AtTheSII }

// meta is what listings show of a record without reading it.
func meta(r *Record) map[string]string {
	m := r.Main()
	out := map[string]string{"date": m.IssueDate, "total": m.Total, "state": string(r.State), "sii": string(m.Standing())}
	if !r.ClaimDeadline.IsZero() {
		out["deadline"] = r.ClaimDeadline.UTC().Format(time.RFC3339)
	}
	return out
}

// Load reads a record; store.ErrNotFound if the document was not received.
func Load(ctx context.Context, b *store.Bucket, id store.ReceivedID) (Record, error) {
	var r Record
	_, err := b.ReadJSON(ctx, store.Received(id), &r)
	return r, err
}

// Update changes a record by compare-and-set; change may run several times and returns store.ErrUnchanged to
// leave it.
func Update(ctx context.Context, b *store.Bucket, id store.ReceivedID, change func(*Record) error) (Record, error) {
	return store.Update(ctx, b, store.Received(id), change, meta)
}

// maxVariants bounds what a record lists. A supplier who sends a document in three forms is odd enough.
const maxVariants = 50

// Added tells what Add found.
type Added struct {
	Record
	New bool // the document was not known
	// Fresh says that these bytes were not known; Mine that this very file brought them first.
	Fresh, Mine bool
}

// Add notes that a file brought a variant of a document. Adding it again changes nothing.
func Add(ctx context.Context, b *store.Bucket, id store.ReceivedID, v Variant) (Added, error) {
	r := Record{ReceivedID: id, ReceivedAt: v.At, Variants: []Variant{v}, State: StateReceived}
	_, err := b.CreateJSON(ctx, store.Received(id), r, meta(&r))
	if err == nil {
		return Added{Record: r, New: true, Fresh: true, Mine: true}, nil
	}
	if !errors.Is(err, store.ErrExists) {
		return Added{}, err
	}
	var a Added
	a.Record, err = Update(ctx, b, id, func(r *Record) error {
		known := r.Variant(v.SHA256)
		a.Fresh, a.Mine = known == nil, known == nil || known.File == v.File
		switch {
		case known == nil && len(r.Variants) >= maxVariants:
			if r.Crowded {
				return store.ErrUnchanged
			}
			r.Crowded = true
		case known == nil:
			r.Variants = append(r.Variants, v)
		case known.File == v.File || known.LastFile == v.File:
			return store.ErrUnchanged
		default:
			known.Again++
			known.LastFile = v.File
		}
		return nil
	})
	return a, err
}
