package downloadreceived_test

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/company"
	"timbre/shared/mailbox"
	"timbre/shared/mailbox/mailboxtest"
	"timbre/shared/store"
)

// TestDovecot takes the whole corpus out of one mailbox of a real server, to which the official client brought it; and takes
// nothing when it reads again.
func TestDovecot(t *testing.T) {
	t.Parallel()
	account := mailboxtest.Dovecot(t, "dte@empresa.example", "x")[mailbox.Plain] // the password that nobody says
	mails, different, want := []string{}, map[string]bool{}, sums{}
	for i, c := range corpus() {
		if c.of != "" {
			continue // in the mailbox of somebody else
		}
		first := 1000 + 10*i
		for _, raw := range c.mails(&author{t: t, folio: first, letter: letter}) {
			mails = append(mails, string(raw))
			different[string(raw)] = true
		}
		want.add(c.want, first)
	}
	client := mailboxtest.Put(t, account, "INBOX", mails...)
	r := newReader(t, corpusCase{}, mailbox.NewReader((&net.Dialer{}).DialContext, mailbox.Options{}),
		company.Mailbox{Host: "127.0.0.1", Port: account.Port, User: account.User, Security: string(mailbox.Plain)})
	for range 2 {
		r.download()
		got := sums{}
		got.add(r.kept(0), 0)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if n := r.noted(); n != len(different) {
		t.Errorf("%d mails are noted, %d different ones came", n, len(different))
	}
	if err := client.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// noted counts the mails that were taken in.
func (r *reader) noted() int {
	r.t.Helper()
	n := 0
	for o, err := range r.state.List(r.t.Context(), store.Query{Prefix: "received/"}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.Contains(o.Name, "/mails/") {
			n++
		}
	}
	return n
}
