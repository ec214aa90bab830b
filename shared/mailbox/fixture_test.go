package mailbox_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"timbre/emulators/mail"
	"timbre/shared/mailbox"
)

const (
	address  = "dte@empresa.cl"
	password = "clave"
)

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

func start(tb testing.TB, tls mail.TLS) *mail.Server {
	tb.Helper()
	s, err := mail.Start(mail.Options{Dir: tb.TempDir(), TLS: tls, Mailboxes: []mail.Mailbox{{Address: address, Password: password}}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// at is the server behind an address.
func at(tb testing.TB, addr string, how mailbox.Security) mailbox.Server {
	tb.Helper()
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		tb.Fatal(err)
	}
	return mailbox.Server{Host: host, Port: port, Security: how, User: address, Password: password}
}

// account is the emulator's mailbox, without encryption.
func account(tb testing.TB, s *mail.Server) mailbox.Account {
	tb.Helper()
	return mailbox.Account{Server: at(tb, s.IMAPAddr(), mailbox.Plain)}
}

func trust(tb testing.TB, s *mail.Server) *x509.CertPool {
	tb.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CertificatePEM()) {
		tb.Fatal("no certificate")
	}
	return pool
}

// control uses the emulator's control API.
func control(tb testing.TB, s *mail.Server, method, path, body string) string {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, s.ControlURL()+"/mailboxes/"+address+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if closing := res.Body.Close(); err != nil || closing != nil || res.StatusCode != http.StatusOK {
		tb.Fatalf("%s %s: %d %s %v %v", method, path, res.StatusCode, got, err, closing)
	}
	return string(got)
}

func put(tb testing.TB, s *mail.Server, mails ...string) {
	tb.Helper()
	for _, raw := range mails {
		control(tb, s, http.MethodPost, "/messages", raw)
	}
}

// collect is a callback that keeps whole mails.
func collect(into *[]string) func(context.Context, mailbox.Message) error {
	return func(_ context.Context, m mailbox.Message) error {
		raw, err := io.ReadAll(m.Body)
		if err == nil {
			*into = append(*into, string(raw))
		}
		return err
	}
}

func read(tb testing.TB, a mailbox.Account, from mailbox.Cursor, o mailbox.Options) ([]string, mailbox.Progress) {
	tb.Helper()
	var got []string
	p, err := mailbox.NewReader(dial, o).Read(tb.Context(), a, from, collect(&got))
	if err != nil {
		tb.Fatal(err)
	}
	if len(got) != p.Mails {
		tb.Errorf("%d mails read, %d counted", len(got), p.Mails)
	}
	return got, p
}

func large(size int) string {
	return "Subject: grande\r\n\r\n" + strings.Repeat("0123456789 \xf1\xff\x80 abcdefghijklmnopqrstuvwxyz\r\n", size/42)
}

// impostor is a server that says what it likes: answer gets each line of the client with its tag cut off.
func impostor(tb testing.TB, greeting string, answer func(w io.Writer, tag, command string)) mailbox.Account {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() }) // ends the loop below
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go converse(conn, greeting, answer)
		}
	}()
	return mailbox.Account{Server: at(tb, l.Addr().String(), mailbox.Plain)}
}

func converse(conn net.Conn, greeting string, answer func(w io.Writer, tag, command string)) {
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, greeting) // a client that is gone is noticed below
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		tag, command, _ := strings.Cut(lines.Text(), " ")
		answer(conn, tag, command)
	}
}

// polite answers what a client asks before it reads mails, and gives the rest to next.
func polite(next func(w io.Writer, tag, command string)) func(w io.Writer, tag, command string) {
	return func(w io.Writer, tag, command string) {
		verb, _, _ := strings.Cut(command, " ")
		switch verb {
		case "CAPABILITY":
			_, _ = fmt.Fprintf(w, "* CAPABILITY IMAP4rev1\r\n%s OK done\r\n", tag)
		case "LOGIN", "LOGOUT":
			_, _ = fmt.Fprintf(w, "%s OK done\r\n", tag)
		case "EXAMINE":
			_, _ = fmt.Fprintf(w, "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\n%s OK [READ-ONLY] done\r\n", tag)
		default:
			next(w, tag, command)
		}
	}
}

const hello = "* OK hello\r\n"

// quick gives up fast.
var quick = mailbox.Options{Timeout: 300 * time.Millisecond, Retries: -1}
