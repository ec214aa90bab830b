package downloadreceived_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"timbre/emulators/mail"
	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/cert"
	"timbre/shared/claim"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/golden"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// corresponds is a rig whose company answers by mail, and the supplier's office that judges what it gets.
type corresponds struct {
	*rig
	office *supplier.Office
	server *mail.Server
	claims *fakeClaims
}

func newCorrespondence(t *testing.T) *corresponds {
	t.Helper()
	server, err := mail.Start(mail.Options{Dir: t.TempDir(), Mailboxes: []mail.Mailbox{{Address: supplier.DefaultFrom, Password: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &corresponds{rig: newRig(t), office: makeWorld(t).office.Anew(), server: server, claims: &fakeClaims{}}
	host, port, err := net.SplitHostPort(server.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c.configure(func(config *company.Company) {
		config.RznSoc, config.DirOrigen, config.CmnaOrigen = "Ñandú y Cía. Ltda.", "Avenida Ñuñoa 123", "Ñuñoa"
		config.Intercambio.Email = "dte@empresa.example"
		config.Intercambio.SMTP = &company.Mailbox{Host: host, Port: number, Security: "plain"}
	})
	c.handler = c.process(c.memory, c.kept, c.box)
	return c
}

// useCompany registers the company as another rig has it.
func (r *rig) useCompany(of *rig) {
	r.t.Helper()
	var config company.Company
	if _, err := of.state.ReadJSON(r.t.Context(), store.CompanyConfig(buyer), &config); err != nil {
		r.t.Fatal(err)
	}
	_, err := store.Update(r.t.Context(), r.state, store.CompanyConfig(buyer), func(c *company.Company) error {
		*c = config
		return nil
	}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
}

// configure changes the company.
func (c *corresponds) configure(change func(*company.Company)) {
	c.t.Helper()
	_, err := store.Update(c.t.Context(), c.state, store.CompanyConfig(buyer), func(config *company.Company) error {
		change(config)
		return nil
	}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
}

// process is an instance of the function that can send mail.
func (c *corresponds) process(state, archive store.Driver, box downloadreceived.Mailboxes) *downloadreceived.Handler {
	return c.processSending(state, archive, box, mailbox.NewSender(dial.New(dial.Options{AllowPrivate: true}).DialContext, 5*time.Second))
}

func (c *corresponds) processSending(state, archive store.Driver, box downloadreceived.Mailboxes, sender outmail.Sender) *downloadreceived.Handler {
	c.t.Helper()
	h, err := downloadreceived.New(downloadreceived.Config{IntakeEvery: time.Hour, IntakePast: 24 * time.Hour}, downloadreceived.Deps{
		State: store.NewBucket(state), Archive: store.NewBucket(archive), Events: c.events, Guard: open{},
		Companies: company.NewDirectory(c.state, c.clock), Identities: signs{c.t}, Passwords: nobody{}, Mail: box,
		SII:     func(store.Environment, *cert.Identity) downloadreceived.Inquirer { return c.sii },
		Claims:  func(store.Environment, *cert.Identity, *time.Location) downloadreceived.Registrar { return c.claims },
		Letters: sender,
		SIIKeys: makeWorld(c.t).keys, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: c.clock,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return h
}

// signs gives the buyer's certificate.
type signs struct{ t *testing.T }

func (s signs) Identity(context.Context, *company.Certificate) (*cert.Identity, error) {
	return makeWorld(s.t).signer, nil
}

// fakeClaims is a register of acceptance and claims that records all.
type fakeClaims struct{ entered []claim.Action }

func (f *fakeClaims) Enter(_ context.Context, _ sii.Received, a claim.Action) (sii.ClaimAnswer, error) {
	f.entered = append(f.entered, a)
	return sii.ClaimAnswer{Code: claim.Done}, nil
}

func (f *fakeClaims) Events(context.Context, sii.Received) (claim.History, sii.ClaimAnswer, error) {
	return nil, sii.ClaimAnswer{Code: claim.NoEvents}, nil
}

func (f *fakeClaims) Reception(context.Context, sii.Received) (time.Time, error) { return noon, nil }

// sent has the supplier write an oddity into the company's mailbox.
func (c *corresponds) sent(oddity string, folio int) supplier.Letter {
	c.t.Helper()
	for _, odd := range supplier.Oddities() {
		if odd.Name != oddity {
			continue
		}
		l, err := c.office.Write(odd, supplier.Order{Receiver: buyer.String(), To: "dte@empresa.example", Folio: folio, At: noon})
		if err != nil {
			c.t.Fatal(err)
		}
		c.box.add(l.Mails...)
		return l
	}
	c.t.Fatalf("no oddity %q", oddity)
	return supplier.Letter{}
}

// mails are the raw mails in the supplier's mailbox, the oldest first.
func (c *corresponds) mails() [][]byte {
	c.t.Helper()
	var list []struct {
		UID int `json:"uid"`
	}
	path := c.server.ControlURL() + "/mailboxes/" + supplier.DefaultFrom + "/messages"
	if err := json.Unmarshal(fetch(c.t, path), &list); err != nil {
		c.t.Fatal(err)
	}
	all := make([][]byte, len(list))
	for i, m := range list {
		all[i] = fetch(c.t, fmt.Sprintf("%s/%d", path, m.UID))
	}
	return all
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", url, answer.StatusCode, err)
	}
	return body
}

// ticks lets time go by.
func (c *corresponds) ticks(n int) {
	c.t.Helper()
	for range n {
		c.tick()
		c.advance(time.Minute)
	}
}

// judged is the supplier's report; faults are told.
func (c *corresponds) judged() supplier.Report {
	c.t.Helper()
	report := c.office.Judge(c.mails())
	for _, v := range report.Answers {
		if len(v.Faults) > 0 {
			c.t.Errorf("%s about %v: %q", v.Kind, v.About, v.Faults)
		}
	}
	for _, e := range report.Envelopes {
		if len(e.Faults) > 0 {
			c.t.Errorf("%s: %q", e.Oddity, e.Faults)
		}
	}
	return report
}

// TestSupplierAcceptsAnswers mails everything that the supplier knows to do; what it gets back is what its own judge
// asks for: every envelope answered as often, and with the codes, that the format says.
func TestSupplierAcceptsAnswers(t *testing.T) {
	t.Parallel()
	c := newCorrespondence(t)
	for i, odd := range supplier.Oddities() {
		c.sent(odd.Name, 1000+10*i)
		c.download()
		c.ticks(3)
	}
	report := c.judged()
	wanted := 0
	for _, e := range report.Envelopes {
		wanted += len(e.Want)
	}
	if len(report.Answers) != wanted || wanted < 25 {
		t.Errorf("%d answers to %d envelopes, %d wanted", len(report.Answers), len(report.Envelopes), wanted)
	}
	for _, v := range report.Answers {
		if v.Copies != 1 {
			t.Errorf("%s came %d times", v.MessageID, v.Copies)
		}
	}
	t.Logf("%d envelopes, %d answers accepted", len(report.Envelopes), len(report.Answers))
}

// TestNeverAnswered: an envelope in a mail that nobody sent us just now gets no answer, however good it is.
func TestNeverAnswered(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *corresponds, raw string){
		"automatic reply": func(c *corresponds, raw string) { c.box.add([]byte("Auto-Submitted: auto-replied\r\n" + raw)) },
		"vacation":        func(c *corresponds, raw string) { c.box.add([]byte("X-Autoreply: yes\r\n" + raw)) },
		"no return path":  func(c *corresponds, raw string) { c.box.add([]byte("Return-Path: <>\r\n" + raw)) },
		"report of delivery": func(c *corresponds, raw string) {
			c.box.add([]byte(strings.Replace(raw, "multipart/mixed;", "multipart/report; report-type=delivery-status;", 1)))
		},
		"mailing list": func(c *corresponds, raw string) { c.box.add([]byte("List-Id: <x.example>\r\n" + raw)) },
		"mailer-daemon": func(c *corresponds, raw string) {
			c.box.add([]byte(strings.Replace(raw, "<"+supplier.DefaultFrom+">", "<MAILER-DAEMON@x.example>", 1)))
		},
		"without address": func(c *corresponds, raw string) { c.box.add([]byte(strings.Replace(raw, "From: ", "X-From: ", 1))) },
		"by hand": func(c *corresponds, raw string) {
			xml, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(attached.FindStringSubmatch(raw)[1], "\r\n", ""))
			if err != nil {
				c.t.Fatal(err)
			}
			c.post(xml)
		},
	}
	for name, deliver := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCorrespondence(t)
			deliver(c, string(invoice(t, 8000)))
			if a := c.download(); len(c.list()) != 1 {
				t.Errorf("not taken in: %+v", a)
			}
			c.ticks(3)
			if n := len(c.mails()); n != 0 || c.due("answer") != 0 {
				t.Errorf("%d answers, %d to come", n, c.due("answer"))
			}
		})
	}
}

// TestRepeatsAreNotAnswered: the same file in another mail, and the very mail once more, bring no second answer.
func TestRepeatsAreNotAnswered(t *testing.T) {
	t.Parallel()
	c := newCorrespondence(t)
	raw := c.sent("plain", 8100).Mails[0]
	c.box.add(raw, []byte("X-Again: yes\r\n"+string(raw)))
	for range 2 {
		c.download()
		c.ticks(2)
	}
	if n := len(c.judged().Answers); n != 1 || len(c.mails()) != 1 {
		t.Errorf("%d answers in %d mails", n, len(c.mails()))
	}
}

// respond asks for an entry at the SII.
func (c *corresponds) respond(folio int64, action, reason string) {
	c.t.Helper()
	w := call(c.handler, http.MethodPost, "/v1/received/"+id(folio).String()+"/response", []byte(fmt.Sprintf(`{"action":%q,"reason":%q}`, action, reason)), "application/json")
	if w.Code != http.StatusOK {
		c.t.Fatalf("%s of %d: %d %s", action, folio, w.Code, w.Body)
	}
}

// TestResponsesAreMailed: what a person enters at the SII goes to the supplier too, each once.
func TestResponsesAreMailed(t *testing.T) {
	t.Parallel()
	c := newCorrespondence(t)
	actions := []string{"ACD", "ERM", "RCD", "RFP", "RFT"}
	for i := range actions {
		c.sent("plain", 2000+10*i)
		c.sii.set(int64(2000+10*i), "DOK")
	}
	c.download()
	c.ticks(2)
	for i, action := range actions {
		folio := int64(2000 + 10*i)
		for range 2 { // asked twice, it is one answer
			c.respond(folio, action, "no corresponde a lo pedido")
		}
	}
	c.ticks(10)
	kinds := map[string]int{}
	for _, v := range c.judged().Answers {
		kinds[v.Kind]++
	}
	if kinds["RecepcionEnvio"] != 5 || kinds["ResultadoDTE"] != 4 || kinds["EnvioRecibos"] != 1 {
		t.Errorf("answers %v", kinds)
	}
	var view downloadreceived.View
	c.get("/v1/received/"+id(2020).String(), &view)
	if len(view.Answers) != 1 || view.Answers[0].Kind != "RCD" || view.Answers[0].Letter == "" {
		t.Errorf("answers of the record: %+v", view.Answers)
	}
}

// TestAnswersByHand mails without the SII: for the certification's exchange, and with what a person says.
func TestAnswersByHand(t *testing.T) {
	t.Parallel()
	c := newCorrespondence(t)
	c.sent("plain", 3000)
	c.sent("plain", 3010)
	c.download()
	c.ticks(2)
	path := "/v1/received/" + id(3000).String() + "/answers"
	post := func(path, body string) (int, downloadreceived.Outgoing) {
		w := call(c.handler, http.MethodPost, path, []byte(body), "application/json")
		var out downloadreceived.Outgoing
		if w.Code == http.StatusOK {
			c.read(w, path, &out)
		}
		return w.Code, out
	}
	code, first := post(path, `{"action":"ACD","reason":"llegó tarde"}`)
	if code != http.StatusOK || first.State != outmail.Waiting || first.Kind != outmail.Result || first.To != supplier.DefaultFrom {
		t.Fatalf("%d %+v", code, first)
	}
	if code, again := post(path, `{"action":"ACD","reason":"otra cosa"}`); code != http.StatusOK || again.MessageID != first.MessageID || again.CreatedAt != first.CreatedAt {
		t.Errorf("again: %d %+v", code, again)
	}
	if code, out := post(path, `{"action":"ERM","place":"Bodega Ñ"}`); code != http.StatusOK || out.Kind != outmail.Receipts {
		t.Errorf("receipt: %d %+v", code, out)
	}
	for name, body := range map[string]string{
		"contradicts": `{"action":"RCD","reason":"x"}`, "no reason": `{"action":"RFT"}`, "no action": `{"action":"ABC"}`,
		"no address": `{"action":"ACD","to":"x y@z"}`, "unknown field": `{"action":"ACD","x":1}`,
	} {
		if code, _ := post(path, body); code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, code)
		}
	}
	c.ticks(3)
	if kinds := len(c.judged().Answers); kinds != 4 {
		t.Errorf("%d answers, want two acknowledgements, a result and a receipt", kinds)
	}
	if len(c.claims.entered) != 0 {
		t.Errorf("entered at the SII: %v", c.claims.entered)
	}
	var page downloadreceived.OutgoingList
	c.get("/v1/received/"+buyer.String()+"/outbox?state=sent", &page)
	if len(page.Items) != 4 || page.Cursor != nil {
		t.Errorf("outbox %+v", page)
	}
	raw := call(c.handler, http.MethodGet, page.Items[0].Links.Self, nil, "")
	if raw.Code != http.StatusOK || !strings.Contains(raw.Body.String(), "Message-ID: <"+page.Items[0].MessageID+">") {
		t.Errorf("bytes: %d %s", raw.Code, raw.Body)
	}
}

// TestSupplierAddress: a person's word about the address goes before the mail's.
func TestSupplierAddress(t *testing.T) {
	t.Parallel()
	c := newCorrespondence(t)
	path := "/v1/received/" + buyer.String() + "/suppliers/" + other.String()
	if w := call(c.handler, http.MethodGet, path, nil, ""); w.Code != http.StatusNotFound {
		t.Errorf("before: %d", w.Code)
	}
	for _, address := range []string{"uno@otro.example", "intercambio@otro.example"} {
		if w := call(c.handler, http.MethodPut, path, []byte(`{"email":"`+address+`"}`), "application/json"); w.Code != http.StatusOK {
			t.Fatalf("put: %d %s", w.Code, w.Body)
		}
	}
	var view downloadreceived.SupplierView
	c.get(path, &view)
	c.sent("plain", 4000)
	c.download()
	c.tick()
	var page downloadreceived.OutgoingList
	c.get("/v1/received/"+buyer.String()+"/outbox", &page)
	if view.Email != "intercambio@otro.example" || len(page.Items) != 1 || page.Items[0].To != view.Email {
		t.Errorf("told %q, mails %+v", view.Email, page.Items)
	}
	if w := call(c.handler, http.MethodPut, path, []byte(`{"email":"a@b\r\nBcc: c@d"}`), "application/json"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("bad address: %d", w.Code)
	}
}

// TestWithoutServer: a company without a mail server takes in as before, answers nothing, and is told so when it asks.
func TestWithoutServer(t *testing.T) {
	t.Parallel()
	c := newCorrespondence(t)
	c.configure(func(config *company.Company) { config.Intercambio.SMTP = nil })
	c.sent("plain", 5000)
	c.sii.set(5000, "DOK")
	if a := c.download(); a.New != 1 {
		t.Errorf("download %+v", a)
	}
	c.respond(5000, "ACD", "")
	c.ticks(8)
	if n := len(c.mails()); n != 0 {
		t.Errorf("%d mails", n)
	}
	w := call(c.handler, http.MethodPost, "/v1/received/"+id(5000).String()+"/answers", []byte(`{"action":"ACD"}`), "application/json")
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "mail-server-missing") {
		t.Errorf("answer: %d %s", w.Code, w.Body)
	}
}

var attached = regexp.MustCompile(`(?s)Content-Disposition: attachment.*?\r\n\r\n(.*?)\r\n--`)

// TestAnswersHoldByWitnesses: xmllint with the SII's schemas and the oracle, which share nothing with us, find nothing
// wrong with any answer.
func TestAnswersHoldByWitnesses(t *testing.T) {
	t.Parallel()
	schemas, oracle := golden.Reference(t, "sii", "schemas"), golden.Reference(t, "oracle", "verify_dte.py")
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed")
	}
	if os.Getenv("WITNESS") != "1" || exec.CommandContext(t.Context(), oracle, "--help").Run() != nil {
		oracle = "" // it starts Python, or does not run here
	}
	c := newCorrespondence(t)
	for i, odd := range []string{"plain", "three documents", "several receivers", "another's envelope", "cut short", "re-indented", "plain", "plain", "plain", "plain"} {
		c.sent(odd, 6000+10*i)
		c.sii.set(int64(6000+10*i), "DOK")
	}
	c.download()
	c.ticks(2)
	for i, action := range []string{"ACD", "ERM", "RCD", "RFP"} {
		c.respond(int64(6060+10*i), action, "motivo ñ & <raro> \"comillas\"")
	}
	c.ticks(8)
	c.judged()
	dir, checked := t.TempDir(), 0
	for i, raw := range c.mails() {
		for _, m := range attached.FindAllSubmatch(raw, -1) {
			xml, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(m[1]), "\r\n", ""))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
			if err := os.WriteFile(path, xml, 0o600); err != nil {
				t.Fatal(err)
			}
			schema := "RespuestaEnvioDTE_v10.xsd"
			if strings.Contains(string(xml), "<EnvioRecibos") {
				schema = "EnvioRecibos_v10.xsd"
			}
			witness(t, "xmllint", "--noout", "--schema", filepath.Join(schemas, schema), path)
			if oracle != "" {
				witness(t, oracle, "-q", path)
			}
			checked++
		}
	}
	if checked != 14 {
		t.Errorf("%d answers checked, want 14", checked)
	}
}

func witness(t *testing.T, name string, arguments ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, filepath.Base(arguments[len(arguments)-1]), err, out)
	}
}
