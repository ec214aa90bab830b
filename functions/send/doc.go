// Package send packs signed documents into envelopes and uploads them to the SII.
//
// Routes: POST /_push/dte-signed and POST /_tick (service accounts), POST /v1/outbox:flush (scope admin).
// Events in: dte-signed, a wake-up for a chain. Events out: dte-sent when an envelope has a track id,
// dte-status when a document's state changes, dte-signed to itself when time runs out.
//
// The idempotency key is the number of an envelope in its chain (environment, company, channel). The
// truth is in the plans (package dispatch), the outbox and the documents' records; each step may be taken
// by anybody, any number of times:
//
//  1. Help the last plan if it is open: the same bytes, harmless.
//  2. Else list the outbox, leave out what another envelope carries, and create plan n+1.
//  3. Name the envelope in each document before the first POST.
//  4. Sign the plan once: the first to store {n}.xml in the archive wins, its bytes are sent.
//  5. Note the attempt, POST, note the answer, apply it to the documents, empty the outbox; go on until
//     it is empty.
//
// An upload whose answer was lost parks its plan: after a while the SII is asked for one of the documents
// and gets the same bytes again (WEBSERVICES §11.3). Never a new folio, never other bytes, meanwhile.
// Boletas go to the SII's service for boletas where the plan says so. It does not know a file again, so there an
// envelope of which the SII has a document is not sent again. A host that is down rests (shared/sii).
//
// A refusal for a document's fault splits the envelope in halves down to the culprit; one for the
// company's fault blocks the chain until certificate or resolution change or POST /v1/outbox:flush.
package send
