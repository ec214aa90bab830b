package downloadreceived_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
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

// corpus are all cases.
func corpus() []corpusCase {
	return slices.Concat(oddCases(), sampleCases(), mailCases(), attackCases())
}

// oddCases are the supplier's, each phrase of WEBSERVICES §9.2.
func oddCases() []corpusCase {
	invoice := kept{Documents: "33/0 pass", Answers: "0"}
	cases := []corpusCase{}
	for _, name := range []string{
		"plain", "application/xml", "upper-case extension", "double extension", "odd name", "text/plain", "no name",
		"PDF and XML", "over 10 MB", "forwarded", "zip", "sent twice", "forwarded besides",
		"UTF-8 called ISO-8859-1", "ISO-8859-1 called UTF-8", "UTF-8 with BOM", "windows-1252",
	} {
		cases = append(cases, corpusCase{name: name, mails: odd(name), want: invoice})
	}
	for _, c := range []struct {
		name string
		want kept
	}{
		{"bare DTE", kept{Documents: "33/0 pass"}},
		{"the SII's copy", kept{Documents: "33/0 pass", Answers: "3"}},
		{"Message-ID used twice", kept{Documents: "33/0 pass 33/1 pass", Answers: "0 0"}},
		{"re-indented", kept{Documents: "33/0 fail", Answers: "2"}},
		{"namespace missing", kept{Documents: "33/0 pass", Answers: "1"}},
		{"cut short", kept{Quarantine: "not-xml", Answers: "91"}},
		{"entities", kept{Quarantine: "doctype", Answers: "91"}},
		{"three documents", kept{Documents: "33/0 pass 33/1 pass 33/2 pass", Answers: "0"}},
		{"several receivers", kept{Documents: "33/0 pass", Quarantine: "other-receiver", Answers: "0"}},
		{"another's envelope", kept{Quarantine: "other-receiver", Answers: "3"}},
		{"amount changed later", kept{Documents: "33/0 pass of 2", Answers: "0 2"}},
		{"delivery failed", kept{}},
		{"out of office", kept{}},
		{"result mail", kept{Files: "RESULTADO_ENVIO"}},
		{"answer", kept{Files: "RespuestaDTE"}},
		{"receipts", kept{Files: "EnvioRecibos"}},
	} {
		cases = append(cases, corpusCase{name: c.name, mails: odd(c.name), want: c.want})
	}
	return cases
}

// sampleCases are real files, in the mailbox of whom they were for.
func sampleCases() []corpusCase {
	const production, others = store.Produccion, "other-receiver other-receiver other-receiver other-receiver other-receiver"
	// Two sorts fail although nobody changed them: the SII's own example names another key than its certificate has, and
	// the generated ones were signed with a throw-away certificate of a later day.
	return []corpusCase{
		{"real DTE", each(sample("dte/DTE-60910000-1-33-2336600.xml")), "76555835-2", production, kept{Documents: "33/2336600 pass"}},
		{"real DTE, cleaned", each(sample("dte/DTE-60910000-1-33-2336600-cleaned.xml")), "76555835-2", production, kept{Documents: "33/2336600 pass"}},
		{"real DTE, both forms", each(sample("dte/DTE-60910000-1-33-2336600.xml"), sample("dte/DTE-60910000-1-33-2336600-cleaned.xml")), "76555835-2", production, kept{Documents: "33/2336600 pass of 2"}},
		{"real DTE of the SII's software", each(sample("dte/DTE-76354771-K-33-170.xml")), "96790240-3", production, kept{Documents: "33/170 pass"}},
		{"the same, cleaned", each(sample("dte/DTE-76354771-K-33-170-cleaned.xml")), "96790240-3", production, kept{Documents: "33/170 pass"}},
		{"its amount changed", each(sample("tampered/DTE-76354771-K-33-170-mod-changed-monto.xml")), "96790240-3", production, kept{Documents: "33/170 fail"}},
		{"its signature removed", each(sample("tampered/DTE-76354771-K-33-170-mod-removed-signature.xml")), "96790240-3", production, kept{Documents: "33/170 fail"}},
		{"genuine and changed", each(sample("tampered/DTE-76354771-K-33-170-mod-changed-monto.xml"), sample("dte/DTE-76354771-K-33-170.xml")), "96790240-3", production, kept{Documents: "33/170 pass of 2"}},
		{"real envelope", each(sample("envio/EnvioDTE-762352915-F13T33.xml")), "77447842-6", "", kept{Documents: "33/13 pass", Answers: "0"}},
		{"eight documents to four", each(sample("envio/EnvioDTE-762352915-basico.xml")), "77447842-6", "", kept{Documents: "33/17 pass 61/12 pass 56/7 pass", Quarantine: others, Answers: "3"}},
		{"the same, signed by somebody else", each(sample("negative/EnvioDTE-762352915-basico-resigned.xml")), "77447842-6", "", kept{Documents: "33/17 fail 61/12 fail 56/7 fail", Quarantine: others, Answers: "2"}},
		{"exports", each(sample("envio/EnvioDTE-762352915-exportacion1.xml")), "55555555-5", "", kept{Documents: "110/13 pass 112/3 pass 111/3 pass", Answers: "1"}},
		{"the SII's example", each(sample("envio/F60T33-ejemplo-oficial-SII.xml")), "77777777-7", "", kept{Documents: "33/60 fail", Answers: "2"}},
		{"boletas, altered", each(sample("boleta/EnvioBOLETA-softcomsas-altered.xml")), "66666666-6", production, kept{Documents: "39/18094 fail"}},
		{"cession", each(sample("aec/AEC-76399752-9-33-25568-SEQ-1.xml")), "96874030-K", production, kept{Files: "AEC"}},
		{"envelope of a program", each(sample("generated/EnvioDTE-generado-regla-10.2.xml")), "60803000-K", "", kept{Documents: "33/1 fail", Answers: "2"}},
		{"boletas of a program", each(sample("generated/EnvioBOLETA-generado.xml")), "66666666-6", "", kept{Documents: "39/1 fail"}},
		{"answers of a program", each(sample("generated/RespuestaDTE-recepcion-generada.xml"), sample("generated/RespuestaDTE-resultado-generada.xml"),
			sample("generated/EnvioRecibos-generado.xml")), "60803000-K", "", kept{Files: "RespuestaDTE RespuestaDTE EnvioRecibos"}},
		{"CAF", each(sample("caf/CAF-66666666-6-sintetico.xml")), "66666666-6", "", kept{Quarantine: "other-root"}},
		{"stamps alone", each(sample("ted/TED-89622400-K-33-10.xml"), sample("ted/TED-78003230-8-39-203-fake.xml")), "66666666-6", "", kept{Quarantine: "other-root other-root"}},
		{"a file for somebody else", each(sample("dte/DTE-60910000-1-33-2336600.xml")), "", "", kept{Quarantine: "other-receiver"}},
	}
}

// mailCases are other ways of mailing.
func mailCases() []corpusCase {
	invoice, unanswered := kept{Documents: "33/0 pass", Answers: "0"}, kept{Documents: "33/0 pass"}
	xml := func(a *author) []entry {
		return []entry{{"leame.txt", []byte("hola")}, {"dte/envio.xml", a.envelope()}}
	}
	return []corpusCase{
		{name: "delivered twice", mails: twice(odd("plain")), want: invoice},
		{name: "attached twice", mails: each(invoiceFile, invoiceFile), want: invoice},
		{name: "envelope and its document", mails: each(invoiceFile, func(a *author) attachment {
			return attachment{name: "dte.xml", data: append([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?>`+"\n"), documentOf(a, a.envelope())...)}
		}), want: invoice},
		{name: "12 MB of PDF in base64", mails: each(invoiceFile, file("f.pdf", string(many("%PDF-1.4\n", "0123456789", "", 12<<20)))), want: invoice},
		{name: "12 MB of XML", mails: one(func(_ *author, xml []byte) []byte {
			return bytes.Replace(xml, []byte("</EnvioDTE>"), many("", "<!-- "+strings.Repeat("relleno ", 100)+"-->", "</EnvioDTE>", 12<<20), 1)
		}), want: invoice},
		{name: "more than 20 MB", mails: each(invoiceFile, file("f.pdf", string(many("%PDF", "0", "", 16<<20)))), want: kept{Documents: "33/0 pass", Quarantine: "truncated", Answers: "0"}},
		{name: "zip of several", mails: each(zipped(xml)), want: invoice},
		{name: "zip in a zip in a zip", mails: each(func(a *author) attachment {
			return attachment{name: "a.zip", data: nested(a.t, 2, entry{"envio.xml", a.envelope()})}
		}), want: invoice},
		{name: "zip called XML", mails: each(func(a *author) attachment {
			return attachment{name: "envio.xml", data: archive(a.t, entry{"envio.xml", a.envelope()})}
		}), want: invoice},
		{name: "forwarded three times", mails: func(a *author) [][]byte { return [][]byte{forwarded(message("", invoiceFile(a)), 3)} }, want: invoice},
		{name: "forwarded as a file", mails: each(func(a *author) attachment {
			return attachment{name: "original.eml", data: message("", invoiceFile(a))}
		}), want: invoice},
		{name: "base64 without saying so", mails: func(a *author) [][]byte {
			text := base64.StdEncoding.EncodeToString(append([]byte(`<?xml version="1.0"?>`), documentOf(a, a.xmlOf("UTF-8 with BOM"))...))
			return [][]byte{[]byte("From: a@b.example\r\nContent-Type: text/xml\r\n\r\n" + text)}
		}, want: unanswered},
		{name: "pasted into the text", mails: func(a *author) [][]byte {
			return [][]byte{append(append([]byte("From: a@b.example\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\nEstimados:\r\n"), a.envelope()...), "\r\nSaludos"...)}
		}, want: invoice},
		{name: "nothing but XML", mails: func(a *author) [][]byte { return [][]byte{a.envelope()} }, want: unanswered},
		{name: "boundary never closed", mails: func(a *author) [][]byte {
			return [][]byte{bytes.TrimSuffix(message("", invoiceFile(a)), []byte("--corpus--\r\n"))}
		}, want: invoice},
		{name: "blanks and NULs around", mails: one(func(_ *author, xml []byte) []byte {
			return append(append([]byte("\r\n  "), xml...), "\r\n\x1a\x00\x00"...)
		}), want: invoice},
		{name: "newsletter with an envelope", mails: func(a *author) [][]byte {
			return [][]byte{message("List-Unsubscribe: <mailto:x@y.example>\r\n", invoiceFile(a))}
		}, want: unanswered},
		{name: "sent by a program", mails: func(a *author) [][]byte {
			return [][]byte{message("Auto-Submitted: auto-generated\r\n", invoiceFile(a))}
		}, want: invoice},
		{name: "our own document comes back", mails: func(a *author) [][]byte { return [][]byte{ownBounced(a)} }, want: kept{Files: "EnvioDTE"}},
		{name: "newsletter", mails: raw("From: a@b.example\nSubject: Ofertas\nList-Unsubscribe: <mailto:x@y.example>\n\nCompre.\n"), want: kept{}},
		{name: "text of a person", mails: raw("From: a@b.example\nSubject: Factura\n\nLe mando la factura en papel.\n"), want: kept{Quarantine: "no-xml"}},
		{name: "picture of an invoice", mails: each(file("factura.jpg", "\xff\xd8\xff\xe0JFIF")), want: kept{Quarantine: "no-xml"}},
		{name: "web page", mails: raw("From: a@b.example\nContent-Type: text/html\n\n<html><body><p>Factura</p></body></html>\n"), want: kept{Quarantine: "no-xml"}},
		{name: "spreadsheet", mails: each(func(a *author) attachment {
			return attachment{name: "libro.xlsx", data: archive(a.t, entry{"[Content_Types].xml", []byte("<Types/>")}, entry{"xl/workbook.xml", []byte("<workbook/>")})}
		}), want: kept{Quarantine: "no-xml"}},
		{name: "invoice of another country", mails: each(file("cfdi.xml", `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4"/>`)), want: kept{Quarantine: "other-root"}},
		{name: "envelope without documents", mails: each(file("e.xml", `<EnvioDTE xmlns="http://www.sii.cl/SiiDte"><SetDTE/></EnvioDTE>`)), want: kept{Quarantine: "no-documents"}},
		{name: "document without folio", mails: func(a *author) [][]byte {
			return replaced(fmt.Sprintf("<Folio>%d</Folio>", a.folio), "")(a)
		}, want: kept{Quarantine: "no-identity", Answers: "1"}},
		{name: "folio of 19 digits", mails: func(a *author) [][]byte {
			return replaced(fmt.Sprintf("<Folio>%d<", a.folio), "<Folio>9999999999999999999<")(a)
		}, want: kept{Quarantine: "no-identity", Answers: "1"}},
		{name: "RUT of the issuer mistyped", mails: replaced("<RUTEmisor>"+other.String(), "<RUTEmisor>1-1"), want: kept{Quarantine: "no-identity", Answers: "2"}},
		{name: "UTF-16", mails: one(func(_ *author, xml []byte) []byte { return utf16(xml) }), want: kept{Quarantine: "bad-text"}},
		{name: "unknown encoding", mails: replaced("ISO-8859-1", "EBCDIC-CP-US"), want: kept{Quarantine: "bad-text", Answers: "91"}},
		{name: "nothing at all", mails: raw("\n"), want: kept{Quarantine: "no-xml"}},
	}
}

// ownBounced is a report on delivery that brings back what the buyer itself sent.
func ownBounced(a *author) []byte {
	xml := bytes.ReplaceAll(a.envelope(), []byte(other.String()), []byte("x"))
	xml = bytes.ReplaceAll(xml, []byte(buyer.String()), []byte(other.String()))
	xml = bytes.ReplaceAll(xml, []byte(">x<"), []byte(">"+buyer.String()+"<"))
	return append([]byte("From: MAILER-DAEMON@correo.example\r\nSubject: Undelivered\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: text/xml\r\n\r\n"),
		append(xml, "\r\n--b--\r\n"...)...)
}

// attackCases want to be believed, or to cost more than they are worth.
func attackCases() []corpusCase {
	forged := kept{Documents: "33/0 fail", Answers: "2"}
	over := kept{Quarantine: "over-limit"}
	const head = `<EnvioDTE xmlns="http://www.sii.cl/SiiDte"><SetDTE>`
	xml := func(data []byte) written {
		return each(func(*author) attachment { return attachment{name: "envio.xml", data: data} })
	}
	return []corpusCase{
		{name: "billion laughs", mails: each(sample("attacks/billion-laughs-1.xml")), want: kept{Quarantine: "doctype"}},
		{name: "quadratic blow-up", mails: each(sample("attacks/quadratic-blowup-entity-expansion.xml")), want: kept{Quarantine: "doctype"}},
		{name: "external entity", mails: xml([]byte(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><DTE>&x;</DTE>`)), want: kept{Quarantine: "doctype"}},
		{name: "deep nesting", mails: xml(many("", "<a>", "", 6<<20)), want: over},
		{name: "deep and closed", mails: xml(append(many("", "<a>", "", 3<<20), many("", "</a>", "", 4<<20)...)), want: over},
		{name: "a million elements", mails: xml(many(head, "<a/>", "</SetDTE></EnvioDTE>", 8<<20)), want: over},
		{name: "attribute of 8 MB", mails: xml(many(`<DTE a="`, "x", `"/>`, 8<<20)), want: over},
		{name: "a million attributes", mails: xml(many("<DTE ", `a="1" `, "/>", 6<<20)), want: over},
		{name: "text of 8 MB", mails: xml(many("<DTE>", "x", "</DTE>", 8<<20)), want: over},
		{name: "2,001 documents", mails: xml(many(head, "<DTE></DTE>", "</SetDTE></EnvioDTE>", 2001*len("<DTE></DTE>"))), want: over},
		{name: "amount changed", mails: replaced("<MntTotal>1190<", "<MntTotal>9190<"), want: forged},
		{name: "stamp changed", mails: replaced("<MNT>1190<", "<MNT>9190<"), want: forged},
		{name: "CAF widened", mails: replaced("<H>", "<H>9"), want: forged},
		{name: "signature taken away", mails: one(func(_ *author, xml []byte) []byte {
			from, to := bytes.Index(xml, []byte("<Signature ")), bytes.Index(xml, []byte("</Signature>"))+len("</Signature>")
			return append(xml[:from:from], xml[to:]...)
		}), want: kept{Documents: "33/0 fail", Answers: "1"}},
		{name: "forged beside the signed", mails: replaced(`<Documento ID="`, `<Documento ID="X"><Encabezado/></Documento><Documento ID="`), want: kept{Quarantine: "no-identity", Answers: "1"}},
		{name: "signed inside the forged", mails: one(func(_ *author, xml []byte) []byte {
			from, to := bytes.Index(xml, []byte("<Documento ID=")), bytes.Index(xml, []byte("</Documento>"))+len("</Documento>")
			signed := xml[from:to]
			fake := bytes.Replace(bytes.Replace(signed, []byte("<MntTotal>1190<"), []byte("<MntTotal>9190<"), 1), []byte(`ID="F`), []byte(`ID="X`), 1)
			fake = bytes.Replace(fake, []byte("</Documento>"), append(bytes.Clone(signed), "</Documento>"...), 1)
			return slices.Concat(xml[:from], fake, xml[to:])
		}), want: kept{Documents: "33/0 fail", Answers: "1"}},
		{name: "an ID twice", mails: replaced("<KeyInfo>", `<KeyInfo Id="SetDoc">`), want: kept{Documents: "33/0 pass", Answers: "1"}},
		{name: "a transform that picks", mails: replaced(`<Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315">`,
			`<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">`), want: forged},
		{name: "a comment in a value", mails: replaced("<MntTotal>1190<", "<MntTotal>11<!-- 0 -->90<"), want: kept{Documents: "33/0 pass", Answers: "0"}},
		{name: "a folio of zeros before", mails: func(a *author) [][]byte {
			return replaced(fmt.Sprintf("<Folio>%d<", a.folio), fmt.Sprintf("<Folio>000%d<", a.folio))(a)
		}, want: forged},
		{name: "zip bomb", mails: each(zipped(func(*author) []entry { return []entry{{"envio.xml", make([]byte, 80<<20)}} })), want: over},
		{name: "zip bomb of XML", mails: each(zipped(func(*author) []entry { return []entry{{"envio.xml", many(head, "<a/>", "", 15<<20)}} })), want: over},
		{name: "zip of 1,001 files", mails: each(zipped(func(*author) []entry { return slices.Repeat([]entry{{"a.xml", []byte("<a/>")}}, 1001) })), want: over},
		{name: "zips in zips", mails: each(func(a *author) attachment {
			return attachment{name: "a.zip", data: nested(a.t, 30, entry{"envio.xml", a.envelope()})}
		}), want: over},
		{name: "zip with a password", mails: each(func(a *author) attachment {
			return attachment{name: "a.zip", data: locked(archive(a.t, entry{"envio.xml", a.envelope()}))}
		}), want: kept{Quarantine: "encrypted"}},
		{name: "zip cut short", mails: each(func(a *author) attachment {
			whole := archive(a.t, entry{"envio.xml", a.envelope()})
			return attachment{name: "a.zip", data: whole[:len(whole)-40]}
		}), want: kept{Quarantine: "broken"}},
		{name: "mails in mails", mails: func(a *author) [][]byte { return [][]byte{forwarded(message("", invoiceFile(a)), 40)} }, want: over},
		{name: "2,000 parts", mails: func(a *author) [][]byte {
			return [][]byte{many("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n", "--x\r\n\r\na\r\n", "", 2000*len("--x\r\n\r\na\r\n"))}
		}, want: over},
		{name: "header of 4 MB", mails: func(a *author) [][]byte {
			return [][]byte{many("From: a@b.example\r\nSubject: x\r\n", " x\r\n", "\r\n<DTE/>", 4<<20)}
		}, want: kept{Quarantine: "no-xml"}},
	}
}
