package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"timbre/emulators/local"
)

// lookEvery is how often a document's state is read.
const lookEvery = 100 * time.Millisecond

// view is what the demonstration reads of a document.
type view struct {
	ID        string `json:"id"`
	Type      int    `json:"type"`
	Folio     int64  `json:"folio"`
	IssueDate string `json:"issue_date"`
	Status    string `json:"status"`
	Totals    struct {
		MntTotal json.Number
	} `json:"totals"`
	TrackID *string          `json:"track_id"`
	SII     *json.RawMessage `json:"sii"`
}

func (v view) final() bool {
	switch v.Status {
	case "accepted", "accepted_with_remarks", "rejected", "blocked":
		return true
	}
	return false
}

// row is one document on its way.
type row struct {
	label                 string
	posted                time.Time
	signed, sent, verdict time.Duration // since it was posted, 0 while it has not come so far
	view
}

// issuer posts orders and follows them.
type issuer struct {
	client *local.Client
	run    string // makes the idempotency keys of this run its own
	screen *screen
}

func newIssuer(client *local.Client, s *screen) *issuer {
	return &issuer{client: client, run: rand.Text()[:8], screen: s}
}

// issueAll posts the orders in turn; each row is told to the screen.
func (i *issuer) issueAll(ctx context.Context, all []order) ([]row, error) {
	rows := make([]row, 0, len(all))
	for n, o := range all {
		if o.annuls >= 0 {
			target := rows[o.annuls]
			annul(o.body, target.Type, target.Folio, target.IssueDate)
		}
		r, err := i.issue(ctx, n, o)
		if err != nil {
			return rows, fmt.Errorf("issue %q: %w", o.label, err)
		}
		rows = append(rows, r)
		i.screen.show(rows)
	}
	return rows, nil
}

func (i *issuer) issue(ctx context.Context, n int, o order) (row, error) {
	r := row{label: o.label, posted: time.Now()}
	request := object{"company": o.company.RUT, "reference": fmt.Sprintf("demo,%d", n+1), "document": o.body}
	answer, err := i.client.Call(ctx, http.MethodPost, "/v1/documents", request,
		"Idempotency-Key", fmt.Sprintf("demo-%s-%d", i.run, n+1))
	if err != nil {
		return r, err
	}
	r.signed = time.Since(r.posted)
	return r, json.Unmarshal(answer, &r.view)
}

// follow looks at the documents until each has its verdict or ctx ends.
func (i *issuer) follow(ctx context.Context, rows []row) error {
	for open := true; open; {
		open = false
		for n := range rows {
			if err := i.look(ctx, &rows[n]); err != nil {
				return err
			}
			open = open || rows[n].verdict == 0
		}
		i.screen.show(rows)
		select {
		case <-ctx.Done():
			return fmt.Errorf("documents without verdict: %w", context.Cause(ctx))
		case <-time.After(lookEvery):
		}
	}
	return nil
}

func (i *issuer) look(ctx context.Context, r *row) error {
	if r.verdict != 0 {
		return nil
	}
	answer, err := i.client.Call(ctx, http.MethodGet, "/v1/documents/"+r.ID, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &r.view); err != nil {
		return fmt.Errorf("read document %s: %w", r.ID, err)
	}
	if r.TrackID != nil && r.sent == 0 {
		r.sent = time.Since(r.posted)
	}
	if r.final() {
		r.verdict = time.Since(r.posted)
	}
	return nil
}
