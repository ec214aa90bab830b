// Package judge decides about an EnvioDTE as the SII does: first the envelope
// (signature, carátula), then each document in the SII's order: folio already
// received, CAF, timbre, signature, business rules.
//
// It is a witness, not a mirror: model, canonicalization (goxmldsig on etree)
// and rules were written from the SII's documents and share nothing with the
// product. Codes are given only where a real answer or an official text shows
// them; other faults carry a plain glosa and a rule name of our own.
//
// What the SII's documents state about fields is data: the tables rules_*.go, run
// by statements. Each row says when it applies, what must hold, and its source;
// ../RULES.md lists them with the rest. Rules that documents known to be accepted
// break rest unless Court.Strict.
//
// Sources: Formato DTE v2.5 (2026-02), Instructivo Técnico (emisión), the XSDs
// of 2026-02, the SII's list of validations, and answers recorded in public
// certification logs.
package judge
