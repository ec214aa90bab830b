package downloadreceived_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/mail"
	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/event"
	"timbre/shared/exchange"
	"timbre/shared/mailbox"
	"timbre/shared/store"
)

// TestOddities mails everything that the supplier knows to do, each oddity through real SMTP and IMAP, and
// compares the register with what an honest receiver makes of it.
func TestOddities(t *testing.T) {
	t.Parallel()
	const address, password = "dte@empresa.example", "x" // as nobody says
	server, err := mail.Start(mail.Options{Dir: t.TempDir(), Mailboxes: []mail.Mailbox{{Address: address, Password: password}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	r := newRig(t)
	r.useMailbox(server.IMAPAddr(), address)
	r.handler = r.instance(r.memory, r.kept, mailbox.NewReader(dial.New(dial.Options{AllowPrivate: true}).DialContext, mailbox.Options{}))
	for i, odd := range supplier.Oddities() {
		before, left := len(r.list()), len(r.quarantine())
		folio := 100 + 10*i
		l := letter(t, odd.Name, folio)
		if err := makeWorld(t).bot.Send(server.SMTPAddr(), l); err != nil {
			t.Fatal(err)
		}
		answer := r.download()
		if answer.Mails != len(l.Mails) {
			t.Errorf("%s: %d mails read, %d sent", odd.Name, answer.Mails, len(l.Mails))
		}
		found := r.list()[before:]
		if len(found) != odd.Want.Documents || answer.New != odd.Want.Documents {
			t.Errorf("%s: %d documents, %d new, want %d: %+v", odd.Name, len(found), answer.New, odd.Want.Documents, r.quarantine()[left:])
			continue
		}
		variants := 0
		for _, d := range found {
			variants += d.Variants
			// Without the SII's namespace, but with xsi, is no context in which package xmldsig looks.
			if diff := signature(odd.Want.Signature, d); diff != "" && odd.Name != "namespace missing" {
				t.Errorf("%s: %s", odd.Name, diff)
			}
		}
		if variants != odd.Want.Variants {
			t.Errorf("%s: %d variants, want %d", odd.Name, variants, odd.Want.Variants)
		}
		if quarantined := len(r.quarantine()) > left; quarantined != (odd.Want.Kind == supplier.Quarantine) && odd.Name != "several receivers" && odd.Name != "another's envelope" {
			t.Errorf("%s: in quarantine %t", odd.Name, quarantined)
		}
	}
	r.allKept()
}

// signature compares the check of the first variant with what the supplier signed.
func signature(want string, d downloadreceived.Item) string {
	got := exchange.Pass
	for _, c := range d.Checks {
		if c.Check == exchange.CheckSignature && c.Status == exchange.Fail {
			got = exchange.Fail
		}
	}
	if (want == supplier.Broken) != (got == exchange.Fail) {
		return fmt.Sprintf("folio %d: signature %s, was %s", d.Folio, got, want)
	}
	return ""
}

func (r *rig) useMailbox(addr, user string) {
	r.t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	_, err := store.Update(r.t.Context(), r.state, store.CompanyConfig(buyer), func(c *company.Company) error {
		c.Intercambio.IMAP = &company.Mailbox{Host: host, User: user, Security: string(mailbox.Plain)}
		_, err := fmt.Sscan(port, &c.Intercambio.IMAP.Port)
		return err
	}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
}

// allKept makes sure that every mail and file that something tells of is in the archive.
func (r *rig) allKept() {
	r.t.Helper()
	var links []string
	for _, d := range r.list() {
		links = append(links, d.Links.Mail, d.Links.File, d.Links.XML)
	}
	for _, q := range r.quarantine() {
		links = append(links, q.Links.Mail)
		if q.Links.File != "" {
			links = append(links, q.Links.File)
		}
	}
	for _, link := range links {
		if w := call(r.handler, http.MethodGet, link, nil, ""); w.Code != http.StatusOK || w.Body.Len() == 0 {
			r.t.Errorf("%s: %d", link, w.Code)
		}
	}
}

// TestEachMailIsTakenInOnce reads a mailbox again and again: after a new UIDVALIDITY, in another mailbox, and
// the same mail delivered twice.
func TestEachMailIsTakenInOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.box.add(invoices(t, 1, 25)...)
	if a := r.download(); a.Mails != 25 || a.New != 25 || a.Duplicates != 0 || a.More {
		t.Fatalf("first: %+v", a)
	}
	if a := r.download(); a.Mails != 0 {
		t.Errorf("nothing new: %+v", a)
	}
	r.box.add(r.box.mails[3])
	if a := r.download(); a.Mails != 1 || a.New != 0 || a.Duplicates != 1 {
		t.Errorf("delivered twice: %+v", a)
	}
	r.box.validity++
	if a := r.download(); a.Mails != 26 || a.New != 0 || a.Duplicates != 26 {
		t.Errorf("numbered anew: %+v", a)
	}
	r.useMailbox("imap.other:993", "dte")
	r.advance(time.Minute) // a configuration is used for half a minute
	if a := r.download(); a.Mails != 26 || a.New != 0 {
		t.Errorf("another mailbox: %+v", a)
	}
	if n := len(r.list()); n != 25 {
		t.Errorf("%d documents", n)
	}
	if told := len(r.events.Take(event.DTEReceived)); told != 25 {
		t.Errorf("callers were told %d times", told)
	}
	if n := r.due("mail"); n != 0 {
		t.Errorf("%d entries of mails are left", n)
	}
}

// TestTickReadsEachHour lets a day pass: the mailbox is read once an hour, whatever the number of ticks.
func TestTickReadsEachHour(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 24 * 6 {
		if i%6 == 0 {
			r.box.add(invoice(t, 1+i/6))
		}
		r.tick()
		r.advance(10 * time.Minute)
	}
	if n := len(r.list()); n < 22 || n > 24 {
		t.Errorf("%d documents in 24 hours", n)
	}
	if n := r.due("intake"); n < 1 || n > 2 {
		t.Errorf("%d entries of intakes", n)
	}
}

// TestSameKeyOtherBytes keeps every variant and shows the one that is to be believed.
func TestSameKeyOtherBytes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	genuine := letter(t, "amount changed later", 7)
	r.box.add(genuine.Mails[1]) // the forged one first
	r.download()
	if d := r.list()[0]; d.Strict != exchange.Fail || d.Total.String() != "9190" {
		t.Errorf("forged alone: %s %s", d.Strict, d.Total)
	}
	r.box.add(genuine.Mails[0])
	if a := r.download(); a.New != 0 || a.Duplicates != 0 || a.Documents != 1 {
		t.Errorf("%+v", a)
	}
	items := r.list()
	if len(items) != 1 || items[0].Variants != 2 || items[0].Strict == exchange.Fail || items[0].Total.String() != "1190" {
		t.Errorf("%+v", items)
	}
	want := map[string]string{"repeat": "fail", "signature": "pass", "sii": "warn"}
	got := map[string]string{}
	for _, c := range items[0].Checks {
		if _, asked := want[string(c.Check)]; asked {
			got[string(c.Check)] = string(c.Status)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var view downloadreceived.View
	r.get(items[0].Links.Self, &view)
	if len(view.All) != 2 || view.File == nil || view.File.Kind != exchange.EnvioDTE {
		t.Errorf("%+v", view)
	}
	for _, v := range view.All {
		if w := call(r.handler, http.MethodGet, v.Links.XML, nil, ""); !strings.Contains(w.Body.String(), "<MntTotal>"+v.Total.String()+"<") {
			t.Errorf("%s: %s", v.Links.XML, w.Body)
		}
	}
}

// TestWhatComesBeside is kept, listed and told apart from purchases.
func TestWhatComesBeside(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, name := range []string{"answer", "receipts", "result mail", "delivery failed", "out of office"} {
		r.box.add(letter(t, name, 1).Mails...)
	}
	r.box.add([]byte("From: vendedor@proveedor.example\r\nSubject: Factura\r\n\r\nLe adjunto la factura.\r\n"))
	r.download()
	var page downloadreceived.FileList
	r.get("/v1/received/"+buyer.String()+"/files", &page)
	var kinds []string
	for _, f := range page.Items {
		kinds = append(kinds, string(f.Kind))
	}
	if diff := cmp.Diff([]string{"RespuestaDTE", "EnvioRecibos", "RESULTADO_ENVIO"}, kinds); diff != "" {
		t.Error(diff)
	}
	if q := r.quarantine(); len(q) != 1 || q[0].Code != "no-xml" || q[0].From != "vendedor@proveedor.example" {
		t.Errorf("quarantine: %+v", q)
	}
	if n := len(r.list()); n != 0 {
		t.Errorf("%d purchases", n)
	}
	names := 0 // where poll-status looks
	for _, err := range r.state.List(t.Context(), store.Query{Prefix: store.ResultMailPrefix(buyer, 1)}) {
		if err != nil {
			t.Fatal(err)
		}
		names++
	}
	if names != 1 {
		t.Errorf("result mail is noted %d times", names)
	}
}

// sick is a bucket that refuses to make objects of some names.
type sick struct {
	store.Driver
	part string
}

func (s sick) Create(ctx context.Context, o store.Object) (int64, error) {
	if strings.Contains(o.Name, s.part) {
		return 0, store.ErrRetained // definite, so that nobody waits
	}
	return s.Driver.Create(ctx, o)
}

// TestOneMailHoldsNothingUp has the cursor pass a mail that cannot be taken in: its entry does it later.
func TestOneMailHoldsNothingUp(t *testing.T) {
	t.Parallel()
	bad := fmt.Sprintf("/%010d.json", 2) // the record of folio 2
	r := newRig(t)
	r.box.add(invoices(t, 1, 3)...)
	r.read(call(r.instance(sick{r.memory, bad}, r.kept, r.box), http.MethodPost, "/v1/received:download",
		[]byte(`{"company":"`+buyer.String()+`"}`), ""), "download", &downloadreceived.DownloadAnswer{})
	if got := folios(r.list()); got != "1 3" || r.due("mail") != 1 {
		t.Fatalf("folios %s, %d mails are left", got, r.due("mail"))
	}
	if a := r.download(); a.Mails != 0 {
		t.Errorf("the cursor did not pass: %+v", a)
	}
	for _, wait := range []time.Duration{3 * time.Minute, 3 * time.Minute, 10 * time.Minute} { // it fails on
		r.advance(wait)
		call(r.instance(sick{r.memory, bad}, r.kept, r.box), http.MethodPost, "/_tick", nil, "")
	}
	if r.due("mail") != 1 {
		t.Fatalf("%d mails are left", r.due("mail"))
	}
	r.advance(time.Hour)
	r.tick()
	if got := folios(r.list()); got != "1 3 2" || r.due("mail") != 0 {
		t.Errorf("folios %s, %d mails are left", got, r.due("mail"))
	}
}

// TestArchiveComesFirst keeps the cursor before a mail that could not be archived.
func TestArchiveComesFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.box.add(invoices(t, 1, 2)...)
	w := call(r.instance(r.memory, sick{r.kept, "mail/"}, r.box), http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "")
	if w.Code != http.StatusInternalServerError || len(r.list()) != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if a := r.download(); a.New != 2 {
		t.Errorf("%+v", a)
	}
}

// slowBox gives out one mail and then its time is up.
type slowBox struct{ *fakeBox }

func (b slowBox) Read(ctx context.Context, a mailbox.Account, from mailbox.Cursor, each func(context.Context, mailbox.Message) error) (mailbox.Progress, error) {
	given := 0
	return b.fakeBox.Read(ctx, a, from, func(ctx context.Context, m mailbox.Message) error {
		if given++; given > 1 {
			return context.DeadlineExceeded
		}
		return each(ctx, m)
	})
}

// TestSlowMailbox is read mail by mail, by whoever asks and then by the tick, each minute as long as there are more.
func TestSlowMailbox(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.box.add(invoices(t, 1, 6)...)
	r.handler = r.instance(r.memory, r.kept, slowBox{r.box})
	for range 2 {
		if a := r.download(); a.New != 1 || !a.More {
			t.Errorf("%+v", a)
		}
	}
	r.tick() // notes when the mailbox is read
	r.advance(time.Hour)
	for range 4 {
		r.tick()
		r.advance(time.Minute)
	}
	if got := folios(r.list()); got != "1 2 3 4 5 6" {
		t.Error(got)
	}
}
