// Package pollstatus follows envelopes at the SII until each document has its verdict, and shows documents.
//
// Routes: POST /_push/dte-sent and POST /_tick (service accounts); GET /v1/documents/… and GET /v1/events
// (scope read); POST /v1/status:sweep (scope admin). Events in: dte-sent. Events out: dte-status when a document's state
// changes, dte-signed to wake send when it has something to do, company-alert when a verdict is missed.
//
// The idempotency key is the envelope. A look asks QueryEstUp for the envelope's track ids and, once the
// envelope is processed, decides each document: by the counts where they leave no doubt, else by
// QueryEstDte. EPR alone accepts nothing, and a document that QueryEstDte knows is accepted whatever the
// counts say (WEBSERVICES §4.1, §11.2). A whole envelope that was refused goes back to send by way of its
// plan and the outbox. Envelopes with rejections or remarks wait for the SII's result mail, which the tick reads
// from the company's mailbox: it gives reasons and tells which documents have remarks, never a verdict against
// the SII's own answers. What is not decided stands in a due entry, and is asked for again after 1, 2, 5,
// 10, 15 and each 30 minutes; after a day without verdict callers are told, once a day.
package pollstatus
