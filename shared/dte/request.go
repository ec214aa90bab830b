package dte

import (
	"encoding/json"
	"time"

	"timbre/shared/rut"
)

// Issuer is the company that issues (zone Emisor). Fields left empty are not written.
type Issuer struct {
	RUT          rut.RUT
	RznSoc       string
	GiroEmis     string
	Acteco       []string
	Telefono     []string
	CorreoEmisor string
	Sucursal     string
	CdgSIISucur  string
	DirOrigen    string
	CmnaOrigen   string
	CiudadOrigen string
}

// Policy says what becomes of totals that differ from ours.
type Policy string

// The policies of API.md, totals_policy. The zero value is PolicyExact.
const (
	PolicyExact    Policy = "exact"
	PolicyTolerate Policy = "tolerate"
)

// Request is what a caller wants to issue.
type Request struct {
	// Document is the member "document" of the request, in the SII's names.
	Document json.RawMessage
	Issuer   Issuer
	// ExpectedTotals is the member "expected_totals"; nil if absent.
	ExpectedTotals json.RawMessage
	TotalsPolicy   Policy
	// AllowRemarks lets pass what the SII accepts with remarks (level 2).
	AllowRemarks bool
	// StrictRemarks refuses every level, for certification sets, where any remark fails the set.
	StrictRemarks bool
	// Today is the date in Chile.
	Today time.Time
}
