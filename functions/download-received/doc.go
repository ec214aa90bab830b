// Package downloadreceived takes in what suppliers send: it reads the company's mailbox, keeps every mail,
// checks every document, and shows the register of purchases.
//
// Routes: POST /v1/received, POST /v1/received:download and POST /v1/received/…/response (scope receive); GET
// /v1/received… and GET /api/dte/download/received (scope read); POST /_tick (service accounts). Events in:
// none. Events out: dte-received, which wakes notify to tell callers of document.received.
//
// The idempotency key is the SHA-256 of what came in, mail or XML. A mail is taken in by steps that anybody may
// do, any number of times:
//
//  1. Archive the raw mail (create-only), then write the due entry of its intake. Now it is safe, and the
//     mailbox's cursor may pass it whatever becomes of the rest.
//  2. For each XML in it: archive the file; read and check it; for each document archive its bytes, add the
//     variant to its record (compare-and-set), write the due entry of the question to the SII.
//  3. Put the new documents into the gapless log, tell notify, note the file.
//  4. Note the mail as taken in; remove the due entry.
//
// Whoever dies leaves the entry, and the tick takes the mail in again: records, logs and alerts know what they
// have. What cannot be read, or is for somebody else, goes into the log of the quarantine with its reason;
// answers, cessions and the SII's result mails into the log of files. Nothing is thrown away.
//
// The mailbox is shared with poll-status, which waits there for the SII's result mails. Each has a cursor of its
// own and neither marks nor moves a mail, so neither takes anything from the other. A result mail that is found
// here is kept and noted under its track id besides, where poll-status looks before it reads the mailbox: so one
// that was posted by hand, or came into a mailbox that poll-status cannot read just now, reaches it too.
//
// What comes is taken in for the company's active environment; checks warn of what is of the other one.
//
// Two verdicts are told apart. Cryptography decides at once; whether the SII has the document is asked by the
// tick (getEstDteAv, which compares the signature, else getEstDte), again after each failure, and never holds the
// intake up.
//
// What came by mail is answered by mail (shared/outmail): each envelope once with a RecepcionEnvio, as soon as the tick
// comes to the due entry that the intake left; never answers, bounces, automatic replies, repeats, or an XML that was
// posted by hand. What a person enters at the SII (…/response) goes out as ResultadoDTE or EnvioRecibos; …/answers mails
// without the SII. The number of each file and answer (CodEnvio, IdRespuesta) is its place in a gapless log. A company
// without intercambio.smtp answers nothing.
//
// …/response enters what a person says about a document into the SII's register of acceptance or claim. Never anything
// else is entered. Nothing is entered for a document that the SII lacks or holds with other data, nor what its state
// machine or its eight days (shared/claim) forbid. The steps, which the tick takes up where somebody died:
//
//  1. Write the due entry of the document; then note the response in its record as pending.
//  2. Enter it, once. What the SII answers ends it; what was lost or refused, its list of events decides, since the
//     action may be there by an earlier attempt. Without an answer it stays pending: the caller gets 503, and the
//     tick goes on until the SII answers or the term is over.
//
// When the SII has a document, the tick asks when it received it, and looks again three days and one day before the end
// (claim.deadline, once each, unless somebody has answered, here or there) and at the end.
//
// The books of the SII's register of purchases come by upload (PUT …/reconciliation), or each day by the connector
// (RCV_CONNECTOR); what is missing is reckoned when somebody asks, so that the list shrinks by itself.
//
// Environment: that of settings.Common, SII_BASE_URL, ALLOW_PRIVATE_HOSTS, INTAKE_EVERY, CLAIM_TOKENS, RCV_CONNECTOR.
package downloadreceived
