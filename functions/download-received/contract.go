package downloadreceived

import (
	"encoding/json"

	"timbre/shared/exchange"
	"timbre/shared/received"
	"timbre/shared/rut"
)

// DownloadRequest asks for one intake of a company's mailbox now.
type DownloadRequest struct {
	Company rut.RUT `json:"company"`
}

// DownloadAnswer counts what an intake found.
type DownloadAnswer struct {
	Mails       int `json:"mails"`
	Documents   int `json:"documents"`
	New         int `json:"new"`
	Duplicates  int `json:"duplicates"`
	Quarantined int `json:"quarantined"`
	// MissingXML counts documents that the SII's register lists and that nobody sent; null while that is not known.
	MissingXML *int `json:"missing_xml"`
	// More says that the time was not enough for all mails: the tick, or another request, reads on.
	More bool `json:"more"`
}

// PostAnswer says what became of a mail or an XML that was posted.
type PostAnswer struct {
	SHA256     string `json:"sha256"`
	Documents  int    `json:"documents"`
	New        int    `json:"new"`
	Duplicates int    `json:"duplicates"`
	// Files are what was taken out of it.
	Files       []FileView `json:"files"`
	Quarantined int        `json:"quarantined"`
}

// List is a page of the register; Cursor is what to ask on from, now or later.
type List struct {
	Items  []Item `json:"items"`
	Cursor string `json:"cursor"`
}

// Item is a received document as lists show it.
type Item struct {
	ID          string `json:"id"`
	Company     string `json:"company"`
	Environment string `json:"environment"`
	Issuer      string `json:"issuer"`
	IssuerName  string `json:"issuer_name"`
	Type        int    `json:"type"`
	Folio       int64  `json:"folio"`
	IssueDate   string `json:"issue_date"`
	// Total is null where MntTotal is no number.
	Total         *json.Number `json:"total"`
	ReceivedAt    string       `json:"received_at"`
	SIIReceivedAt *string      `json:"sii_received_at"`
	ClaimDeadline *string      `json:"claim_deadline"`
	// Strict is the verdict of cryptography alone, SII what the SII says.
	Strict   exchange.Result   `json:"strict"`
	SII      exchange.Standing `json:"sii"`
	Checks   []Check           `json:"checks"`
	State    received.State    `json:"state"`
	Variants int               `json:"variants"`
	Links    Links             `json:"links"`
}

// Check is one finding.
type Check struct {
	Check  exchange.Code   `json:"check"`
	Status exchange.Result `json:"status"`
	Reason string          `json:"reason"`
	Path   string          `json:"path,omitempty"`
}

// Links lead to a document, its bytes as its issuer wrote them, the file and the mail that brought them.
type Links struct {
	Self string `json:"self"`
	XML  string `json:"xml"`
	File string `json:"file"`
	Mail string `json:"mail"`
}

// View is a document with all that is known of it.
type View struct {
	Item
	// File is the one that brought it; null while its mail is being taken in.
	File *FileView     `json:"file"`
	All  []VariantView `json:"all_variants"`
	// SIIAnswer is what the SII said last, null while it was not asked.
	SIIAnswer *received.AtSII            `json:"sii_answer"`
	Claims    []received.Claim           `json:"claims"`
	Responses []received.Response        `json:"responses"`
	Answers   []received.RequestedAnswer `json:"answers"`
	Signature string                     `json:"signature,omitempty"`
}

// VariantView is one form of the document's bytes.
type VariantView struct {
	SHA256     string            `json:"sha256"`
	ReceivedAt string            `json:"received_at"`
	Again      int               `json:"again"`
	IssueDate  string            `json:"issue_date"`
	Total      *json.Number      `json:"total"`
	Strict     exchange.Result   `json:"strict"`
	SII        exchange.Standing `json:"sii"`
	Checks     []Check           `json:"checks"`
	Links      Links             `json:"links"`
}

// FileList is a page of the files that are no purchases: answers, cessions, the SII's result mails.
type FileList struct {
	Items  []FileView `json:"items"`
	Cursor string     `json:"cursor"`
}

// FileView is a file out of a mail.
type FileView struct {
	SHA256     string             `json:"sha256"`
	Kind       exchange.Kind      `json:"kind"`
	Name       string             `json:"name,omitempty"`
	ReceivedAt string             `json:"received_at"`
	Envelope   *received.Envelope `json:"envelope,omitempty"`
	From       *rut.RUT           `json:"from,omitempty"`
	Checks     []Check            `json:"checks"`
	Documents  []received.Brought `json:"documents"`
	Links      FileLinks          `json:"links"`
}

// FileLinks lead to a file's bytes and to the mail that brought it.
type FileLinks struct {
	File string `json:"file,omitempty"`
	Mail string `json:"mail"`
}

// QuarantineList is a page of what could not be read or is for somebody else.
type QuarantineList struct {
	Items  []QuarantineItem `json:"items"`
	Cursor string           `json:"cursor"`
}

// QuarantineItem is one thing in quarantine.
type QuarantineItem struct {
	Number int64 `json:"number"`
	received.Quarantined
	Links FileLinks `json:"links"`
}

// SeedAnswer is GET /api/dte/download/received.
type SeedAnswer struct {
	Success   bool   `json:"success"`
	Documents []Item `json:"documents"`
	// Cursor goes on where the page ends, as the parameter cursor; empty on the last page.
	Cursor string `json:"cursor,omitempty"`
}
