// Package mail is a mail server for a company's mailbox: SMTP in, IMAP out, mailboxes per address.
//
// It stands in for the provider where the SII's result mails and the suppliers' documents arrive. What it
// acknowledged survives kill -9 (package depot). A control API lists, reads and injects mails and sets
// faults: refused, late, doubled and lost mails, lost answers, connections cut in the middle of a mail.
//
// Start one with Start. The README tells about the command and the API.
package mail
