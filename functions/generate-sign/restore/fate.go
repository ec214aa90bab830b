package restore

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/event"
	"timbre/shared/store"
)

// fate is what the evidence tells of a document's newest version.
type fate struct {
	// envelope is the number of the one that carries it, 0 if none ever did.
	envelope int64
	status   event.Status // "" where the evidence tells nothing
	at       time.Time    // of the status
	sentAt   time.Time
	code     string // of a refusal
	// What the SII said last of the envelope and of the document.
	envelopeState, documentState string
}

// hearing is what the evidence of all its documents tells of an envelope.
type hearing struct {
	attempts map[string]dispatch.Attempt
	refusal  *dispatch.Refusal
	verdict  *dispatch.Verdict
	decided  map[dispatch.Item]bool
	items    []dispatch.Item
}

// replaces begins the note of the decision that a version takes another's place (generate-sign).
const replaces = " replaces version "

// readFate reads the evidence of a folio.
func (r *run) readFate(ctx context.Context, b *books, p *paper) error {
	if len(p.signed) == 0 || !p.whole() {
		return nil
	}
	all, err := dispatch.Kept(ctx, r.Archive, p.DocumentID)
	if err != nil {
		return err
	}
	version := 1
	item := dispatch.Item{Type: p.Type, Folio: p.Folio, Version: version}
	last := 0 // where the evidence of the newest version begins
	for i, e := range all {
		if strings.Contains(e.Note, replaces) {
			version++
			item.Version, last = version, i+1
			continue
		}
		b.hear(dispatch.ChainFor(p.DocumentID).Envelope(e.Envelope), item, e)
	}
	if version < p.latest() { // it was signed, and the note of it was not written
		last = len(all)
	}
	item.Version = p.latest()
	p.fate = b.fateOf(p, item, all[last:])
	return nil
}

// hear takes a piece of evidence to its envelope's.
func (b *books) hear(id store.EnvelopeID, item dispatch.Item, e dispatch.Evidence) {
	if e.Envelope == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.heard[id]
	if h == nil {
		h = &hearing{attempts: map[string]dispatch.Attempt{}, decided: map[dispatch.Item]bool{}}
		b.heard[id] = h
	}
	if !slices.Contains(h.items, item) {
		h.items = append(h.items, item)
	}
	switch next := refusedTo(e); {
	case e.Kind == dispatch.KindUpload:
		h.attempts[e.Attempt] = attemptOf(e)
	case e.Kind == dispatch.KindEnvelopeState:
		h.verdict = &dispatch.Verdict{State: e.Code, Track: e.Track, At: e.At}
	case next != "":
		h.refusal = refusalOf(e, next)
	case verdictOf(e) != "":
		h.decided[item] = true
	}
}

// fateOf follows the evidence of a version to its end.
func (b *books) fateOf(p *paper, item dispatch.Item, all []dispatch.Evidence) fate {
	f := fate{envelope: b.byItem[carriedKey{store.ChannelOf(p.Type), item}]}
	for _, e := range all {
		f.envelope = max(f.envelope, e.Envelope)
	}
	for _, e := range all {
		if e.Envelope != f.envelope || e.Envelope == 0 {
			continue
		}
		next := refusedTo(e)
		switch verdict := verdictOf(e); {
		case e.Kind == dispatch.KindUpload && e.Note == string(dispatch.ResultReceived):
			f.sentAt = e.At
		case e.Kind == dispatch.KindEnvelopeState:
			f.envelopeState = e.Code
		case e.Kind == dispatch.KindDocumentState:
			f.documentState = e.Code
		case next != "":
			f.status, f.at, f.code = next, e.At, e.Code
		case verdict != "":
			f.status, f.at, f.code = verdict, e.At, ""
		}
	}
	return f
}

// verdictOf is the final state that a piece of evidence decides, by the SII's queries or its mail.
func verdictOf(e dispatch.Evidence) event.Status {
	status := event.Status(e.Note)
	if (e.Kind == dispatch.KindDecision || e.Kind == dispatch.KindResultMail) && status.Final() {
		return status
	}
	return ""
}

// refusedTo is the state that a document got by the refusal of its envelope.
func refusedTo(e dispatch.Evidence) event.Status {
	if e.Kind != dispatch.KindDecision || e.Code == "" {
		return ""
	}
	_, next, _ := strings.Cut(e.Note, " → ")
	switch status := event.Status(next); status {
	case event.StatusSigned, event.StatusBlocked, event.StatusRejected:
		return status
	}
	return ""
}

func refusalOf(e dispatch.Evidence, next event.Status) *dispatch.Refusal {
	refusal := &dispatch.Refusal{Fault: dispatch.FaultDocuments, Code: e.Code, At: e.At, Track: e.Track, Answer: e.Answer}
	if next == event.StatusBlocked {
		refusal.Fault = dispatch.FaultCompany
	}
	return refusal
}

func attemptOf(e dispatch.Evidence) dispatch.Attempt {
	a := dispatch.Attempt{
		ID: e.Attempt, At: e.At, Ended: e.At, SHA256: e.SHA256, Result: dispatch.Result(e.Note),
		Track: e.Track, Answer: e.Answer, AnswerSHA256: e.AnswerSHA256,
	}
	if status, err := strconv.Atoi(e.Code); err == nil {
		a.Status = &status
	}
	return a
}
