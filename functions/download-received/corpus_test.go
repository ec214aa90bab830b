package downloadreceived_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	downloadreceived "timbre/functions/download-received"
	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/exchange"
	"timbre/shared/mailbox"
	"timbre/shared/mailbox/parts"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// kept is what must be known of a case's mails afterwards. That each mail is in the archive, to the byte, goes without
// saying.
type kept struct {
	// Documents are those of the register, in order: folio (from the case's first), verdict of cryptography, variants.
	Documents string
	// Quarantine are the codes of what is there, in order.
	Quarantine string
	// Files are the kinds of files that are no purchases.
	Files string
	// Answers are the EstadoRecepEnv of the technical answers, in order.
	Answers string
}

// corpusCase is a case of the corpus: mails, whose mailbox they are in, and what becomes of them.
type corpusCase struct {
	name  string
	mails written
	of    string // RUT; the buyer
	env   store.Environment
	want  kept
	large bool // takes long with -race
}

// TestCorpus takes in each case of the corpus in a mailbox of its own.
func TestCorpus(t *testing.T) {
	t.Parallel()
	cases := corpus()
	var mails atomic.Int64
	t.Run("cases", func(t *testing.T) {
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				if c.large && raced() {
					t.Skip("takes long with -race")
				}
				a := &author{t: t, folio: 1000 + 10*i, letter: letter}
				all := c.mails(a)
				mails.Add(int64(len(all)))
				box := &fakeBox{validity: 1}
				box.add(all...)
				r := newReader(t, c, box, company.Mailbox{Host: "imap.example", User: "dte"})
				r.download()
				r.ticks()
				if diff := gocmp.Diff(c.want, r.kept(a.folio)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				r.archived(all)
			})
		}
	})
	if len(cases) < 60 || mails.Load() < 60 {
		t.Errorf("only %d cases of %d mails", len(cases), mails.Load())
	}
}

// reader is the function with one company's mailbox.
type reader struct {
	t              *testing.T
	company        store.Company
	state, archive *store.Bucket
	letters        *letterbox
	handler        http.Handler

	minutes atomic.Int64 // since noon
}

func newReader(t *testing.T, c corpusCase, box downloadreceived.Mailboxes, imap company.Mailbox) *reader {
	t.Helper()
	r := &reader{
		t: t, company: here, letters: &letterbox{},
		state: store.NewBucket(store.NewMemory()), archive: store.NewBucket(store.NewMemory()),
	}
	keys := makeWorld(t).keys
	if c.of != "" { // real documents, under the SII's own keys
		r.company = store.Company{Env: cmp.Or(c.env, store.Certificacion), RUT: rut.MustParse(c.of)}
		keys = caf.SIIKeys()
	}
	config := company.Company{
		RUT: r.company.RUT, Active: r.company.Env, IMAPPassword: &company.Secret{Name: "imap", Version: "1"},
		SMTPPassword: &company.Secret{Name: "smtp", Version: "1"},
		Intercambio: &company.Intercambio{
			Email: "dte@empresa.example", IMAP: &imap, SMTP: &company.Mailbox{Host: "smtp.example", User: "dte"},
		},
		Blocks: map[store.Environment]*company.Block{r.company.Env: {Certificate: &company.Certificate{}}},
	}
	if _, err := r.state.CreateJSON(t.Context(), store.CompanyConfig(r.company.RUT), config, nil); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return noon.Add(time.Duration(r.minutes.Load()) * time.Minute) }
	h, err := downloadreceived.New(downloadreceived.Config{IntakeEvery: time.Hour, IntakePast: 24 * time.Hour}, downloadreceived.Deps{
		State: r.state, Archive: r.archive, Events: &event.Memory{}, Guard: owner{r.company.RUT},
		Companies: company.NewDirectory(r.state, now), Identities: signers{}, Passwords: nobody{}, Mail: box, Letters: r.letters,
		SII:     func(store.Environment, *cert.Identity) downloadreceived.Inquirer { return &fakeSII{} },
		SIIKeys: keys, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.handler = h
	return r
}

// owner lets everybody in as the company.
type owner struct{ rut rut.RUT }

func (o owner) Require(_ access.Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		p := access.Principal{RUTs: []rut.RUT{o.rut}, Scopes: access.Scopes()}
		next.ServeHTTP(w, q.WithContext(access.With(q.Context(), p)))
	})
}

func (owner) Internal(next http.Handler) http.Handler { return next }

// download reads the mailbox to its end.
func (r *reader) download() {
	r.t.Helper()
	w := call(r.handler, http.MethodPost, "/v1/received:download", []byte(`{"company":"`+r.company.RUT.String()+`"}`), "application/json")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"more":true`) {
		r.t.Fatalf("%d %s", w.Code, w.Body)
	}
	for o, err := range r.state.List(r.t.Context(), store.Query{Prefix: store.DuePrefix}) {
		if err != nil || strings.Contains(o.Name, "/"+downloadreceived.Name+"/mail/") {
			r.t.Errorf("a mail is still to be taken in: %s %v", o.Name, err)
		}
	}
}

// ticks lets some minutes pass.
func (r *reader) ticks() {
	r.t.Helper()
	for range 4 {
		r.minutes.Add(1)
		if w := call(r.handler, http.MethodPost, "/_tick", nil, ""); w.Code != http.StatusNoContent {
			r.t.Fatalf("tick: %d %s", w.Code, w.Body)
		}
	}
}

// letterbox keeps what is sent.
type letterbox struct {
	mu    sync.Mutex
	mails [][]byte
}

// Send implements outmail.Sender.
func (l *letterbox) Send(_ context.Context, _ mailbox.Server, _ string, _ []string, raw []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mails = append(l.mails, raw)
	return nil
}

// answers are the EstadoRecepEnv of what was sent.
func (l *letterbox) answers(t *testing.T) string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var states []string
	for _, raw := range l.mails {
		_, err := parts.Walk(raw, parts.Limits{}, func(f parts.File) error {
			file, err := exchange.Read(f.Content)
			if err != nil {
				return err
			}
			for _, r := range file.Answer.Receptions {
				states = append(states, fmt.Sprint(int(r.State)))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	slices.Sort(states)
	return strings.Join(states, " ")
}

// signers sign for every company, with one throw-away certificate.
type signers struct{}

var throwAway = sync.OnceValues(func() (*cert.Identity, error) {
	key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // as old certificates are; it signs for a test
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	c, err := cert.ReadCertificate(der)
	return &cert.Identity{Key: key, Certificate: c, RUT: buyer}, err
})

// Identity implements downloadreceived.Identities.
func (signers) Identity(context.Context, *company.Certificate) (*cert.Identity, error) {
	return throwAway()
}

// kept tells what is known now; folios count from the case's first.
func (r *reader) kept(first int) kept {
	r.t.Helper()
	register := received.New(r.state)
	documents, err := register.List(r.t.Context(), r.company, 0, 5000)
	if err != nil {
		r.t.Fatal(err)
	}
	quarantined, err := register.Quarantines(r.t.Context(), r.company, 0, 5000)
	if err != nil {
		r.t.Fatal(err)
	}
	files, err := register.Files(r.t.Context(), r.company, 0, 5000)
	if err != nil {
		r.t.Fatal(err)
	}
	var k kept
	for _, d := range documents {
		k.Documents += tell(&d.Record, first) + " "
	}
	for _, q := range quarantined {
		if q.Reason == "" {
			r.t.Errorf("%s without a reason", q.Code)
		}
		k.Quarantine += q.Code + " "
	}
	for _, f := range files {
		k.Files += string(f.Kind) + " "
	}
	return kept{strings.TrimSpace(k.Documents), strings.TrimSpace(k.Quarantine), strings.TrimSpace(k.Files), r.letters.answers(r.t)}
}

func tell(d *received.Record, first int) string {
	folio := d.Folio
	if folio >= int64(first) && folio < int64(first)+10 {
		folio -= int64(first)
	}
	text := fmt.Sprintf("%d/%d %s", d.Type, folio, d.Main().Checks.Strict())
	if n := len(d.Variants); n > 1 {
		text += fmt.Sprintf(" of %d", n)
	}
	return text
}

// archived makes sure that every mail is in the archive as it came, and noted.
func (r *reader) archived(mails [][]byte) {
	r.t.Helper()
	for i, raw := range mails {
		whole := raw[:min(len(raw), 20<<20)] // what is read of a mail
		digest := sha256.Sum256(whole)
		o, err := r.archive.Read(r.t.Context(), store.Mail(r.company, digest))
		if err != nil || !bytes.Equal(o.Data, whole) {
			r.t.Errorf("mail %d is not in the archive: %v", i+1, err)
			continue
		}
		m, err := received.LoadMail(r.t.Context(), r.state, r.company, fmt.Sprintf("%x", digest))
		if err != nil || m.Size != len(whole) {
			r.t.Errorf("mail %d is not noted: %v", i+1, err)
		}
	}
}

// sums are what is known of the whole corpus: documents with their verdict, how much is in quarantine for which reason, and
// how many files of which kind are no purchases.
type sums map[string]int

// add takes what a case expects; its folios count from the first.
func (s sums) add(k kept, first int) {
	words := strings.Fields(k.Documents)
	for i := 0; i+1 < len(words); i += 2 {
		var kind, folio int
		if _, err := fmt.Sscanf(words[i], "%d/%d", &kind, &folio); err != nil {
			continue // "of 2"
		}
		s[fmt.Sprintf("%d/%d %s", kind, first+folio, words[i+1])]++
	}
	for _, word := range append(strings.Fields(k.Quarantine), strings.Fields(k.Files)...) {
		s[word]++
	}
}

// raced tells whether the test was built with -race.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
