// Package exchange is the mail between companies: it reads what suppliers and customers sent and checks it.
// Package answer below it writes what is answered.
//
//	Read              bytes → File: the root decides what it is; else a *Quarantine with the reason
//	Checker.Check     File → Report: each check pass, warn or fail, with a stable code and a Spanish reason
//	Report.Reception  which technical answer an envelope deserves, for answer.WriteReceptions
//
// Two verdicts are told apart. DocumentReport.Strict is what cryptography alone proves: signature,
// certificate, timbre. Whether the SII has the document only the SII can say; AtSII turns its answer into a check.
// Nothing here decides to drop anything: a file that is not understood keeps its bytes with its owner.
//
// Received XML is read once, within limits, and never written again: Document.Bytes is what the sender
// wrote. A document is verified by the FORMATS 10.2 rule: in its place, cut out, with the SII's namespace alone, with
// none, with the SII's where it is missing. All data of a Document stand below the one element that its signature covers.
//
// It is pure: no mail, no network, no clock. Repeats and the register are for functions/download-received.
//
// Sources: SII, Instructivo técnico de emisión (2021-10-28), intercambio; RespuestaEnvioDTE_v10.xsd,
// EnvioRecibos_v10.xsd; Ley 19.983. FORMATS and WEBSERVICES in comments are the project's digest of these and of
// real mail.
package exchange
