package audit

// Rule is a promise that must hold once everything has settled.
type Rule string

// The rules.
const (
	// Of what callers saw.
	AnswerStands    Rule = "answer-stands"     // every 2xx names a document that exists, under its key
	ReplayEqual     Rule = "replay-equal"      // all answers to a key are the same bytes, and those that are stored
	RefusalTraces   Rule = "refusal-traces"    // a 4xx leaves nothing behind
	ContentOfCaller Rule = "content-of-caller" // the SII's document has the total that this caller ordered

	// Of folios.
	OneFolioPerKey Rule = "one-folio-per-key" // no key uses two folios
	OneKeyPerFolio Rule = "one-key-per-folio" // no folio belongs to two keys
	Finished       Rule = "finished"          // each claim is bound, signed and has its document
	OneSignedFile  Rule = "one-signed-file"   // one file per document, and it is that document's
	NoLostFolio    Rule = "no-lost-folio"     // what is not used can still be given out

	// Of envelopes.
	OnePlan      Rule = "one-plan"       // no document is in two envelopes that may be at the SII
	AsArchived   Rule = "as-archived"    // the SII got exactly the bytes of the archive, which hold the signed bytes
	OnceAtSII    Rule = "once-at-sii"    // the SII has judged no folio twice; by the service that does not know a file again it holds one
	EmptyOutbox  Rule = "empty-outbox"   // only what is blocked still waits
	ChainGapless Rule = "chain-gapless"  // envelopes are numbered without a gap
	NothingMoves Rule = "nothing-moves"  // no envelope is still open or parked
	Untouched    Rule = "untouched"      // nothing in the archive was overwritten or deleted
	Unknown      Rule = "unknown-at-sii" // the SII has no document that we do not know of

	// Of verdicts.
	Verdict    Rule = "verdict"     // each document ends with a verdict
	FalseGreen Rule = "false-green" // nothing is reported accepted that is not
	FalseRed   Rule = "false-red"   // nothing is reported rejected that is not
	RightTrack Rule = "right-track" // a document knows the track id under which the SII judged it

	// Of what callers are told.
	Told        Rule = "told"          // the last change of each document was told to the webhook, as it is
	ToldInOrder Rule = "told-in-order" // a document's changes are told in their order
	LogWhole    Rule = "log-whole"     // the log has each change once, without a gap in its numbers
)

// Violation is a broken rule.
type Violation struct {
	Rule    Rule   `json:"rule"`
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}
