package mailbox_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"timbre/shared/mailbox"
	"timbre/shared/mailbox/mailboxtest"
)

func TestDovecot(t *testing.T) {
	t.Parallel()
	accounts := mailboxtest.Dovecot(t, address, password)
	clear := accounts[mailbox.Plain]
	want := []string{"Subject: a\r\n\r\nuno\r\n", large(12 << 20), "Subject: c\r\n\r\n" + strings.Repeat("x", 3000) + "\r\n", "Subject: d\r\n\r\n\r\n"}
	c := mailboxtest.Put(t, clear, "INBOX", want...)
	for how, a := range accounts {
		got, p := read(t, a, mailbox.Cursor{}, mailbox.Options{Limit: 3})
		if !slices.Equal(got, want[:3]) || !p.More || p.Cursor.UID != 3 {
			t.Errorf("%s: %d mails, %+v", how, len(got), p)
		}
		got, p = read(t, a, p.Cursor, mailbox.Options{})
		if !slices.Equal(got, want[3:]) || p.More || p.Cursor.UID != 4 {
			t.Errorf("%s: then %d mails, %+v", how, len(got), p)
		}
		if got, _ := read(t, a, p.Cursor, mailbox.Options{}); len(got) > 0 {
			t.Errorf("%s: %d mails again", how, len(got))
		}
		latest, err := mailbox.NewReader(dial, mailbox.Options{}).Latest(t.Context(), a)
		if err != nil || latest != p.Cursor {
			t.Errorf("%s: latest %+v, %v; want %+v", how, latest, err, p.Cursor)
		}
	}
	status, err := c.Status("INBOX", &imap.StatusOptions{NumUnseen: true}).Wait()
	if err != nil || *status.NumUnseen != uint32(len(want)) {
		t.Errorf("reading changed the mailbox: %+v, %v", status, err)
	}
	dovecotEdges(t, clear, c)
	dovecotFaults(t, clear)
}

// dovecotEdges are what may happen to a mailbox: limits, folders, a new UIDVALIDITY, deleted mails.
func dovecotEdges(t *testing.T, a mailbox.Account, c *imapclient.Client) {
	t.Helper()
	p, err := mailbox.NewReader(dial, mailbox.Options{MaxBytes: 1000}).Read(t.Context(), a, mailbox.Cursor{}, func(_ context.Context, m mailbox.Message) error {
		raw, err := io.ReadAll(m.Body)
		if want := m.Cursor.UID == 2 || m.Cursor.UID == 3; m.Truncated != want || want && len(raw) != 1000 {
			t.Errorf("mail %d: %d bytes, truncated %v", m.Cursor.UID, len(raw), m.Truncated)
		}
		return err
	})
	if err != nil || p.Mails != 4 {
		t.Error(err, p)
	}
	a.Folder = "Año 2026"
	var validities []uint32
	for range 2 {
		if err := c.Create(a.Folder, nil).Wait(); err != nil {
			t.Fatal(err)
		}
		mailboxtest.Put(t, a, a.Folder, "Subject: x\r\n\r\n", "Subject: y\r\n\r\n")
		from := mailbox.Cursor{UID: 2}
		if len(validities) > 0 {
			from.UIDValidity = validities[0]
		}
		got, p := read(t, a, from, mailbox.Options{})
		if len(got) != 2 {
			t.Errorf("%d mails under a new UIDVALIDITY, want 2", len(got))
		}
		validities = append(validities, p.Cursor.UIDValidity)
		if err := c.Delete(a.Folder).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if validities[0] == validities[1] {
		t.Errorf("UIDVALIDITY stayed %d", validities[0])
	}
}

func dovecotFaults(t *testing.T, a mailbox.Account) {
	t.Helper()
	wrong, missing, untrusted := a, a, a
	wrong.Password, missing.Folder, untrusted.Roots, untrusted.Security = "otra", "nada", nil, mailbox.STARTTLS
	tests := []struct {
		account mailbox.Account
		want    error
	}{{wrong, mailbox.ErrAuth}, {missing, mailbox.ErrNoFolder}, {untrusted, mailbox.ErrTLS}}
	for _, test := range tests {
		if _, err := mailbox.NewReader(dial, mailbox.Options{Retries: -1}).Latest(t.Context(), test.account); !errors.Is(err, test.want) {
			t.Errorf("%v, want %v", err, test.want)
		}
	}
}
