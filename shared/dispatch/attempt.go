package dispatch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"timbre/shared/sii"
	"timbre/shared/store"
)

// Result is how an attempt to upload ended.
type Result string

// The results. An attempt without one is under way, or its process died.
const (
	ResultReceived Result = "received" // STATUS 0, or 99 with the earlier track id
	ResultRefused  Result = "refused"  // for the documents or for the company
	ResultRetry    Result = "retry"    // not received, for a reason that passes
	ResultUnknown  Result = "unknown"  // the answer was lost
)

// Attempt is one upload of the plan's bytes.
type Attempt struct {
	ID string    `json:"id"` // nonce of who made it
	At time.Time `json:"at"`
	// Until is when an attempt without result has no poster any more; zero: after attemptLimit.
	Until  time.Time `json:"until,omitzero"`
	SHA256 string    `json:"sha256"` // of the bytes
	Ended  time.Time `json:"ended,omitzero"`
	Result Result    `json:"result,omitempty"`
	Status *int      `json:"status,omitempty"` // as the SII answered
	Track  string    `json:"track,omitempty"`
	Glosa  string    `json:"glosa,omitempty"`
	// Answer is the SII's text, for the evidence.
	Answer       string `json:"answer,omitempty"`
	AnswerSHA256 string `json:"answer_sha256,omitempty"`
}

// Why Begin refuses an attempt.
var (
	// ErrBusy says that another attempt is under way.
	ErrBusy = errors.New("dispatch: an upload is under way")
	// ErrOver says that the plan is closed.
	ErrOver = errors.New("dispatch: the envelope is closed")
)

const (
	// attemptLimit is when an attempt without result has no poster any more, if it does not say so itself.
	attemptLimit = sii.UploadTimeout + 10*time.Second
	// maxWait bounds the pause between attempts; a repeated file must wait 900 s (STATUS 99, live 2026).
	maxWait = 15 * time.Minute
	// maxTokenRetries and maxTruncated are how often STATUS 5 and 3 are taken for something that passes.
	maxTokenRetries = 5
	maxTruncated    = 1
	// maxLogins is how often a refused login is tried again.
	maxLogins = 2
	// maxRetryWait bounds the pause after what passes soon.
	maxRetryWait = 5 * time.Minute
)

// Begin notes an attempt before its POST.
func (p *Plan) Begin(a Attempt) error {
	switch {
	case p.Closed():
		return ErrOver
	case p.Busy(a.At):
		return ErrBusy
	}
	p.expire(a.At)
	p.Attempts = append(p.Attempts, a)
	return nil
}

// Busy tells whether an attempt is under way.
func (p *Plan) Busy(now time.Time) bool {
	a := p.last()
	return a != nil && a.Result == "" && now.Before(a.over())
}

// over is when the attempt has no poster any more.
func (a *Attempt) over() time.Time {
	if a.Until.IsZero() {
		return a.At.Add(attemptLimit)
	}
	return a.Until
}

// Abandoned tells whether the last attempt's process died without noting a result.
func (p *Plan) Abandoned(now time.Time) bool {
	a := p.last()
	return a != nil && a.Result == "" && !p.Busy(now)
}

// Park leaves the plan to be minded later; the last attempt's answer counts as lost.
func (p *Plan) Park(now time.Time) error {
	if p.Closed() {
		return store.ErrUnchanged
	}
	p.expire(now)
	p.State = Parked
	return nil
}

// Arrived notes that the SII has the envelope although the answer to its upload was lost, with the track
// id: a service that does not know a file again never tells it. The documents are asked for one by one.
func (p *Plan) Arrived() error {
	if p.Closed() {
		return store.ErrUnchanged
	}
	p.State = Received
	return nil
}

// Reopen parks a received plan whose file the SII has lost (VOF): the same bytes go out again.
func (p *Plan) Reopen() { p.State, p.Verdict = Parked, nil }

func (p *Plan) expire(now time.Time) {
	if a := p.last(); a != nil && a.Result == "" {
		a.Result, a.Ended = ResultUnknown, now
	}
}

// End notes the definite answer of an attempt and what follows from it for the plan.
func (p *Plan) End(id string, answer sii.UploadResult, now time.Time) error {
	a := p.attempt(id)
	if a == nil {
		return errors.New("dispatch: no such attempt")
	}
	a.Ended, a.Status, a.Track, a.Glosa = now, &answer.Status, answer.TrackID, answer.Glosa()
	a.Answer, a.AnswerSHA256 = answer.Answer, hash(answer.Answer)
	fault := p.judge(a)
	switch a.Result {
	case ResultUnknown:
		if !p.Closed() {
			p.State = Parked
		}
	case ResultReceived:
		p.addTrack(a.Track)
		if p.State != Done {
			p.State, p.Refusal = Received, nil
		}
	case ResultRefused:
		if p.MayBeHeld() && (fault == FaultCompany || p.times(answer.Status) == 1) {
			a.Result = ResultRetry
		} else if !p.Closed() {
			p.Refuse(Refusal{Fault: fault, Code: strconv.Itoa(answer.Status), Glosa: a.Glosa, At: now})
		}
	}
	return nil
}

// Unsent notes that an attempt did not reach the SII.
func (p *Plan) Unsent(id, why string, now time.Time) error {
	a := p.attempt(id)
	if a == nil || a.Result != "" {
		return store.ErrUnchanged
	}
	a.Ended, a.Result, a.Glosa = now, ResultRetry, why
	return nil
}

// Lost notes that the answer to an attempt was lost, and parks the plan.
func (p *Plan) Lost(id, why, answer string, now time.Time) error {
	a := p.attempt(id)
	if a == nil || a.Result != "" && a.Result != ResultUnknown {
		return store.ErrUnchanged
	}
	a.Ended, a.Result, a.Glosa, a.Answer, a.AnswerSHA256 = now, ResultUnknown, why, answer, hash(answer)
	if !p.Closed() {
		p.State = Parked
	}
	return nil
}

// LoginRefused notes that the SII does not let the signer in. It may be an error of theirs that passes
// (getToken 10 has two glosas); a plan that cannot be held by the SII is refused after some times.
func (p *Plan) LoginRefused(why string, now time.Time) error {
	if p.Closed() {
		return store.ErrUnchanged
	}
	p.expire(now)
	refused := 0
	for _, a := range p.Attempts {
		if a.Result == ResultRetry && a.Status == nil && a.SHA256 == "" {
			refused++
		}
	}
	if refused < maxLogins || p.MayBeHeld() {
		p.Attempts = append(p.Attempts, Attempt{ID: CodeLogin, At: now, Ended: now, Result: ResultRetry, Glosa: why})
		return nil
	}
	p.Refuse(Refusal{Fault: FaultCompany, Code: CodeLogin, Glosa: why, At: now})
	return nil
}

func hash(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// MayBeHeld tells whether the SII may hold the envelope through another attempt: then a company's refusal
// says nothing of it, one of the documents must be repeated to be believed, and the documents must not go
// into another one.
func (p *Plan) MayBeHeld() bool {
	for _, a := range p.Attempts {
		if a.Result == ResultUnknown || a.Result == "" {
			return true
		}
	}
	return len(p.Tracks) > 0
}

// Contradicted tells whether the SII refused the bytes although it may hold them, so that sending them again
// proves nothing.
func (p *Plan) Contradicted() bool {
	return slices.ContainsFunc(p.Attempts, func(a Attempt) bool {
		return a.Result == ResultRetry && a.Status != nil && statusFaults[*a.Status] == FaultDocuments
	})
}

// statusFaults are the refusals of the upload (OI2003_UPDTE_MDE 1.5): 4 is documented for the AEC only and
// would be our bug, which a person must see. What is in no table here passes: 9 and internal errors.
var statusFaults = map[int]Fault{
	sii.StatusSender:     FaultCompany,
	sii.StatusCompany:    FaultCompany,
	sii.StatusParameters: FaultCompany,
	sii.StatusSize:       FaultDocuments,
	sii.StatusSchema:     FaultDocuments,
	sii.StatusSignature:  FaultDocuments,
}

// judge sets the attempt's result by its STATUS and tells whose fault a refusal is.
func (p *Plan) judge(a *Attempt) Fault {
	fault, refused := statusFaults[*a.Status]
	switch {
	case refused:
		a.Result = ResultRefused
	case *a.Status == sii.StatusReceived, *a.Status == sii.StatusDuplicate && a.Track != "":
		a.Result = ResultReceived
	case *a.Status == sii.StatusDuplicate: // the SII has it and does not say under which number
		a.Result = ResultUnknown
	case *a.Status == sii.StatusToken && p.times(sii.StatusToken) > maxTokenRetries,
		*a.Status == sii.StatusTruncated && p.times(sii.StatusTruncated) > maxTruncated:
		a.Result, fault = ResultRefused, FaultCompany
	default:
		a.Result = ResultRetry
	}
	return fault
}

// times counts the attempts that were answered with a STATUS.
func (p *Plan) times(status int) int {
	n := 0
	for _, a := range p.Attempts {
		if a.Status != nil && *a.Status == status {
			n++
		}
	}
	return n
}

// NextAttempt is when the bytes may be sent again: at once if they never were; else after first, doubled
// with each attempt that led to nothing.
func (p *Plan) NextAttempt(first time.Duration) time.Time {
	a := p.last()
	switch {
	case a == nil:
		return time.Time{}
	case a.Result == "":
		return a.over()
	}
	limit := maxWait
	if a.Result == ResultRetry {
		limit = maxRetryWait
	}
	return a.Ended.Add(min(first<<min(len(p.Attempts)-1, 12), limit))
}

// RestsUntil is when the chain may go on after the SII failed to answer: no more envelopes into the dark
// for the while first.
func (p *Plan) RestsUntil(first time.Duration) time.Time {
	if a := p.last(); a != nil && p.State == Parked {
		return a.Ended.Add(first)
	}
	return time.Time{}
}

// LastEnded is when the last attempt ended; zero if there was none.
func (p *Plan) LastEnded() time.Time {
	if a := p.last(); a != nil {
		return a.Ended
	}
	return time.Time{}
}

func (p *Plan) last() *Attempt {
	if len(p.Attempts) == 0 {
		return nil
	}
	return &p.Attempts[len(p.Attempts)-1]
}

func (p *Plan) attempt(id string) *Attempt {
	for i := range p.Attempts {
		if p.Attempts[i].ID == id {
			return &p.Attempts[i]
		}
	}
	return nil
}
