// Package outmail sends a company's mails, each once.
//
// Put writes a mail: its bytes into the archive, its Record into the state bucket. From then on the mail is
// bytes for ever, with one Message-ID that its LetterID gives; putting it again changes nothing. Tick sends
// what is due, by the company's SMTP server:
//
//  1. The Record is claimed by compare-and-set before the connection; who finds it claimed does not send.
//  2. What was sent is marked; what failed gets a due entry after 1, 5, 30 minutes, 2, 6, 12, 24 hours, for three days.
//     After that it is Dead: it stays to be seen, and Again sends it once more.
//  3. A claim that is older than any sending can last belongs to a process that died: the mail is sent again, the same
//     bytes with the same Message-ID. So is one whose answer was lost.
//
// A server that does not answer rests for a while, in which its mails wait without a try, and at most two
// mails at a time go to one server: a dead one takes nothing from the others.
//
// A due entry for later stands before anything is written, and one for now after it: whoever dies in between leaves
// nothing that is never looked at.
package outmail
