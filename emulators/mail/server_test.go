package mail_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"timbre/emulators/mail"
)

func TestThroughEachTLS(t *testing.T) {
	t.Parallel()
	for _, mode := range []mail.TLS{mail.TLSOff, mail.TLSStart, mail.TLSImplicit} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := start(t, mail.Options{TLS: mode})
			in, out := dial(t, s, mode)
			if err := in.Auth(sasl.NewPlainClient("", address, password)); err != nil {
				t.Fatal(err)
			}
			if err := in.SendMail("sii@sii.cl", []string{strings.ToUpper(address)}, strings.NewReader(letter("uno"))); err != nil {
				t.Fatal(err)
			}
			if err := out.Login(address, password).Wait(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Select("INBOX", nil).Wait(); err != nil {
				t.Fatal(err)
			}
			mails := fetch(t, out, everything, true)
			if len(mails) != 1 || !strings.HasSuffix(body(mails[0]), letter("uno")) {
				t.Fatalf("mails: %v", mails)
			}
			for _, line := range []string{"Return-Path: <sii@sii.cl>\r\n", "Delivered-To: " + address + "\r\n", "Received: from "} {
				if !strings.Contains(body(mails[0]), line) {
					t.Errorf("no %q in %q", line, body(mails[0]))
				}
			}
			if mails[0].RFC822Size != int64(len(body(mails[0]))) {
				t.Errorf("size %d of %d bytes", mails[0].RFC822Size, len(body(mails[0])))
			}
		})
	}
}

func dial(t *testing.T, s *mail.Server, mode mail.TLS) (*smtp.Client, *imapclient.Client) {
	t.Helper()
	var in *smtp.Client
	var out *imapclient.Client
	var err, failed error
	switch mode {
	case mail.TLSOff:
		in, err = smtp.Dial(s.SMTPAddr())
		out, failed = imapclient.DialInsecure(s.IMAPAddr(), nil)
	case mail.TLSStart:
		in, err = smtp.DialStartTLS(s.SMTPAddr(), trust(t, s))
		out, failed = imapclient.DialStartTLS(s.IMAPAddr(), &imapclient.Options{TLSConfig: trust(t, s)})
	case mail.TLSImplicit:
		in, err = smtp.DialTLS(s.SMTPAddr(), trust(t, s))
		out, failed = imapclient.DialTLS(s.IMAPAddr(), &imapclient.Options{TLSConfig: trust(t, s)})
	}
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	t.Cleanup(func() { _, _ = in.Close(), out.Close() }) // the server may be gone
	return in, out
}

func TestNoPasswordInTheClear(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{TLS: mail.TLSStart})
	c, err := imapclient.DialInsecure(s.IMAPAddr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if !c.Caps().Has(imap.CapLoginDisabled) {
		t.Error("LOGINDISABLED is not said")
	}
	if err := c.Login(address, password).Wait(); err == nil {
		t.Error("a password was taken without TLS")
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	c, err := imapclient.DialInsecure(s.IMAPAddr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var said *imap.Error
	if err := c.Login(address, "otra").Wait(); !errors.As(err, &said) || said.Code != imap.ResponseCodeAuthenticationFailed {
		t.Errorf("IMAP: %v", err)
	}
	in, err := smtp.Dial(s.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	if err := in.Auth(sasl.NewPlainClient("", address, "otra")); code(err) != 535 {
		t.Errorf("SMTP: %v", err)
	}
}

// code is that of an SMTP answer, 0 for other errors.
func code(err error) int {
	var said *smtp.SMTPError
	if errors.As(err, &said) {
		return said.Code
	}
	return 0
}

func TestUnknownRecipients(t *testing.T) {
	t.Parallel()
	if err := send(start(t, mail.Options{}), "nadie@empresa.cl", letter("x")); code(err) != 550 {
		t.Errorf("without catch-all: %v, want 550", err)
	}
	s := start(t, mail.Options{CatchAll: address})
	if err := send(s, "nadie@otra.cl", letter("x")); err != nil {
		t.Fatal(err)
	}
	if got := subjects(t, s); !slices.Equal(got, []string{"x"}) {
		t.Errorf("catch-all holds %q", got)
	}
	if _, err := mail.Start(mail.Options{Dir: t.TempDir(), CatchAll: "nadie@empresa.cl"}); err == nil {
		t.Error("a catch-all that does not exist was taken")
	}
}

func TestSizeLimit(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{MaxBytes: 1000})
	if err := send(s, address, large(2000)); code(err) != 552 {
		t.Errorf("SMTP: %v, want 552", err)
	}
	call(t, s, http.MethodPost, "/mailboxes/"+address+"/messages", large(2000), http.StatusBadRequest, nil)
	if got := subjects(t, s); len(got) != 0 {
		t.Errorf("mailbox holds %q", got)
	}
}

func TestLargeMail(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	raw := large(12 << 20)
	mustSend(t, s, raw)
	c, _ := inbox(t, s, true)
	mails := fetch(t, c, everything, true)
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	got := body(mails[0])
	if sha256.Sum256([]byte(got[len(got)-len(raw):])) != sha256.Sum256([]byte(raw)) {
		t.Error("a mail of 12 MB came out changed")
	}
}

func TestSeenOnlyWithoutPeek(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	mustSend(t, s, letter("uno"))
	readOnly, _ := inbox(t, s, true)
	if m := fetch(t, readOnly, everything, false)[0]; len(m.Flags) > 0 {
		t.Errorf("EXAMINE: flags %v", m.Flags)
	}
	c, _ := inbox(t, s, false)
	if m := fetch(t, c, everything, true)[0]; len(m.Flags) > 0 {
		t.Errorf("PEEK: flags %v", m.Flags)
	}
	if m := fetch(t, c, everything, false)[0]; !slices.Contains(m.Flags, imap.FlagSeen) {
		t.Errorf("without PEEK: flags %v", m.Flags)
	}
	if err := readOnly.Store(everything, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close(); err == nil {
		t.Error("flags were changed after EXAMINE")
	}
}

func TestRestartKeepsNumbersAndFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, mail.Options{Dir: dir})
	for _, mark := range []string{"uno", "dos", "tres"} {
		mustSend(t, s, letter(mark))
	}
	c, before := inbox(t, s, false)
	flag(t, c, 1, imap.FlagFlagged, "propia")
	flag(t, c, 3, imap.FlagDeleted)
	if err := c.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, mail.Options{Dir: dir})
	mustSend(t, s, letter("cuatro"))
	c, after := inbox(t, s, false)
	if after.UIDValidity != before.UIDValidity {
		t.Errorf("UIDVALIDITY %d became %d", before.UIDValidity, after.UIDValidity)
	}
	got := map[imap.UID][]imap.Flag{}
	for _, m := range fetch(t, c, everything, true) {
		got[m.UID] = m.Flags
	}
	want := map[imap.UID][]imap.Flag{1: {imap.FlagFlagged, "propia"}, 2: nil, 4: nil} // 3 never comes again
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b []imap.Flag) bool { return slices.Equal(a, b) })); diff != "" {
		t.Errorf("UIDs and flags (-want +got):\n%s", diff)
	}
}

func flag(t *testing.T, c *imapclient.Client, uid imap.UID, flags ...imap.Flag) {
	t.Helper()
	if err := c.Store(imap.UIDSetNum(uid), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: flags}, nil).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryIsExclusive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, mail.Options{Dir: dir})
	if second, err := mail.Start(mail.Options{Dir: dir}); err == nil {
		t.Error("two servers on one directory", second.Close())
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	for _, mark := range []string{"uno", "dos", "tres"} {
		mustSend(t, s, letter(mark))
	}
	mustSend(t, s, large(5000))
	c, _ := inbox(t, s, false)
	flag(t, c, 2, imap.FlagSeen)
	seq := func(from, to uint32) []imap.SeqSet { return []imap.SeqSet{{imap.SeqRange{Start: from, Stop: to}}} }
	uid := func(from, to imap.UID) []imap.UIDSet { return []imap.UIDSet{{imap.UIDRange{Start: from, Stop: to}}} }
	day := 24 * time.Hour
	subject := func(v string) imap.SearchCriteria {
		return imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "subject", Value: v}}}
	}
	tests := map[string]struct {
		criteria imap.SearchCriteria
		want     []imap.UID
	}{
		"all":      {imap.SearchCriteria{}, []imap.UID{1, 2, 3, 4}},
		"seen":     {imap.SearchCriteria{Flag: []imap.Flag{imap.FlagSeen}}, []imap.UID{2}},
		"unseen":   {imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, []imap.UID{1, 3, 4}},
		"UIDs":     {imap.SearchCriteria{UID: uid(3, 0)}, []imap.UID{3, 4}},
		"past end": {imap.SearchCriteria{UID: uid(9, 0)}, []imap.UID{4}},
		"numbers":  {imap.SearchCriteria{SeqNum: seq(1, 2)}, []imap.UID{1, 2}},
		"since":    {imap.SearchCriteria{Since: time.Now().Add(2 * day)}, nil},
		"before":   {imap.SearchCriteria{Before: time.Now().Add(2 * day)}, []imap.UID{1, 2, 3, 4}},
		"larger":   {imap.SearchCriteria{Larger: 4000}, []imap.UID{4}},
		"smaller":  {imap.SearchCriteria{Smaller: 4000}, []imap.UID{1, 2, 3}},
		"header":   {subject("DOS"), []imap.UID{2}},
		"text":     {imap.SearchCriteria{Text: []string{"tres@sii"}}, []imap.UID{3}},
		"not":      {imap.SearchCriteria{Not: []imap.SearchCriteria{subject("dos")}}, []imap.UID{1, 3, 4}},
		"or":       {imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{subject("uno"), subject("tres")}}}, []imap.UID{1, 3}},
		"sent":     {imap.SearchCriteria{SentSince: time.Unix(0, 0)}, nil},
	}
	for name, test := range tests {
		got, err := c.UIDSearch(&test.criteria, nil).Wait()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(got.AllUIDs(), test.want) {
			t.Errorf("%s: %v, want %v", name, got.AllUIDs(), test.want)
		}
	}
}

func TestIdleHears(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	heard := make(chan uint32, 4)
	c, err := imapclient.DialInsecure(s.IMAPAddr(), &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				heard <- *data.NumMessages
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Login(address, password).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, letter("uno"))
	select {
	case n := <-heard:
		if n != 1 {
			t.Errorf("heard of %d mails", n)
		}
	case <-time.After(10 * time.Second):
		t.Error("heard of nothing")
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	c := login(t, s)
	if err := c.Create("Compras 2026", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	raw := letter("uno")
	appended := c.Append("Compras 2026", int64(len(raw)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: time.Unix(1e9, 0)})
	if _, err := fmt.Fprint(appended, raw); err != nil {
		t.Fatal(err)
	}
	if err := appended.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := appended.Wait(); err != nil || data.UID != 1 {
		t.Fatal(data, err)
	}
	folders, err := c.List("", "*", nil).Collect()
	if err != nil || len(folders) != 2 || folders[0].Mailbox != "Compras 2026" || folders[1].Mailbox != "INBOX" {
		t.Errorf("folders %v, %v", folders, err)
	}
	status, err := c.Status("Compras 2026", &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true}).Wait()
	if err != nil || *status.NumMessages != 1 || *status.NumUnseen != 0 || status.UIDNext != 2 {
		t.Errorf("status %+v, %v", status, err)
	}
	for _, bad := range []string{"../x", ".late", "a/b", ""} {
		if err := c.Create(bad, nil).Wait(); err == nil {
			t.Errorf("folder %q was made", bad)
		}
	}
	var said *imap.Error
	if _, err := c.Select("nada", nil).Wait(); !errors.As(err, &said) || said.Code != imap.ResponseCodeNonExistent {
		t.Errorf("select of nothing: %v", err)
	}
}

// TestPartsOfMails asks for what mail programs ask.
func TestPartsOfMails(t *testing.T) {
	t.Parallel()
	s := start(t, mail.Options{})
	raw := "Subject: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/xml; name=a.xml\r\n\r\n<a/>\r\n--x--\r\n"
	call(t, s, http.MethodPost, "/mailboxes/"+address+"/messages", raw, http.StatusOK, nil)
	c, _ := inbox(t, s, true)
	got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{
		Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection: []*imap.FetchItemBodySection{
			{Specifier: imap.PartSpecifierHeader, Peek: true}, {Part: []int{1}, Peek: true},
			{Peek: true, Partial: &imap.SectionPartial{Offset: 9, Size: 1}}, {Peek: true, Partial: &imap.SectionPartial{Offset: 5000, Size: 1}},
		},
	}).Collect()
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	m := got[0]
	if m.Envelope.Subject != "a" || m.BodyStructure.MediaType() != "multipart/mixed" {
		t.Errorf("envelope %+v, structure %v", m.Envelope, m.BodyStructure)
	}
	want := []string{raw[:strings.Index(raw, "--x")], "<a/>", "a", ""}
	for i, section := range m.BodySection {
		if string(section.Bytes) != want[i] {
			t.Errorf("section %d: %q, want %q", i, section.Bytes, want[i])
		}
	}
}
