// Package planted puts known bugs into the product to prove that the audit of crash campaigns would find
// them. In every build but one Is is a constant false and the compiler drops what it guards; under the build
// tag "planted" the variable PLANTED_BUG of the process's environment names the bug that is there.
//
// The bugs, each against one sentence of docs/architecture.md:
//
//	free-unbound     the sweeper frees a claim that no request names
//	second-folio     a claim is used though the key was bound to another folio meanwhile
//	store-behind     the answer leaves before the signed bytes are stored
//	forget-envelope  the packer ignores which envelope carries a document
//	resign           another attempt signs the envelope anew
//	new-envelope     an upload whose answer was lost counts as refused
//	drop-outbox      the outbox is emptied before the SII's answer is stored
//	epr-accepts      EPR counts as acceptance of each document
package planted
