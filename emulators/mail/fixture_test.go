package mail_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"timbre/emulators/mail"
)

const (
	address  = "dte@empresa.cl"
	password = "clave"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		os.Exit(serveUntilKilled(dir))
	}
	os.Exit(m.Run())
}

// long is a number for the default run, or a larger one for WITNESS=1.
func long(short, witness int) int {
	if os.Getenv("WITNESS") == "1" {
		return witness
	}
	return short
}

func start(tb testing.TB, o mail.Options) *mail.Server {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	o.Mailboxes = append(o.Mailboxes, mail.Mailbox{Address: address, Password: password})
	s, err := mail.Start(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() }) // some tests close it themselves
	return s
}

// letter is a small mail with a mark in its subject.
func letter(mark string) string {
	return "From: sii@sii.cl\r\nTo: " + address + "\r\nSubject: " + mark + "\r\nMessage-ID: <" + mark + "@sii.cl>\r\n\r\nHola\r\n"
}

func trust(tb testing.TB, s *mail.Server) *tls.Config {
	tb.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CertificatePEM()) {
		tb.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func send(s *mail.Server, to, raw string) error {
	c, err := smtp.Dial(s.SMTPAddr())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // the answer counts, not the goodbye
	return c.SendMail("sii@sii.cl", []string{to}, strings.NewReader(raw))
}

func mustSend(tb testing.TB, s *mail.Server, raw string) {
	tb.Helper()
	if err := send(s, address, raw); err != nil {
		tb.Fatalf("send: %v", err)
	}
}

// login opens the mailbox by IMAP without TLS.
func login(tb testing.TB, s *mail.Server) *imapclient.Client {
	tb.Helper()
	c, err := imapclient.DialInsecure(s.IMAPAddr(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() }) // may be cut already
	if err := c.Login(address, password).Wait(); err != nil {
		tb.Fatal(err)
	}
	return c
}

func inbox(tb testing.TB, s *mail.Server, readOnly bool) (*imapclient.Client, *imap.SelectData) {
	tb.Helper()
	c := login(tb, s)
	data, err := c.Select("inbox", &imap.SelectOptions{ReadOnly: readOnly}).Wait()
	if err != nil {
		tb.Fatal(err)
	}
	return c, data
}

var everything = imap.UIDSet{imap.UIDRange{Start: 1, Stop: 0}}

func fetch(tb testing.TB, c *imapclient.Client, set imap.NumSet, peek bool) []*imapclient.FetchMessageBuffer {
	tb.Helper()
	out, err := c.Fetch(set, &imap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{{Peek: peek}},
	}).Collect()
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func body(m *imapclient.FetchMessageBuffer) string { return string(m.BodySection[0].Bytes) }

// subjects of all mails in the INBOX, by the control API.
func subjects(tb testing.TB, s *mail.Server) []string {
	tb.Helper()
	var list []struct{ Subject string }
	call(tb, s, http.MethodGet, "/mailboxes/"+address+"/messages", "", http.StatusOK, &list)
	out := []string{}
	for _, m := range list {
		out = append(out, m.Subject)
	}
	return out
}

// call uses the control API and checks the status.
func call(tb testing.TB, s *mail.Server, method, path, content string, status int, into any) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, s.ControlURL()+path, strings.NewReader(content))
	if err != nil {
		tb.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if closing := res.Body.Close(); err != nil || closing != nil {
		tb.Fatal(err, closing)
	}
	if res.StatusCode != status {
		tb.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, got, status)
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = got
		return
	}
	if into != nil {
		if err := json.NewDecoder(bytes.NewReader(got)).Decode(into); err != nil {
			tb.Fatalf("%s %s: %v in %s", method, path, err, got)
		}
	}
}

// large is a mail of about so many bytes, with every byte value that a line may hold.
func large(size int) string {
	var b strings.Builder
	b.WriteString(letter("grande"))
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%08d áéíóú\xff\xfe\x80 .\r\n.%d\r\n", i, i)
	}
	return b.String()
}

// readBody reads the first mail of an answer as far as it comes.
func readBody(cmd *imapclient.FetchCommand) (int64, error) {
	var n int64
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		for item := m.Next(); item != nil; item = m.Next() {
			section, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok {
				continue
			}
			read, err := io.Copy(io.Discard, section.Literal)
			n += read
			if err == nil && read < section.Literal.Size() {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return n, err // without reading on, which races in the client
			}
		}
	}
	return n, cmd.Close()
}
