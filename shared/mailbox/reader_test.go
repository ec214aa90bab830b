package mailbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/emulators/mail"
	"timbre/shared/mailbox"
)

func TestReadThroughEachSecurity(t *testing.T) {
	t.Parallel()
	modes := map[mailbox.Security]mail.TLS{mailbox.Plain: mail.TLSOff, mailbox.STARTTLS: mail.TLSStart, mailbox.TLS: mail.TLSImplicit, "": mail.TLSImplicit}
	for how, mode := range modes {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			s := start(t, mode)
			put(t, s, "uno\r\n", large(100_000), "broken \x00 mail without header")
			a := mailbox.Account{Server: at(t, s.IMAPAddr(), how)}
			if mode != mail.TLSOff {
				a.Roots = trust(t, s)
			}
			before := control(t, s, http.MethodGet, "/messages", "")
			got, p := read(t, a, mailbox.Cursor{}, mailbox.Options{})
			if want := []string{"uno\r\n", large(100_000), "broken \x00 mail without header"}; !slices.Equal(got, want) {
				t.Errorf("%d mails, first %q; want %d as they were put", len(got), got[0], len(want))
			}
			if p.Cursor.UID != 3 || p.Cursor.UIDValidity == 0 || p.More {
				t.Errorf("progress %+v", p)
			}
			if after := control(t, s, http.MethodGet, "/messages", ""); after != before {
				t.Errorf("reading changed the mailbox: %s", after)
			}
		})
	}
}

func TestCursorAndLimit(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, "a", "b", "c")
	control(t, s, http.MethodDelete, "/messages/2", "")
	put(t, s, "d", "e")
	a, o := account(t, s), mailbox.Options{Limit: 2}
	got, p := read(t, a, mailbox.Cursor{}, o)
	if !slices.Equal(got, []string{"a", "c"}) || !p.More {
		t.Errorf("first: %q, %+v", got, p)
	}
	got, p = read(t, a, p.Cursor, o)
	if !slices.Equal(got, []string{"d", "e"}) || p.More {
		t.Errorf("second: %q, %+v", got, p)
	}
	last := p.Cursor
	if got, p = read(t, a, last, o); len(got) > 0 || p.Cursor != last {
		t.Errorf("third: %q, %+v", got, p)
	}
	latest, err := mailbox.NewReader(dial, o).Latest(t.Context(), a)
	if err != nil || latest != last {
		t.Errorf("latest %+v, %v; want %+v", latest, err, last)
	}
}

func TestEmptyMailbox(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	got, p := read(t, account(t, s), mailbox.Cursor{}, mailbox.Options{})
	if len(got) > 0 || p.Cursor.UID != 0 || p.Cursor.UIDValidity == 0 {
		t.Errorf("%q, %+v", got, p)
	}
}

func TestNewUIDValidityStartsAgain(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, "a", "b")
	a := account(t, s)
	_, before := read(t, a, mailbox.Cursor{}, mailbox.Options{})
	control(t, s, http.MethodPost, "/renumber", "")
	got, after := read(t, a, before.Cursor, mailbox.Options{})
	if !slices.Equal(got, []string{"a", "b"}) || after.Cursor.UIDValidity == before.Cursor.UIDValidity {
		t.Errorf("%q, %+v after %+v", got, after, before)
	}
}

func TestFolderAndSince(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, "a")
	a := account(t, s)
	a.Folder = "nada"
	_, err := mailbox.NewReader(dial, mailbox.Options{}).Read(t.Context(), a, mailbox.Cursor{}, collect(new([]string)))
	if !errors.Is(err, mailbox.ErrNoFolder) {
		t.Errorf("folder: %v", err)
	}
	a.Folder, a.Since = "", time.Now().AddDate(0, 0, 3)
	if got, _ := read(t, a, mailbox.Cursor{}, mailbox.Options{}); len(got) > 0 {
		t.Errorf("mails before Since: %q", got)
	}
}

func TestOddPasswords(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	a, smtp := account(t, s), at(t, s.SMTPAddr(), mailbox.Plain)
	for _, odd := range []mailbox.Secret{`quote " and \`, "ñandú €", "}{5}", "%s", " blank "} {
		body, err := json.Marshal(map[string]string{"user": address, "password": string(odd)})
		if err != nil {
			t.Fatal(err)
		}
		control(t, s, http.MethodPut, "", string(body))
		a.Password, smtp.Password = odd, odd
		if _, err := mailbox.NewReader(dial, mailbox.Options{}).Latest(t.Context(), a); err != nil {
			t.Errorf("IMAP, %q: %v", string(odd), err)
		}
		if err := mailbox.NewSender(dial, 0).Send(t.Context(), smtp, "a@b.cl", []string{address}, []byte("x")); err != nil {
			t.Errorf("SMTP, %q: %v", string(odd), err)
		}
	}
}

func TestGoesOnAfterABreak(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, "a", large(1<<20), "c")
	for i, cuts := range []int{1, 2} {
		if err := s.SetFaults(mail.Faults{Cut: cuts}); err != nil {
			t.Fatal(err)
		}
		got, p := read(t, account(t, s), mailbox.Cursor{}, mailbox.Options{})
		if !slices.Equal(got, []string{"a", large(1 << 20), "c"}) || p.Mails != 3 {
			t.Errorf("%d cuts: %d mails", i+1, len(got))
		}
	}
}

func TestBreaksWithoutEnd(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, "a", large(1<<20), "c")
	var got []string
	keep := collect(&got)
	p, err := mailbox.NewReader(dial, mailbox.Options{}).Read(t.Context(), account(t, s), mailbox.Cursor{}, func(ctx context.Context, m mailbox.Message) error {
		if m.Cursor.UID == 1 {
			if err := s.SetFaults(mail.Faults{Cut: 100}); err != nil {
				t.Error(err)
			}
		}
		return keep(ctx, m)
	})
	if !errors.Is(err, mailbox.ErrUnreachable) || p.Cursor.UID != 1 || p.Mails != 1 {
		t.Errorf("%v, %+v", err, p)
	}
	if left := s.Faults().Cut; left != 97 {
		t.Errorf("%d tries, want 3", 100-left)
	}
}

// A callback that swallows the error of a torn mail must not move the cursor.
func TestTornMailIsNotRead(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, large(1<<20))
	if err := s.SetFaults(mail.Faults{Cut: 1}); err != nil {
		t.Fatal(err)
	}
	o := mailbox.Options{Retries: -1}
	p, err := mailbox.NewReader(dial, o).Read(t.Context(), account(t, s), mailbox.Cursor{}, func(_ context.Context, m mailbox.Message) error {
		_, _ = io.Copy(io.Discard, m.Body) // the point of this test
		return nil
	})
	if !errors.Is(err, mailbox.ErrUnreachable) || p.Cursor.UID != 0 {
		t.Errorf("%v, %+v", err, p)
	}
}

// A server that hangs up politely in the middle must not make half a mail look whole.
func TestHalfAMailIsAnError(t *testing.T) {
	t.Parallel()
	a := impostor(t, hello, polite(func(w io.Writer, tag, command string) {
		switch {
		case strings.HasPrefix(command, "UID SEARCH"):
			_, _ = fmt.Fprintf(w, "* SEARCH 1\r\n%s OK done\r\n", tag)
		case strings.Contains(command, "BODY.PEEK[]"):
			_, _ = io.WriteString(w, "* 1 FETCH (UID 1 BODY[]<0> {100}\r\nabc")
			_ = w.(io.Closer).Close()
		default:
			_, _ = fmt.Fprintf(w, "* 1 FETCH (UID 1 RFC822.SIZE 100)\r\n%s OK done\r\n", tag)
		}
	}))
	var got []string
	_, err := mailbox.NewReader(dial, mailbox.Options{Retries: -1}).Read(t.Context(), a, mailbox.Cursor{}, collect(&got))
	if !errors.Is(err, mailbox.ErrUnreachable) || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCallbackEndsRead(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, "a", large(1<<20), "c")
	stop := fmt.Errorf("stop: %w", mailbox.ErrUnreachable) // of another connection: no reason to connect again here
	calls := 0
	p, err := mailbox.NewReader(dial, mailbox.Options{}).Read(t.Context(), account(t, s), mailbox.Cursor{}, func(context.Context, mailbox.Message) error {
		if calls++; calls == 2 {
			return stop
		}
		return nil
	})
	if err != stop || calls != 2 || p.Cursor.UID != 1 { //nolint:errorlint // the very error
		t.Errorf("%v after %d calls, %+v", err, calls, p)
	}
}

// TestNothingIsLeftRunning shows that a callback which leaves a mail unread leaves no goroutine either.
func TestNothingIsLeftRunning(t *testing.T) {
	s := start(t, mail.TLSOff)
	put(t, s, large(1<<20))
	stop := errors.New("stop")
	_, err := mailbox.NewReader(dial, mailbox.Options{}).Read(t.Context(), account(t, s), mailbox.Cursor{}, func(context.Context, mailbox.Message) error { return stop })
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	stacks := make([]byte, 1<<20)
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		if !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "imapclient.(*Client).read(") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the client still reads")
		}
	}
}

func TestUnreadBodyIsSkipped(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, large(1<<20), "b")
	p, err := mailbox.NewReader(dial, mailbox.Options{}).Read(t.Context(), account(t, s), mailbox.Cursor{}, func(context.Context, mailbox.Message) error { return nil })
	if err != nil || p.Mails != 2 {
		t.Errorf("%v, %+v", err, p)
	}
}

func TestTruncated(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, strings.Repeat("x", 1000), strings.Repeat("y", 1001), "z")
	var got []string
	var cut []bool
	p, err := mailbox.NewReader(dial, mailbox.Options{MaxBytes: 1000}).Read(t.Context(), account(t, s), mailbox.Cursor{}, func(ctx context.Context, m mailbox.Message) error {
		cut = append(cut, m.Truncated)
		return collect(&got)(ctx, m)
	})
	if err != nil || p.Mails != 3 {
		t.Fatal(err, p)
	}
	if !slices.Equal(got, []string{strings.Repeat("x", 1000), strings.Repeat("y", 1000), "z"}) || !slices.Equal(cut, []bool{false, true, false}) {
		t.Errorf("mails of %d, %d, %d bytes, cut %v", len(got[0]), len(got[1]), len(got[2]), cut)
	}
}

func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	s := start(t, mail.TLSOff)
	put(t, s, "a", "b", "c")
	var got []string
	p, err := mailbox.NewReader(dial, mailbox.Options{}).Read(t.Context(), account(t, s), mailbox.Cursor{}, func(ctx context.Context, m mailbox.Message) error {
		if m.Cursor.UID == 1 {
			control(t, s, http.MethodDelete, "/messages/2", "")
		}
		return collect(&got)(ctx, m)
	})
	if err != nil || !slices.Equal(got, []string{"a", "c"}) || p.Cursor.UID != 3 {
		t.Errorf("%q, %v, %+v", got, err, p)
	}
}

func TestFaultsOfServers(t *testing.T) {
	t.Parallel()
	clear, starttls, implicit := start(t, mail.TLSOff), start(t, mail.TLSStart), start(t, mail.TLSImplicit)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	wrong := account(t, clear)
	wrong.Password = "otra"
	tests := map[string]struct {
		account mailbox.Account
		want    *mailbox.Fault
	}{
		"password":              {wrong, mailbox.ErrAuth},
		"nobody listens":        {mailbox.Account{Server: at(t, closed.Addr().String(), mailbox.Plain)}, mailbox.ErrUnreachable},
		"certificate":           {mailbox.Account{Server: at(t, implicit.IMAPAddr(), mailbox.TLS)}, mailbox.ErrTLS},
		"STARTTLS certificate":  {mailbox.Account{Server: at(t, starttls.IMAPAddr(), mailbox.STARTTLS)}, mailbox.ErrTLS},
		"STARTTLS not offered":  {mailbox.Account{Server: at(t, clear.IMAPAddr(), mailbox.STARTTLS)}, mailbox.ErrTLS},
		"TLS on a clear port":   {mailbox.Account{Server: at(t, clear.IMAPAddr(), mailbox.TLS)}, mailbox.ErrTLS},
		"clear where forbidden": {mailbox.Account{Server: at(t, starttls.IMAPAddr(), mailbox.Plain)}, mailbox.ErrTLS},
		"no host":               {mailbox.Account{}, mailbox.ErrSettings},
		"no such security":      {mailbox.Account{Server: mailbox.Server{Host: "x", Security: "ssl"}}, mailbox.ErrSettings},
		"no such port":          {mailbox.Account{Server: mailbox.Server{Host: "x", Port: 70000}}, mailbox.ErrSettings},
		"not IMAP":              {impostor(t, "220 smtp ready\r\n", func(io.Writer, string, string) {}), mailbox.ErrUnreachable},
		"out of order": {impostor(t, hello, func(w io.Writer, tag, _ string) {
			_, _ = fmt.Fprintf(w, "%s NO [UNAVAILABLE] later\r\n", tag)
		}), mailbox.ErrUnreachable},
		"bye": {impostor(t, "* BYE too many connections\r\n", func(io.Writer, string, string) {}), mailbox.ErrUnreachable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mailbox.NewReader(dial, mailbox.Options{Retries: -1, Timeout: 5 * time.Second}).Latest(t.Context(), test.account)
			var fault *mailbox.Fault
			if !errors.Is(err, test.want) || !errors.As(err, &fault) || fault.Code() == "" || fault.Advice() == "" {
				t.Errorf("%v, want %v", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "otra") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestDialerDecides(t *testing.T) {
	t.Parallel()
	forbidden := errors.New("private address")
	var asked string
	refuse := func(_ context.Context, network, addr string) (net.Conn, error) {
		asked = network + " " + addr
		return nil, forbidden
	}
	_, err := mailbox.NewReader(refuse, quick).Latest(t.Context(), mailbox.Account{Server: mailbox.Server{Host: "imap.empresa.cl"}})
	if !errors.Is(err, forbidden) || asked != "tcp imap.empresa.cl:993" {
		t.Errorf("%v after %q", err, asked)
	}
}

// TestHostileServers shows that each way of misbehaving ends, in time and with the right fault.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	say := func(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	mailUID := func(w io.Writer, tag string, body func()) func(string) {
		return func(command string) {
			switch {
			case strings.HasPrefix(command, "UID SEARCH"):
				say(w, "* SEARCH 1\r\n%s OK done\r\n", tag)
			case strings.Contains(command, "BODY.PEEK[]"):
				body()
			default:
				say(w, "* 1 FETCH (UID 1 RFC822.SIZE 10)\r\n%s OK done\r\n", tag)
			}
		}
	}
	reading := func(body func(w io.Writer, tag string)) func(io.Writer, string, string) {
		return polite(func(w io.Writer, tag, command string) { mailUID(w, tag, func() { body(w, tag) })(command) })
	}
	junk := strings.Repeat("x", 1<<20)
	tests := map[string]struct {
		greeting string
		answer   func(io.Writer, string, string)
		want     *mailbox.Fault
	}{
		"never greets":          {"", func(io.Writer, string, string) {}, mailbox.ErrUnreachable},
		"never answers":         {hello, func(io.Writer, string, string) {}, mailbox.ErrUnreachable},
		"never ends the search": {hello, polite(func(w io.Writer, _, _ string) { say(w, "* SEARCH 1 2 ") }), mailbox.ErrUnreachable},
		"floods": {hello, polite(func(w io.Writer, _, _ string) {
			for range 40 {
				say(w, "* OK %s\r\n", junk)
			}
		}), mailbox.ErrProtocol},
		"answers a search with everything": {hello, polite(func(w io.Writer, tag, _ string) {
			say(w, "* ESEARCH (TAG %q) UID ALL 1:4294967295\r\n%s OK done\r\n", tag, tag)
		}), mailbox.ErrProtocol},
		"refuses the search":         {hello, polite(func(w io.Writer, tag, _ string) { say(w, "%s NO no\r\n", tag) }), mailbox.ErrProtocol},
		"hides a mail that it lists": {hello, reading(func(w io.Writer, tag string) { say(w, "%s OK done\r\n", tag) }), mailbox.ErrProtocol},
		"gives the body before the UID": {hello, reading(func(w io.Writer, tag string) {
			say(w, "* 1 FETCH (BODY[]<0> {3}\r\nabc UID 1)\r\n%s OK done\r\n", tag)
		}), mailbox.ErrProtocol},
		"stops in the middle": {hello, reading(func(w io.Writer, _ string) { say(w, "* 1 FETCH (UID 1 BODY[]<0> {100}\r\nabc") }), mailbox.ErrUnreachable},
		"refuses after the body": {hello, reading(func(w io.Writer, tag string) {
			say(w, "* 1 FETCH (UID 1 BODY[]<0> {3}\r\nabc)\r\n%s NO no\r\n", tag)
		}), mailbox.ErrProtocol},
		"sends more than asked for": {hello, reading(func(w io.Writer, _ string) {
			say(w, "* 1 FETCH (UID 1 BODY[]<0> {90000000}\r\n")
			for range 40 {
				say(w, "%s", junk)
			}
		}), mailbox.ErrProtocol},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "floods" && raced() {
				t.Skip("takes too long under -race")
			}
			a := impostor(t, test.greeting, test.answer)
			o := quick
			o.MaxBytes = 1 << 20
			if test.want != mailbox.ErrUnreachable { // time is not what ends it
				o.Timeout = time.Minute
			}
			p, err := mailbox.NewReader(dial, o).Read(t.Context(), a, mailbox.Cursor{}, collect(new([]string)))
			if !errors.Is(err, test.want) || p.Cursor.UID != 0 {
				t.Errorf("%v, %+v; want %v", err, p, test.want)
			}
		})
	}
}

func TestContextEndsRead(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a := impostor(t, hello, func(io.Writer, string, string) { cancel() })
	if _, err := mailbox.NewReader(dial, mailbox.Options{}).Latest(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := mailbox.NewReader(dial, mailbox.Options{}).Latest(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("before dialling: %v", err)
	}
}

// TestReadStreams reads 20 MB without holding them.
func TestReadStreams(t *testing.T) {
	const size = 19 << 20
	piece := []byte(strings.Repeat("x", 1<<20))
	a := impostor(t, hello, polite(func(w io.Writer, tag, command string) {
		switch {
		case strings.HasPrefix(command, "UID SEARCH"):
			_, _ = fmt.Fprintf(w, "* SEARCH 1\r\n%s OK done\r\n", tag)
		case strings.Contains(command, "BODY.PEEK[]"):
			_, _ = fmt.Fprintf(w, "* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n", size)
			for range size >> 20 {
				_, _ = w.Write(piece)
			}
			_, _ = fmt.Fprintf(w, ")\r\n%s OK done\r\n", tag)
		default:
			_, _ = fmt.Fprintf(w, "* 1 FETCH (UID 1 RFC822.SIZE %d)\r\n%s OK done\r\n", size, tag)
		}
	}))
	least := uint64(math.MaxUint64)
	for range 3 { // what earlier tests leave running may allocate too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var n int64
		p, err := mailbox.NewReader(dial, mailbox.Options{}).Read(t.Context(), a, mailbox.Cursor{}, func(_ context.Context, m mailbox.Message) error {
			var err error
			n, err = io.Copy(io.Discard, m.Body)
			return err
		})
		runtime.ReadMemStats(&after)
		if err != nil || n != size || p.Mails != 1 {
			t.Fatalf("%d bytes, %v, %+v", n, err, p)
		}
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 8<<20 {
		t.Errorf("%d kB made for a stream of %d MB", least>>10, size>>20)
	}
}

func TestSecretIsNotTold(t *testing.T) {
	t.Parallel()
	s := mailbox.Server{Host: "h", Password: "misterio"}
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "server", s, "password", s.Password)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", s, s, s, s.Password), string(asJSON), logged.String()} {
		if strings.Contains(text, "misterio") || !strings.Contains(text, "[redacted]") {
			t.Errorf("told: %s", text)
		}
	}
}
