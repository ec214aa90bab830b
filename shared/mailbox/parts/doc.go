// Package parts takes a mail apart and finds the XML in it, wherever it is.
//
// Walk goes through multiparts, forwarded mails (message/rfc822, .eml) and ZIP archives and gives each
// file that may be XML to a callback: attached or inline, of whatever media type and name, with or
// without transfer encoding. Mail.Others lists everything else, with why it was not given out, so that
// nothing disappears silently. What a file is, its root element decides, in the caller.
//
// The reader takes what mail programs really send (sii/WEBSERVICES §9.2): boundaries that never close,
// base64 with rubbish in it, names in any charset, headers without a blank line after them. So it never
// fails; it only finds less. Limits bound work and memory, whatever the mail.
//
// Sources: RFC 5322, 2045–2047, 2231, 3834 (automatic answers), 3464 (DSN); PKWARE APPNOTE (ZIP).
package parts
