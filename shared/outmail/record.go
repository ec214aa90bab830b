package outmail

import (
	"time"

	"timbre/shared/store"
)

// State is what became of a mail.
type State string

// The states.
const (
	Waiting State = "waiting"
	Sent    State = "sent" // a server took it
	Dead    State = "dead" // no server took it in three days
)

// Kind is what a mail is.
type Kind string

// The kinds of mails between companies (FORMATS §13).
const (
	Reception Kind = "reception" // RespuestaDTE with RecepcionEnvio
	Result    Kind = "result"    // RespuestaDTE with ResultadoDTE
	Receipts  Kind = "receipts"  // EnvioRecibos
	Request   Kind = "request"   // asks for an XML
)

// Record is what is known of a mail.
type Record struct {
	ID   store.LetterID `json:"id"`
	Kind Kind           `json:"kind"`
	// About is the document or the file that the mail is about.
	About     string    `json:"about"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Subject   string    `json:"subject"`
	MessageID string    `json:"message_id"`
	SHA256    string    `json:"sha256"` // of the bytes
	CreatedAt time.Time `json:"created_at"`

	State    State      `json:"state"`
	Attempts int        `json:"attempts"`
	NextAt   time.Time  `json:"next_at"` // not before
	SentAt   *time.Time `json:"sent_at,omitempty"`
	// Renewed is when Again was asked for last.
	Renewed *time.Time `json:"renewed,omitempty"`
	// Error is why the last attempt failed: a code of package mailbox, and its text.
	Error string `json:"error,omitempty"`
	// Claim is who sends it now.
	Claim *Claim `json:"claim,omitempty"`
}

// Claim says that a process is sending a mail.
type Claim struct {
	Nonce string    `json:"nonce"`
	At    time.Time `json:"at"`
}

// The metadata of a record, so that lists need not read it.
const (
	metaState = "state"
	metaKind  = "kind"
)

func meta(r *Record) map[string]string {
	return map[string]string{metaState: string(r.State), metaKind: string(r.Kind)}
}

// pauses are the distances between attempts; the last one repeats until the patience is over.
var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

const (
	// patience is for how long a mail is tried, from its writing or from Again.
	patience = 72 * time.Hour
	// sendTime bounds one sending, claimTime how long its claim is believed.
	sendTime  = 4 * time.Minute
	claimTime = 6 * time.Minute
	// netAfter is when an entry that stands before its mail is looked at: no request lasts so long.
	netAfter = 15 * time.Minute
)

// fail notes an attempt that failed, and when the next one is; none if it is given up.
func (r *Record) fail(at time.Time, why string) {
	next := at.Add(pauses[min(max(r.Attempts, 1), len(pauses))-1])
	r.Claim, r.Error, r.NextAt = nil, why, next
	if next.After(r.since().Add(patience)) {
		r.State = Dead
	}
}

// since is from when on the patience counts.
func (r *Record) since() time.Time {
	if r.Renewed != nil {
		return *r.Renewed
	}
	return r.CreatedAt
}
