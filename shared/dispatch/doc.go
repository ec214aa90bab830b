// Package dispatch keeps the chain of envelopes of a company: numbered plans under envelopes/ in the state
// bucket. A plan fixes everything that the envelope's bytes depend on (documents in order, certificate,
// resolution, signing time), so that whoever signs it makes the same bytes, and holds what became of it:
// attempts, track ids, refusal, verdict.
//
// There is one chain per environment, company and channel. Plan n+1 may be created only when plan n is
// closed or parked; the create-only write of the number decides who makes it. After that every step may be
// taken by anybody, any number of times; changes go by compare-and-set. A document belongs to the envelope
// that its record names.
//
//	open ──answer──▶ received ──verdict──▶ done
//	 │  └──────────▶ refused        (whose fault: documents or company)
//	 └──no answer──▶ parked ──the same bytes again──▶ received | refused
//
// The functions send and poll-status walk the plans; this package knows no network.
package dispatch
