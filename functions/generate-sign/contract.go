package generatesign

import (
	"encoding/json"

	"timbre/shared/problem"
)

// documentRequest is the body of POST /v1/documents (API.md).
type documentRequest struct {
	Company        string          `json:"company"`
	Reference      string          `json:"reference"`
	Document       json.RawMessage `json:"document"`
	ExpectedTotals json.RawMessage `json:"expected_totals"`
	TotalsPolicy   string          `json:"totals_policy"`
	AllowRemarks   bool            `json:"allow_remarks"`
	Replaces       *string         `json:"replaces"`
}

// batchItem is one row of POST /v1/batches; the batch names the company.
type batchItem struct {
	IdempotencyKey string          `json:"idempotency_key"`
	Reference      string          `json:"reference"`
	Document       json.RawMessage `json:"document"`
	ExpectedTotals json.RawMessage `json:"expected_totals"`
	TotalsPolicy   string          `json:"totals_policy"`
	AllowRemarks   bool            `json:"allow_remarks"`
	Replaces       *string         `json:"replaces"`
}

// batchResult is one row of its answer: the document, or why there is none.
type batchResult struct {
	Index    int             `json:"index"`
	Status   int             `json:"status"`
	Document json.RawMessage `json:"document,omitempty"`
	Problem  *problem.Body   `json:"problem,omitempty"`
}

// reserveRequest is the body of POST /v1/folios:reserve.
type reserveRequest struct {
	Company string `json:"company"`
	Type    int    `json:"type"`
}

// reserveAnswer is its 201; a repeat gets the same with 200.
type reserveAnswer struct {
	Company   string `json:"company"`
	Type      int    `json:"type"`
	Folio     int64  `json:"folio"`
	ExpiresAt string `json:"expires_at"`
}

// dryRunAnswer is what a dry run tells: what would be issued, and how the totals arose.
type dryRunAnswer struct {
	DryRun      bool            `json:"dry_run"`
	Company     string          `json:"company"`
	Environment string          `json:"environment"`
	Type        int             `json:"type"`
	IssueDate   string          `json:"issue_date"`
	Reference   string          `json:"reference"`
	Totals      json.RawMessage `json:"totals"`
	Explain     []string        `json:"explain"`
	Warnings    []warning       `json:"warnings"`
}

// warning is a remark on an accepted document.
type warning struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	SIICode string `json:"sii_code,omitempty"`
}
