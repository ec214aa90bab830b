package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"timbre/shared/event"
)

// View is a document as the API shows it (API.md, POST /v1/documents).
type View struct {
	ID          string          `json:"id"`
	Company     string          `json:"company"`
	Environment string          `json:"environment"`
	Type        int             `json:"type"`
	Folio       int64           `json:"folio"`
	IssueDate   string          `json:"issue_date"`
	Status      event.Status    `json:"status"`
	Reference   string          `json:"reference"`
	Totals      json.RawMessage `json:"totals"`
	TED         string          `json:"ted"`
	Warnings    json.RawMessage `json:"warnings"`
	TrackID     *string         `json:"track_id"`
	SII         *SII            `json:"sii"`
	History     []ViewChange    `json:"history"`
	Links       Links           `json:"links"`
}

// ViewChange is a step of the history with its time in Chile's zone.
type ViewChange struct {
	At     string       `json:"at"`
	Status event.Status `json:"status"`
	Note   string       `json:"note,omitempty"`
}

// Links lead to the document's other representations.
type Links struct {
	Self string `json:"self"`
	XML  string `json:"xml"`
}

// JSON is the view as the API writes it, with < and > of the TED as they are.
func (v View) JSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode document %s: %w", v.ID, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Reference is the caller's own name of the document.
func (r *Record) Reference() (string, error) {
	var v View
	if err := json.Unmarshal([]byte(r.Answer), &v); err != nil {
		return "", fmt.Errorf("decode the answer of %s: %w", r.DocumentID, err)
	}
	return v.Reference, nil
}

// View shows the document in its present state: the answer of its issue with what happened since.
func (r *Record) View(chile *time.Location) (View, error) {
	var v View
	if err := json.Unmarshal([]byte(r.Answer), &v); err != nil {
		return View{}, fmt.Errorf("decode the answer of %s: %w", r.DocumentID, err)
	}
	v.Status, v.SII = r.Status, r.SII
	if track := r.Track(); track != "" {
		v.TrackID = &track
	}
	v.History = nil
	for _, c := range r.History {
		v.History = append(v.History, ViewChange{At: c.At.In(chile).Format(time.RFC3339), Status: c.Status, Note: c.Note})
	}
	return v, nil
}
