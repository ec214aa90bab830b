// Package notify tells callers what became of their documents: it numbers each event once in the company's
// log (GET /v1/events reads it) and posts it to the company's webhook.
//
// Routes: POST /_push/dte-status, /_push/dte-received, /_push/company-alert and POST /_tick (service accounts);
// nothing public. Events in: dte-status, dte-received, company-alert. Events out: none.
//
// The idempotency key is the event's id: document and number of the change, or subject of the alert. The
// truth is the due entry that whoever makes an event writes first (document.Update, alert.Raise). A push
// only does at once what the entry would have the tick do in two minutes:
//
//  1. Read the document. A change that was announced and is not there is fenced off; then nothing is due.
//  2. Log the changes that the log does not have (package journal), which gives them their numbers.
//  3. Post what the webhook has not taken, in the order of the document's changes, and mark what it took.
//  4. If it failed, write the entry of the next attempt, after 1, 5, 30 minutes, 2, 6, 24 hours and so on
//     for three days; after the last write the dead letter. Remove the entry.
//
// A process may die anywhere: the entry stands, and whoever takes it up finds what is done. So an event is
// logged once and posted at least once, always with the same id and the same bytes.
//
// A webhook must be https, on a public address (package dial), answer 2xx within ten seconds and is not
// followed elsewhere. At most four posts to one URL run at a time in a process; one that does not answer
// rests for a while, during which its events are put off without a try. So a dead receiver costs the
// others nothing.
//
// Environment: that of settings.Common, and ALLOW_PRIVATE_HOSTS for runs on one machine.
package notify
