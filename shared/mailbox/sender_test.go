package mailbox_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"timbre/emulators/mail"
	"timbre/shared/golden"
	"timbre/shared/mailbox"
	"timbre/shared/mailbox/parts"
	"timbre/shared/mailbox/result"
)

// resultMail is what the SII sends for an envelope (WEBSERVICES §6).
func resultMail() mailbox.Letter {
	xml := "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<RESULTADO_ENVIO><IDENTIFICACION><TRACKID>251767784</TRACKID>" +
		"<ESTADO>EPR - Envio Procesado</ESTADO></IDENTIFICACION><REVISIONENVIO><REVISIONDTE><FOLIO>17</FOLIO><TIPODTE>33</TIPODTE>" +
		"<ESTADO>RCH - DTE Rechazado</ESTADO><DETALLE>(DTE-3-505) Firma DTE Incorrecta a\xf1o</DETALLE></REVISIONDTE></REVISIONENVIO></RESULTADO_ENVIO>"
	return mailbox.Letter{
		From: "SII Operación <siidte@sii.cl>", To: address, ReplyTo: "no-responder@sii.cl",
		Subject: "Resultado de Revision Envio 251767784 - 76192083-9", Text: "Señores:\n.\nSaludos",
		MessageID: "251767784@sii.cl", InReplyTo: "env-1@empresa.cl", Date: time.Date(2026, 6, 15, 10, 32, 7, 0, time.UTC), Automatic: true,
		Files: []mailbox.Attachment{
			{Name: "DTEMAIL251767784.txt", Type: "text/plain", Content: []byte("Estado: EPR")},
			{Name: "DTEMAIL año 251767784.xml", Type: "text/xml", Content: []byte(xml)},
		},
	}
}

func write(tb testing.TB, l mailbox.Letter) []byte {
	tb.Helper()
	raw, err := l.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func TestLetter(t *testing.T) {
	t.Parallel()
	raw := write(t, resultMail())
	golden.Equal(t, "letter.golden.eml", raw)
	if again := write(t, resultMail()); !bytes.Equal(raw, again) {
		t.Error("the same letter gives other bytes")
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || from[0].Name != "SII Operación" || from[0].Address != "siidte@sii.cl" {
		t.Errorf("from %v, %v", from, err)
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 200 || strings.ContainsAny(line, "\n\r") {
			t.Errorf("line %q", line)
		}
	}
}

func TestLetterRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*mailbox.Letter){
		"break in subject":    func(l *mailbox.Letter) { l.Subject = "a\r\nBcc: x@y.cl" },
		"break in address":    func(l *mailbox.Letter) { l.To = "a@b.cl\nx" },
		"no address":          func(l *mailbox.Letter) { l.To = "nadie" },
		"two addresses":       func(l *mailbox.Letter) { l.To = "a@b.cl, c@d.cl" },
		"no message id":       func(l *mailbox.Letter) { l.MessageID = "" },
		"message id in <>":    func(l *mailbox.Letter) { l.MessageID = "<a@b>" },
		"no date":             func(l *mailbox.Letter) { l.Date = time.Time{} },
		"no sender's address": func(l *mailbox.Letter) { l.From = "" },
	}
	for name, spoil := range tests {
		l := resultMail()
		spoil(&l)
		if _, err := l.Bytes(); !errors.Is(err, mailbox.ErrSettings) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResultMail goes the whole way: written, sent, read, taken apart, understood.
func TestResultMail(t *testing.T) {
	t.Parallel()
	modes := map[mailbox.Security]mail.TLS{mailbox.Plain: mail.TLSOff, mailbox.STARTTLS: mail.TLSStart, mailbox.TLS: mail.TLSImplicit}
	for how, mode := range modes {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			s := start(t, mode)
			in, out := at(t, s.SMTPAddr(), how), at(t, s.IMAPAddr(), how)
			if mode != mail.TLSOff {
				in.Roots, out.Roots = trust(t, s), trust(t, s)
			}
			raw := write(t, resultMail())
			if err := mailbox.NewSender(dial, 0).Send(t.Context(), in, "siidte@sii.cl", []string{address}, raw); err != nil {
				t.Fatal(err)
			}
			got, _ := read(t, mailbox.Account{Server: out}, mailbox.Cursor{}, mailbox.Options{})
			if len(got) != 1 || !strings.HasSuffix(got[0], string(raw)) {
				t.Fatalf("%d mails, not the one sent", len(got))
			}
			understand(t, []byte(got[0]))
		})
	}
}

func understand(t *testing.T, raw []byte) {
	t.Helper()
	var found []result.Result
	m, err := parts.Walk(raw, parts.Limits{}, func(f parts.File) error {
		if f.Name != "DTEMAIL año 251767784.xml" {
			t.Errorf("file %q", f.Name)
		}
		r, err := result.Parse(f.Content)
		found = append(found, r)
		return err
	})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if track, _, ok := result.ParseSubject(m.Subject); !ok || track != found[0].Track || m.From != "siidte@sii.cl" || m.MessageID != "251767784@sii.cl" {
		t.Errorf("mail %+v", m)
	}
	if d := found[0].Documents; len(d) != 1 || d[0].Details[0].Text != "Firma DTE Incorrecta año" {
		t.Errorf("documents %+v", d)
	}
}

func TestSendFaults(t *testing.T) {
	t.Parallel()
	raw := write(t, resultMail())
	tests := map[string]struct {
		faults mail.Faults
		spoil  func(*mailbox.Server)
		to     []string
		want   *mailbox.Fault
		mails  int
	}{
		"password":          {spoil: func(s *mailbox.Server) { s.Password = "otra" }, want: mailbox.ErrAuth},
		"TLS where none is": {spoil: func(s *mailbox.Server) { s.Security = mailbox.TLS }, want: mailbox.ErrTLS},
		"no STARTTLS":       {spoil: func(s *mailbox.Server) { s.Security = mailbox.STARTTLS }, want: mailbox.ErrTLS},
		"nobody":            {to: []string{"nadie@empresa.cl"}, want: mailbox.ErrRefused},
		"one of two":        {to: []string{address, "nadie@empresa.cl"}, want: mailbox.ErrRefused},
		"no recipient":      {to: []string{}, want: mailbox.ErrSettings},
		"later":             {faults: mail.Faults{Refuse: 1}, want: mailbox.ErrLater},
		"never":             {faults: mail.Faults{Refuse: 1, RefuseCode: 554}, want: mailbox.ErrRefused},
		"no answer":         {faults: mail.Faults{HangUp: 1}, want: mailbox.ErrUnknown, mails: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, mail.TLSOff)
			if err := s.SetFaults(test.faults); err != nil {
				t.Fatal(err)
			}
			server, to := at(t, s.SMTPAddr(), mailbox.Plain), test.to
			if test.spoil != nil {
				test.spoil(&server)
			}
			if to == nil {
				to = []string{address}
			}
			err := mailbox.NewSender(dial, 5*time.Second).Send(t.Context(), server, "a@b.cl", to, raw)
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if got, _ := read(t, account(t, s), mailbox.Cursor{}, mailbox.Options{}); len(got) != test.mails {
				t.Errorf("%d mails arrived, want %d", len(got), test.mails)
			}
		})
	}
}

func TestSendLarge(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	raw := large(12 << 20)
	if err := mailbox.NewSender(dial, 0).Send(t.Context(), at(t, s.SMTPAddr(), mailbox.Plain), "a@b.cl", []string{address}, []byte(raw)); err != nil {
		t.Fatal(err)
	}
	got, _ := read(t, account(t, s), mailbox.Cursor{}, mailbox.Options{})
	if len(got) != 1 || !strings.HasSuffix(got[0], raw) {
		t.Errorf("%d mails of 12 MB, not the one sent", len(got))
	}
}

// relay answers as an SMTP server until a command, and then never again.
func relay(silent string) func(w io.Writer, tag, command string) {
	quiet := false
	return func(w io.Writer, verb, _ string) {
		if quiet = quiet || verb == silent; quiet {
			return
		}
		answers := map[string]string{"EHLO": "250-x\r\n250 AUTH PLAIN LOGIN", "AUTH": "235 ok", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on"}
		if a := answers[verb]; a != "" {
			_, _ = fmt.Fprintf(w, "%s\r\n", a)
		}
	}
}

func TestSendEndsInTime(t *testing.T) {
	t.Parallel()
	tests := map[string]*mailbox.Fault{
		"EHLO": mailbox.ErrUnreachable, "AUTH": mailbox.ErrUnreachable, "RCPT": mailbox.ErrUnreachable, "DATA": mailbox.ErrUnreachable,
		".": mailbox.ErrUnknown, // the whole mail was sent
	}
	for silent, want := range tests {
		t.Run(silent, func(t *testing.T) {
			t.Parallel()
			server := impostor(t, "220 hello\r\n", relay(silent)).Server
			err := mailbox.NewSender(dial, 100*time.Millisecond).Send(t.Context(), server, "a@b.cl", []string{address}, []byte("Subject: x\r\n\r\ny\r\n"))
			var first *mailbox.Fault
			if !errors.As(err, &first) || first != want {
				t.Errorf("%v, want %v", err, want)
			}
		})
	}
}

func TestSendLogsInByLogin(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"EHLO": "250-x\r\n250 AUTH CRAM-MD5 LOGIN", "AUTH": "334 VXNlcm5hbWU6",
		"ZHRlQGVtcHJlc2EuY2w=": "334 UGFzc3dvcmQ6", "Y2xhdmU=": "235 ok", // user and password in base64
		"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 ok", "QUIT": "221 bye",
	}
	server := impostor(t, "220 hello\r\n", func(w io.Writer, verb, _ string) {
		if verb != "x" { // the mail
			_, _ = fmt.Fprintf(w, "%s\r\n", cmp.Or(answers[verb], "535 no"))
		}
	}).Server
	sender := mailbox.NewSender(dial, 0)
	if err := sender.Send(t.Context(), server, "a@b.cl", []string{address}, []byte("x")); err != nil {
		t.Error(err)
	}
	server.Password = "otra"
	if err := sender.Send(t.Context(), server, "a@b.cl", []string{address}, []byte("x")); !errors.Is(err, mailbox.ErrAuth) {
		t.Error(err)
	}
}

func TestSendIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := impostor(t, "220 hello\r\n", func(io.Writer, string, string) { cancel() }).Server
	if err := mailbox.NewSender(dial, 0).Send(ctx, server, "a@b.cl", []string{address}, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
