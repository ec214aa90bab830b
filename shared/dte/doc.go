// Package dte is the model of the SII's electronic tax documents (documentos tributarios electrónicos):
// from the caller's JSON to the signed bytes.
//
//	Resolve   JSON, company and today → Order: read by the format table, cleaned (text pipeline),
//	          filled in, computed, checked; all faults at once, in Spanish, with path and SII code
//	Order     the resolved document without folio, timbre and signature; it is stored as JSON and
//	          gives the same bytes whenever it is written
//	Stamped   what package ted puts into the timbre
//	Write     Order + TED + time + identity → signed <DTE>, in ISO-8859-1
//	Verify    reads finished bytes again before anything is stored
//
// What it is not for: folios, CAFs and timbres (caf, ted), envelopes (envelope), documents that others
// sent. It is pure: no clock, no network, no environment; times come in from outside, in the wall
// clock of America/Santiago.
//
// The types differ in data, not code: type.go says what sets them apart, package format holds their
// fields, table/impuestos.csv the rates by date, package rules the conditions between fields. A rule has
// a level, the middle digit of the SII's codes: 3 refuses; 2 refuses unless the caller allows remarks;
// 1 and unknown warn.
//
// # Files
//
//	resolve, draft, fill, text   from JSON to a document that is whole
//	amount_*                     the calculation: lines, discounts, taxes, totals, what a caller expects
//	check, fault                 schema, obligatoriness and rules; what is told
//	order, write, stamp, verify  the finished document and its bytes
//
// # Sources
//
// Formato DTE v2.5 (2026-02), Formato Boletas Electrónicas v4.2 (2025-09-08), Instructivo Técnico de
// Emisión (2021-10-28), DTE_v10.xsd and SiiTypes_v10.xsd (2026-02), EnvioBOLETA_v11.xsd (2025). FORMATS
// and REJECTIONS in comments are the project's digest of these and of real answers of the SII, in its
// reference folder.
package dte
