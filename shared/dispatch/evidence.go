package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/shared/store"
)

// Evidence is one request, answer or decision about a document, kept for ever. It holds no token and no
// secret; a fact that was noted twice (a crash came between) is there twice with the same times.
type Evidence struct {
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"` // upload, envelope-state, document-state, result-mail, decision
	Envelope int64     `json:"envelope,omitempty"`
	Attempt  string    `json:"attempt,omitempty"`
	// SHA256 is that of the file that was uploaded, or of the mail that came.
	SHA256 string `json:"sha256,omitempty"`
	Track  string `json:"track_id,omitempty"`
	Code   string `json:"code,omitempty"` // STATUS or ESTADO
	// Answer is the SII's text, AnswerSHA256 its hash; Note is ours.
	Answer       string `json:"answer,omitempty"`
	AnswerSHA256 string `json:"answer_sha256,omitempty"`
	Note         string `json:"note,omitempty"`
}

// The kinds of evidence.
const (
	KindUpload        = "upload"
	KindEnvelopeState = "envelope-state"
	KindDocumentState = "document-state"
	KindResultMail    = "result-mail"
	KindDecision      = "decision"
)

// Keep stores evidence about a document at the next free numbers.
func Keep(ctx context.Context, archive *store.Bucket, d store.DocumentID, all ...Evidence) error {
	n, err := keptSoFar(ctx, archive, d)
	if err != nil {
		return err
	}
	return keepFrom(ctx, archive, d, n+1, all...)
}

// keepFrom stores evidence at the free numbers from n on.
func keepFrom(ctx context.Context, archive *store.Bucket, d store.DocumentID, n int, all ...Evidence) error {
	for len(all) > 0 {
		_, err := archive.CreateJSON(ctx, store.Evidence(d, n), all[0], nil)
		n++
		if errors.Is(err, store.ErrExists) { // somebody else's
			continue
		}
		if err != nil {
			return fmt.Errorf("keep evidence: %w", err)
		}
		all = all[1:]
	}
	return nil
}

func keptSoFar(ctx context.Context, archive *store.Bucket, d store.DocumentID) (int, error) {
	n := 0
	for _, err := range archive.List(ctx, store.Query{Prefix: store.EvidencePrefix(d)}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Kept reads the evidence about a document in order.
func Kept(ctx context.Context, archive *store.Bucket, d store.DocumentID) ([]Evidence, error) {
	all := []Evidence{}
	for n := 1; ; n++ {
		var e Evidence
		_, err := archive.ReadJSON(ctx, store.Evidence(d, n), &e)
		if isMissing(err) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("evidence of %s: %w", d, err)
		}
		all = append(all, e)
	}
}
