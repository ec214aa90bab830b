package mail_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"

	"timbre/emulators/mail"
)

func TestFaultsOfDelivery(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults  mail.Faults
		answers []int // 0: taken
		want    []string
	}{
		"refuse":             {mail.Faults{Refuse: 2}, []int{451, 451, 0}, []string{"c"}},
		"refuse for good":    {mail.Faults{Refuse: 1, RefuseCode: 554}, []int{554, 0}, []string{"b"}},
		"drop":               {mail.Faults{Drop: 1}, []int{0, 0}, []string{"b"}},
		"duplicate":          {mail.Faults{Duplicate: 1}, []int{0, 0}, []string{"a", "a", "b"}},
		"drop, no duplicate": {mail.Faults{Drop: 1, Duplicate: 1}, []int{0, 0}, []string{"b", "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, mail.Options{})
			if err := s.SetFaults(test.faults); err != nil {
				t.Fatal(err)
			}
			for i, want := range test.answers {
				err := send(s, address, letter(string(rune('a'+i))))
				if code(err) != want || want == 0 && err != nil {
					t.Errorf("mail %d: %v, want %d", i, err, want)
				}
			}
			if got := subjects(t, s); !slices.Equal(got, test.want) {
				t.Errorf("mailbox holds %q, want %q", got, test.want)
			}
			left := s.Faults()
			left.RefuseCode = 0
			if left != (mail.Faults{}) {
				t.Errorf("faults left: %+v", left)
			}
		})
	}
}

func TestHangUpDelivers(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	if err := s.SetFaults(mail.Faults{HangUp: 1}); err != nil {
		t.Fatal(err)
	}
	var said *smtp.SMTPError
	if err := send(s, address, letter("uno")); err == nil || errors.As(err, &said) {
		t.Errorf("answer %v, want a broken connection", err)
	}
	if got := subjects(t, s); !slices.Equal(got, []string{"uno"}) {
		t.Errorf("mailbox holds %q", got)
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, mail.Options{Dir: dir})
	if err := s.SetFaults(mail.Faults{Delay: 2, DelayFor: mail.Duration(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, letter("nunca"))
	if got := subjects(t, s); len(got) > 0 {
		t.Errorf("a late mail is there already: %q", got)
	}
	late(t, s, 1)
	if err := s.SetFaults(mail.Faults{Delay: 1, DelayFor: mail.Duration(time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	c, _ := inbox(t, s, true)
	mustSend(t, s, letter("pronto"))
	for deadline := time.Now().Add(10 * time.Second); ; { // each round asks the server
		if got := subjects(t, s); slices.Equal(got, []string{"pronto"}) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a delayed mail did not come")
		}
	}
	if err := c.Noop().Wait(); err != nil || c.Mailbox().NumMessages != 1 {
		t.Errorf("the session knows of %d mails, %v", c.Mailbox().NumMessages, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	late(t, start(t, mail.Options{Dir: dir}), 1) // the other one still waits after a restart
}

func late(t *testing.T, s *mail.Server, want int) {
	t.Helper()
	var health struct{ Late int }
	call(t, s, http.MethodGet, "/health", "", http.StatusOK, &health)
	if health.Late != want {
		t.Errorf("%d mails wait, want %d", health.Late, want)
	}
}

func TestCutInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, mode := range []mail.TLS{mail.TLSOff, mail.TLSImplicit} {
		s := start(t, mail.Options{TLS: mode})
		raw := large(1 << 20)
		call(t, s, http.MethodPost, "/mailboxes/"+address+"/messages", raw, http.StatusOK, nil)
		if err := s.SetFaults(mail.Faults{Cut: 1}); err != nil {
			t.Fatal(err)
		}
		_, c := dial(t, s, mode)
		if err := c.Login(address, password).Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		n, err := readBody(c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}))
		if err == nil || n == 0 || n >= int64(len(raw)) {
			t.Errorf("%s: read %d of %d bytes, %v; want a part and an error", mode, n, len(raw), err)
		}
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{TLS: mail.TLSStart})
	base := "/mailboxes/" + address
	var made struct{ UID uint32 }
	for want := uint32(1); want <= 3; want++ {
		if call(t, s, http.MethodPost, base+"/messages", letter("uno"), http.StatusOK, &made); made.UID != want {
			t.Errorf("uid %d, want %d", made.UID, want)
		}
	}
	var raw []byte
	if call(t, s, http.MethodGet, base+"/messages/2", "", http.StatusOK, &raw); string(raw) != letter("uno") {
		t.Errorf("raw mail %q", raw)
	}
	var removed struct{ Removed int }
	if call(t, s, http.MethodDelete, base+"/messages/2", "", http.StatusOK, &removed); removed.Removed != 1 {
		t.Errorf("removed %d", removed.Removed)
	}
	call(t, s, http.MethodGet, base+"/messages/2", "", http.StatusNotFound, nil)
	call(t, s, http.MethodDelete, base+"/messages/2", "", http.StatusNotFound, nil)
	var before, after struct {
		Validity uint32 `json:"uid_validity"`
		Next     uint32 `json:"uid_next"`
	}
	call(t, s, http.MethodPost, base+"/renumber", "", http.StatusOK, &before)
	call(t, s, http.MethodPost, base+"/renumber", "", http.StatusOK, &after)
	if before.Next != 3 || after.Next != 3 || after.Validity <= before.Validity {
		t.Errorf("renumbered to %+v and %+v", before, after)
	}
	if call(t, s, http.MethodDelete, base+"/messages", "", http.StatusOK, &removed); removed.Removed != 2 {
		t.Errorf("removed %d", removed.Removed)
	}
	var certificate []byte
	if call(t, s, http.MethodGet, "/certificate", "", http.StatusOK, &certificate); string(certificate) != string(s.CertificatePEM()) {
		t.Error("another certificate")
	}
}

func TestControlMailboxes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, mail.Options{Dir: dir})
	call(t, s, http.MethodPut, "/mailboxes/Compras@otra.cl", `{"user": "compras", "password": "x"}`, http.StatusOK, nil)
	call(t, s, http.MethodPut, "/mailboxes/ventas@otra.cl", `{"user": "compras", "password": "y"}`, http.StatusBadRequest, nil)
	call(t, s, http.MethodPut, "/mailboxes/..%2Fx", `{"user": "z"}`, http.StatusBadRequest, nil)
	call(t, s, http.MethodPut, "/mailboxes/a@b.cl", `{"usr": "z"}`, http.StatusBadRequest, nil)
	call(t, s, http.MethodGet, "/mailboxes/nadie@otra.cl/messages", "", http.StatusNotFound, nil)
	call(t, s, http.MethodGet, "/mailboxes/"+address+"/messages?folder=x", "", http.StatusNotFound, nil)
	call(t, s, http.MethodPut, "/faults", `{"drop": -1}`, http.StatusBadRequest, nil)
	call(t, s, http.MethodPut, "/faults", `{"refuse": 1, "refuse_code": 250}`, http.StatusBadRequest, nil)
	call(t, s, http.MethodPut, "/faults", `{"delay": 1, "delay_for": "1m"}`, http.StatusOK, nil)
	if got := s.Faults(); got.Delay != 1 || got.DelayFor != mail.Duration(time.Minute) {
		t.Errorf("faults %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, mail.Options{Dir: dir})
	var boxes []struct{ Address, User string }
	call(t, s, http.MethodGet, "/mailboxes", "", http.StatusOK, &boxes)
	if len(boxes) != 2 || boxes[0].Address != "compras@otra.cl" || boxes[0].User != "compras" {
		t.Errorf("mailboxes after a restart: %+v", boxes)
	}
}

func TestParseMailboxes(t *testing.T) {
	t.Parallel()
	got, err := mail.ParseMailboxes(" a@b.cl:u:p:q , c@d.cl::s,")
	want := []mail.Mailbox{{Address: "a@b.cl", User: "u", Password: "p:q"}, {Address: "c@d.cl", Password: "s"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := mail.ParseMailboxes("a@b.cl"); err == nil {
		t.Error("a mailbox without password was taken")
	}
}
