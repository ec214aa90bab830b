// Package generatesign turns an order into a signed tax document: POST /v1/documents.
//
// A request is validated whole before anything is stored; then its idempotency key gets a folio
// (package folio), the document is stamped, signed, verified by re-reading it, and stored in the
// archive; the outbox entry, the document's state and the message dte-signed follow. Each step may be
// repeated by anybody: by the caller, who sends the same request again, or by the sweeper, which
// /_tick runs. The key of idempotency is the request header Idempotency-Key, within a company and an
// environment of the SII. A document that the SII never held is replaced on its folio (docs/adr/0003).
//
// Objects: claims/, req/, freed/, marks/, due/, outbox/, doc/ in the state bucket, dte/ in the archive.
package generatesign
