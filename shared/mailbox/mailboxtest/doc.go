// Package mailboxtest gives tests a real mail server: a private Dovecot, as Debian has it, on ports of this machine.
package mailboxtest
