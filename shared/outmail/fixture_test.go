package outmail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/mail"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/rut"
	"timbre/shared/store"
)

var (
	ours   = store.Company{Env: store.Certificacion, RUT: rut.MustParse("76192083-9")}
	others = store.Company{Env: store.Certificacion, RUT: rut.MustParse("76354771-K")}
)

const supplier = "dte@proveedor.example"

// rig is the world of a test: buckets, a clock, and a mail server.
type rig struct {
	*testing.T
	state, archive *store.Memory
	server         *mail.Server
	secrets        company.MemorySecrets

	mu        sync.Mutex
	now       time.Time
	companies map[rut.RUT]*company.Company
}

func newRig(t *testing.T) *rig {
	t.Helper()
	server, err := mail.Start(mail.Options{Dir: t.TempDir(), Mailboxes: []mail.Mailbox{{Address: supplier, Password: "x"}, {Address: "ours@a.example", Password: "clave"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{
		T: t, state: store.NewMemory(), archive: store.NewMemory(), server: server,
		now: time.Date(2026, 11, 24, 12, 0, 30, 0, time.UTC), companies: map[rut.RUT]*company.Company{},
	}
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// Load implements outmail.Companies.
func (r *rig) Load(_ context.Context, of rut.RUT) (*company.Company, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.companies[of]; ok {
		return c, nil
	}
	return nil, company.ErrUnknown
}

// company registers one that sends by an address.
func (r *rig) company(of store.Company, addr string) {
	host, port, _ := strings.Cut(addr, ":")
	n, err := strconv.Atoi(port)
	if err != nil {
		r.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.companies[of.RUT] = &company.Company{RUT: of.RUT, Intercambio: &company.Intercambio{
		Email: "dte@empresa.example", SMTP: &company.Mailbox{Host: host, Port: n, Security: string(mailbox.Plain), User: of.RUT.String()},
	}}
}

func (r *rig) outbox(state, archive store.Driver, s outmail.Sender) *outmail.Outbox {
	o, err := outmail.New(outmail.Deps{
		State: store.NewBucket(state), Archive: store.NewBucket(archive), Companies: r, Passwords: company.NewVault(&r.secrets, nil),
		Sender: s, Logger: slog.New(slog.DiscardHandler), Now: r.clock,
	})
	if err != nil {
		r.Fatal(err)
	}
	return o
}

// sender speaks SMTP.
func sender() *mailbox.Sender {
	return mailbox.NewSender(dial.New(dial.Options{AllowPrivate: true}).DialContext, 2*time.Second)
}

func letter(id string) outmail.Letter {
	return outmail.Letter{
		ID: store.LetterID(id), Kind: outmail.Reception, About: "76354771-K/33/170",
		Mail: mailbox.Letter{To: supplier, Subject: "Acuse de recibo", Text: "Señores: adjunto.", Automatic: true, Files: []mailbox.Attachment{{Name: "r.xml", Type: "text/xml", Content: []byte("<RespuestaDTE/>")}}},
	}
}

// arrived are the Message-IDs and the digests of the contents in the supplier's mailbox.
func (r *rig) arrived() map[string][]string {
	r.Helper()
	var list []struct {
		UID       int    `json:"uid"`
		MessageID string `json:"message_id"`
	}
	r.get("/mailboxes/"+supplier+"/messages", func(body []byte) error { return json.Unmarshal(body, &list) })
	all := map[string][]string{}
	for _, m := range list {
		r.get(fmt.Sprintf("/mailboxes/%s/messages/%d", supplier, m.UID), func(body []byte) error {
			_, own, _ := strings.Cut(string(body), "From: ") // what the server put before it is its own
			all[m.MessageID] = append(all[m.MessageID], own)
			return nil
		})
	}
	return all
}

func (r *rig) get(path string, read func([]byte) error) {
	r.Helper()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.server.ControlURL()+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == http.StatusOK {
		err = read(body)
	}
	if err != nil || answer.StatusCode != http.StatusOK {
		r.Fatalf("%s: %d %v", path, answer.StatusCode, err)
	}
}

// settle lets ticks go by until nothing is due any more.
func (r *rig) settle(o *outmail.Outbox) {
	r.Helper()
	for range 300 {
		if err := o.Tick(r.Context()); err != nil {
			r.Fatal(err)
		}
		left := 0
		for _, err := range store.NewBucket(r.state).List(r.Context(), store.Query{Prefix: store.DuePrefix}) {
			if err != nil {
				r.Fatal(err)
			}
			left++
		}
		if left == 0 {
			return
		}
		r.advance(time.Minute)
	}
	r.Fatal("due entries are left")
}
