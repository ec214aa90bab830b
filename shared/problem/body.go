package problem

import (
	"encoding/json"
	"fmt"
	"maps"
)

// typePrefix makes the URN of RFC 9457's "type".
const typePrefix = "urn:dte:problem:"

// Body is a problem document.
type Body struct {
	Type      string
	Title     string
	Status    int
	Detail    string
	Errors    []Field
	SII       *SII
	RequestID string
	Extra     map[string]any
}

// BodyOf is the document of an error, also for the row of a batch.
func BodyOf(err error, requestID string) Body {
	e := Of(err)
	entry := e.Code.entry()
	detail := e.Detail
	if detail == "" {
		detail = entry.detail
	}
	return Body{
		Type: typePrefix + string(e.Code), Title: entry.title, Status: entry.status, Detail: detail,
		Errors: e.Errors, SII: e.SII, RequestID: requestID, Extra: e.Extra,
	}
}

// standard are the members in the order of API.md.
type standard struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail"`
	Errors    []Field `json:"errors,omitempty"`
	SII       *SII    `json:"sii,omitempty"`
	RequestID string  `json:"request_id"`
}

// MarshalJSON writes the standard members, then the extensions; a name of the standard wins.
func (b Body) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(standard{b.Type, b.Title, b.Status, b.Detail, b.Errors, b.SII, b.RequestID})
	if err != nil || len(b.Extra) == 0 {
		return text, err
	}
	extra := maps.Clone(b.Extra)
	for _, name := range []string{"type", "title", "status", "detail", "errors", "sii", "request_id"} {
		delete(extra, name)
	}
	more, err := json.Marshal(extra)
	if err != nil {
		return nil, fmt.Errorf("encode the extensions of a problem: %w", err)
	}
	if len(extra) == 0 {
		return text, nil
	}
	return append(append(text[:len(text)-1], ','), more[1:]...), nil
}
