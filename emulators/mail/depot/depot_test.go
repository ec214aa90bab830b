package depot_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/mail/depot"
)

const address = "dte@empresa.cl"

func open(t *testing.T, dir string) *depot.Depot {
	t.Helper()
	d, err := depot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // most tests close it themselves
	return d
}

func inbox(t *testing.T, d *depot.Depot) *depot.Folder {
	t.Helper()
	a, err := d.Account(address)
	if err != nil {
		t.Fatal(err)
	}
	f, err := a.Folder("inbox")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// made is a depot with one account, closed again.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	d := open(t, dir)
	if err := d.Put(address, depot.Login{User: address, Password: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOpenAfterCrash leaves what a process may leave that was killed between two writes.
func TestOpenAfterCrash(t *testing.T) {
	t.Parallel()
	dir := made(t)
	put(t, filepath.Join(dir, address, "INBOX", "0000000001-5.eml.tmp-123"), "half")
	put(t, filepath.Join(dir, address, "INBOX", "0000000002-5.eml"), "whole")
	put(t, filepath.Join(dir, address, "INBOX", "0000000003.flags"), `["\\Seen"]`) // its mail was never acknowledged
	put(t, filepath.Join(dir, address, "Compras", "folder.json.tmp-1"), "")
	put(t, filepath.Join(dir, "otra@empresa.cl", "INBOX", "folder.json"), `{"uid_validity": 1, "uid_next": 1}`)
	d := open(t, dir)
	if got := len(d.Accounts()); got != 1 {
		t.Errorf("%d accounts, want that which was finished", got)
	}
	f := inbox(t, d)
	if s := f.Status(); s.Messages != 1 || s.UIDNext != 3 {
		t.Errorf("status %+v", s)
	}
	if uid, err := f.Deliver([]byte("new"), time.Now()); uid != 3 || err != nil {
		t.Errorf("uid %d, %v", uid, err)
	}
	if raw, err := f.Raw(2); string(raw) != "whole" || err != nil {
		t.Errorf("mail %q, %v", raw, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if m := inbox(t, open(t, dir)).Mails()[1]; len(m.Flags) > 0 {
		t.Errorf("a mail inherited flags: %v", m.Flags)
	}
}

func TestOpenRefusesRubbish(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"account.json": "{", "INBOX/folder.json": "{", "INBOX/a.eml": "", "INBOX/0000000001.flags": "{", ".late/x.eml": "",
	} {
		dir := made(t)
		put(t, filepath.Join(dir, address, "INBOX", "0000000001-5.eml"), "")
		put(t, filepath.Join(dir, address, name), content)
		if d, err := depot.Open(dir); err == nil {
			t.Errorf("%s: opened", name)
			_ = d.Close()
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	dir := made(t)
	d := open(t, dir)
	f := inbox(t, d)
	uid, err := f.Deliver(nil, time.Unix(5, 6), `\Seen`, `\seen`, "b", "a", `\Recent`)
	if err != nil {
		t.Fatal(err)
	}
	want := depot.Mail{UID: uid, Arrived: time.Unix(5, 6).UTC(), Flags: []string{`\Seen`, "a", "b"}}
	if diff := cmp.Diff([]depot.Mail{want}, f.Mails()); diff != "" {
		t.Error(diff)
	}
	if _, err := f.Flag(uid, nil, func(old []string) []string { return old[1:] }); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Flag(9, nil, func([]string) []string { return nil }); !errors.Is(err, depot.ErrNoMail) {
		t.Errorf("flags of nothing: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	want.Flags = []string{"a", "b"}
	if diff := cmp.Diff([]depot.Mail{want}, inbox(t, open(t, dir)).Mails()); diff != "" {
		t.Error(diff)
	}
}

func TestRenumberSurvives(t *testing.T) {
	t.Parallel()
	dir := made(t)
	d := open(t, dir)
	f := inbox(t, d)
	for _, raw := range []string{"a", "b", "c"} {
		if _, err := f.Deliver([]byte(raw), time.Now(), raw); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Remove(func(m depot.Mail) bool { return m.UID == 1 }); err != nil {
		t.Fatal(err)
	}
	want, err := f.Renumber()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	f = inbox(t, open(t, dir))
	if diff := cmp.Diff(want, f.Status()); diff != "" || want.UIDNext != 3 {
		t.Errorf("status %+v, %s", want, diff)
	}
	for uid, content := range map[uint32]string{1: "b", 2: "c"} {
		raw, err := f.Raw(uid)
		if string(raw) != content || err != nil || f.Mails()[uid-1].Flags[0] != content {
			t.Errorf("mail %d: %q, %v", uid, raw, err)
		}
	}
}

func TestClosedDepotChangesNothing(t *testing.T) {
	t.Parallel()
	d := open(t, made(t))
	f := inbox(t, d)
	if _, err := f.Deliver(nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, deliver := f.Deliver(nil, time.Now())
	_, flag := f.Flag(1, nil, func([]string) []string { return []string{"a"} })
	_, remove := f.Remove(func(depot.Mail) bool { return true })
	for _, err := range []error{deliver, flag, remove} {
		if !errors.Is(err, depot.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}
