// Package restore makes a lost state bucket again from the archive (docs/runbooks/restore.md, docs/adr/0004):
// every folio under dte/ is held by the request that it was given to, whose repeats get the same answer;
// plans of envelopes stand where the evidence says; what has no verdict is asked for again; what was never
// sent waits in the outbox. Companies come last, so that nothing is issued or sent before all folios are
// known.
//
// Everything is created and nothing is overwritten: a run that died is run again, and one beside functions
// that already work again does no harm. What the archive does not hold is told in the Report: API keys,
// SII tokens, the numbers of events, how far mailboxes were read, the register of purchases.
package restore
