// Package mailbox reads a company's mailbox by IMAP and sends mail by SMTP.
//
// Reader.Read hands each mail after a Cursor to a callback, in the order of arrival and as a stream.
// It opens the folder with EXAMINE and fetches with BODY.PEEK, so it neither looks at \Seen nor changes it: people
// and other programs may read the same mailbox. A mail counts as read when the callback returns nil.
// The same mail can come again (a broken connection, a new UIDVALIDITY), so callers tell mails apart
// by the SHA-256 of the raw message, never by Message-ID (WEBSERVICES §9.2: retries change it).
//
// Letter.Bytes writes a mail, the same bytes for the same Letter; Sender.Send delivers such bytes.
// Who keeps the bytes and sends them again after ErrUnknown sends the same Message-ID again.
//
// Servers are named by tenants, so they are taken for hostile: the Dialer decides what may be
// connected to, every step has a time limit and every answer a size limit. Errors wrap one Fault.
//
// Package parts takes a mail apart; package result reads the SII's result mail.
//
// Sources: RFC 9051 and 3501 (IMAP), 5321 (SMTP), 5322, 2045–2047 and 2231 (messages).
package mailbox
