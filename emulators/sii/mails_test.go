package sii_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/emulators/sii"
	"timbre/emulators/sii/faults"
)

// postOffice is a mail server that takes everything.
type postOffice struct {
	addr  string
	mails chan letter
}

type letter struct{ from, to, text string }

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{addr: l.Addr().String(), mails: make(chan letter, 100)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.talk(conn)
		}
	}()
	return p
}

func (p *postOffice) talk(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test's
	in := bufio.NewReader(conn)
	say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
	say("220 oficina")
	var got letter
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch line = strings.TrimSpace(line); strings.ToUpper(strings.Fields(line + " x")[0]) {
		case "MAIL":
			got.from = between(line, "<", ">")
			say("250 ok")
		case "RCPT":
			if got.to = between(line, "<", ">"); strings.HasPrefix(got.to, "nadie@") {
				say("550 no such mailbox")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go")
			var b strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			got.text = b.String()
			p.mails <- got
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

func (p *postOffice) next(t *testing.T) letter {
	t.Helper()
	select {
	case m := <-p.mails:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("no mail came")
		return letter{}
	}
}

// attachments are the parts with a file name.
func (l letter) attachments(t *testing.T) map[string][]byte {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(l.text))
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for parts := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			return found
		}
		data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		if part.FileName() != "" && err != nil {
			t.Fatal(err)
		}
		found[part.FileName()] = data
	}
}

func (l letter) header(t *testing.T, name string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(l.text))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(name)
}

// mailBench is a bench whose SII sends mails.
func mailBench(t *testing.T) (*bench, *postOffice) {
	t.Helper()
	office := newPostOffice(t)
	return newBench(t, func(o *sii.Options) { o.SMTPAddr = office.addr }), office
}

// mailStates are the states of all mails, oldest first.
func (b *bench) mailStates() []string {
	var states []string
	for _, m := range b.server.Mails() {
		states = append(states, m.State)
	}
	return states
}

func TestResultMail(t *testing.T) {
	t.Parallel()
	b, office := mailBench(t)
	b.sendOf(b.invoice(1))
	b.server.Advance(5 * time.Second)
	office.next(t)
	other := b.invoice(1)
	other.replace(t, "<RznSocRecep>", "<RznSocRecep>Ñ")
	e := b.sendOf(other, b.invoice(2), b.note(61, 1, 33, 2, 1))
	b.server.Advance(5 * time.Second)
	got := office.next(t)
	track := strings.TrimLeft(e.TrackID, "0")
	if want := "Resultado de Revision Envio " + track + " - " + b.company.RUT; got.header(t, "Subject") != want {
		t.Errorf("subject: got %q, want %q", got.header(t, "Subject"), want)
	}
	if got.to != "dte-"+b.company.RUT+"@timbre.local" || !strings.HasSuffix(got.from, "@sii.cl") {
		t.Errorf("from %s to %s", got.from, got.to)
	}
	files := got.attachments(t)
	xml, text := string(files["DTEMAIL"+track+".xml"]), string(files["DTEMAIL"+track+".txt"])
	for _, part := range []string{
		"<TIPODOC>61</TIPODOC><INFORMADO>1</INFORMADO><ACEPTA>1</ACEPTA>",
		"<FOLIO>1</FOLIO><TIPODTE>33</TIPODTE><ESTADO>RCH - DTE Rechazado</ESTADO><DETALLE>(DTE-3-100) RECHAZO- DTE Repetido",
	} {
		if !strings.Contains(xml, part) {
			t.Errorf("no %s in %s", part, xml)
		}
	}
	if !strings.Contains(text, "(DTE-3-100)") || !strings.Contains(text, track) {
		t.Errorf("text: %s", text)
	}
	validResult(t, files["DTEMAIL"+track+".xml"])
}

// The shape that was built for the SII's schema: same elements, order, blanks.
func TestResultMailShape(t *testing.T) {
	t.Parallel()
	b, office := mailBench(t)
	b.sendOf(b.invoice(1))
	b.server.Advance(5 * time.Second)
	office.next(t)
	other := b.invoice(1)
	other.replace(t, "<MntTotal>10020", "<MntTotal>10021")
	e := b.sendOf(other, b.invoice(2))
	b.server.Advance(5 * time.Second)
	xml := office.next(t).attachments(t)["DTEMAIL"+strings.TrimLeft(e.TrackID, "0")+".xml"]
	sameBytes(t, string(xml), recorded(t, "mail", "resultado-envio.shape.xml"),
		`\d+-[\dK]<`, `<TRACKID>\d+`, `\d\d/\d\d/\d{4} \d\d:\d\d:\d\d`, `<FOLIO>\d+`, `\(DTE-3-101\) [^<]*`)
}

// validResult checks a mail's XML against the SII's schema, where xmllint is.
func validResult(t *testing.T, data []byte) {
	t.Helper()
	xsd := reference(t, "sii", "responses", "mail", "RespSII_v10.xsd")
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed")
	}
	path := filepath.Join(t.TempDir(), "r.xml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--schema", xsd, path).CombinedOutput(); err != nil {
		t.Errorf("against the schema: %s\n%s", out, data)
	}
}

func TestMailOfRejectedEnvelope(t *testing.T) {
	t.Parallel()
	b, office := mailBench(t)
	address := "sii@empresa.example"
	b.change("companies", sii.CompanyChange{RUT: b.company.RUT, Mail: &address})
	wrong := b.envelopeOf(b.invoice(1))
	wrong.resolNo = "80"
	e := b.send(b.company.RUT, wrong.write(t))
	b.server.Advance(5 * time.Second)
	got := office.next(t)
	xml := got.attachments(t)["DTEMAIL"+strings.TrimLeft(e.TrackID, "0")+".xml"]
	if got.to != address || !bytes.Contains(xml, []byte("<ESTADO>RCT - ")) || !bytes.Contains(xml, []byte("<DETERRENVIO>(CRT-3-19) RECHAZO- ")) {
		t.Errorf("to %s: %s", got.to, xml)
	}
	validResult(t, xml)
}

func TestMailFaults(t *testing.T) {
	t.Parallel()
	b, office := mailBench(t)
	fault := func(f string, length time.Duration) {
		b.fault(faults.Rule{Fault: f, Times: 1, For: faults.Duration(length)})
	}
	fault(faults.MailLate, time.Hour)
	b.sendOf(b.invoice(1))
	b.server.Advance(59 * time.Minute)
	if got := b.mailStates(); got[0] != "waiting" {
		t.Errorf("late mail: got %v, want waiting", got)
	}
	b.server.Advance(2 * time.Minute)
	office.next(t)

	b.token = b.login(b.signer) // the hour killed it
	fault(faults.MailDoubled, 0)
	b.sendOf(b.invoice(2))
	b.server.Advance(5 * time.Second)
	first, second := office.next(t), office.next(t)
	if first.header(t, "Subject") != second.header(t, "Subject") || first.header(t, "Message-ID") == second.header(t, "Message-ID") {
		t.Errorf("doubled mail: %q %q", first.header(t, "Message-ID"), second.header(t, "Message-ID"))
	}

	fault(faults.MailMojibake, 0)
	wrong := b.invoice(3)
	wrong.body = cut(t, wrong.body, `<CmnaRecep>.*</CmnaRecep>\n`)
	wrong.replace(t, "<NroLinDet>2", "<NroLinDet>4")
	e := b.sendOf(wrong, b.lineFault(4))
	b.server.Advance(5 * time.Second)
	if xml := office.next(t).attachments(t)["DTEMAIL"+strings.TrimLeft(e.TrackID, "0")+".xml"]; !bytes.Contains(xml, []byte("Línea")) {
		t.Errorf("mojibake: got %s, want UTF-8 under the prolog of ISO-8859-1", xml)
	}

	fault(faults.MailLost, 0)
	b.sendOf(b.invoice(5))
	if got := b.mailStates(); got[len(got)-1] != "lost" {
		t.Errorf("lost mail: got %v", got)
	}
	if got := b.server.FaultStatus().Counts; got["mail-late"] != 1 || got["mail-doubled"] != 1 || got["mail-mojibake"] != 1 || got["mail-lost"] != 1 {
		t.Errorf("counts: %v", got)
	}
}

// lineFault is an invoice whose remark has an accent.
func (b *bench) lineFault(folio int) *draft {
	d := b.invoice(folio)
	d.replace(b.t, "<NroLinDet>2", "<NroLinDet>4")
	return d
}

// fault adds a rule.
func (b *bench) fault(r faults.Rule) {
	b.t.Helper()
	if err := b.server.Fault(r); err != nil {
		b.t.Fatal(err)
	}
}

// A mailbox that does not exist is tried once; the other mails still go.
func TestRefusedMail(t *testing.T) {
	t.Parallel()
	b, office := mailBench(t)
	nobody, somebody := "nadie@empresa.example", "sii@empresa.example"
	b.change("companies", sii.CompanyChange{RUT: b.company.RUT, Mail: &nobody})
	b.sendOf(b.invoice(1))
	b.change("companies", sii.CompanyChange{RUT: b.company.RUT, Mail: &somebody})
	b.sendOf(b.invoice(2))
	b.server.Advance(5 * time.Second)
	if got := office.next(t); got.to != somebody {
		t.Errorf("to %s, want %s", got.to, somebody)
	}
	b.eventually(func() bool { return slices.Equal(b.mailStates(), []string{"refused", "sent"}) })
}

// A mail that was sent is not sent again after a restart; one that waits is.
func TestMailsOutliveRestart(t *testing.T) {
	t.Parallel()
	office, dir := newPostOffice(t), t.TempDir()
	set := func(o *sii.Options) { o.SMTPAddr, o.StateDir = office.addr, dir }
	b := newBench(t, set)
	b.sendOf(b.invoice(1))
	b.server.Advance(5 * time.Second)
	office.next(t)
	second := b.sendOf(b.invoice(2))
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	later := newBench(t, set)
	later.server.Advance(5 * time.Second)
	if got := office.next(t).header(t, "Subject"); !strings.Contains(got, strings.TrimLeft(second.TrackID, "0")) {
		t.Errorf("after the restart: got %q, want the mail of %s", got, second.TrackID)
	}
}

func TestReenvioCorreo(t *testing.T) {
	t.Parallel()
	b, office := mailBench(t)
	e := b.sendOf(b.invoice(1))
	b.server.Advance(5 * time.Second)
	office.next(t)
	waiting := tag(b.upload(b.company.RUT, b.envelopeOf(b.invoice(2)).write(t)), "TRACKID")
	number, dv, _ := strings.Cut(b.company.RUT, "-")
	other, otherDV, _ := strings.Cut(b.receiver.RUT, "-")
	tests := []struct{ name, token, number, dv, track, want string }{
		{"wrong digit", b.token, number, "1", e.TrackID, "101"},
		{"no track", b.token, number, dv, "", "102"},
		{"dead token", "XAuSbYXiNh9Ik", number, dv, e.TrackID, "104"},
		{"unknown track", b.token, number, dv, "999", "105"},
		{"company of others", b.token, other, otherDV, e.TrackID, "106"},
		{"in process", b.token, number, dv, waiting, "114"},
		{"right", b.token, number, dv, strings.TrimLeft(e.TrackID, "0"), "0"},
	}
	for _, tt := range tests {
		inner := b.call("services/wsDTECorreo", "reenvioCorreo", tt.token, tt.number, tt.dv, tt.track)
		if got := tag(inner, "SII:ESTADO"); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, inner, tt.want)
		}
	}
	b.server.Advance(5 * time.Second)
	if got := office.next(t).header(t, "Subject"); !strings.Contains(got, strings.TrimLeft(e.TrackID, "0")) {
		t.Errorf("got %q, want the mail of %s again", got, e.TrackID)
	}
}

func TestEstDteAv(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.sendOf(b.invoice(1))
	signature := e.Documents[0].Signature
	company, companyDV, _ := strings.Cut(b.company.RUT, "-")
	receiver, receiverDV, _ := strings.Cut(b.receiver.RUT, "-")
	ask := func(changes map[int]string) string {
		p := []string{company, companyDV, receiver, receiverDV, "33", "1", "20112026", "10020", signature, b.token}
		for i, v := range changes {
			p[i] = v
		}
		return b.call("services/QueryEstDteAv", "getEstDteAv", p...)
	}
	tests := []struct {
		name    string
		changes map[int]string
		header  string
		body    string
		got     string
	}{
		{name: "right", header: "0", body: "DOK", got: "SI"},
		{name: "signature in lines", changes: map[int]string{8: lines76(signature)}, header: "0", body: "DOK", got: "SI"},
		{name: "signature of another document", changes: map[int]string{8: "AAAA"}, header: "0", body: "DNK", got: "SI"},
		{name: "other amount", changes: map[int]string{7: "1"}, header: "0", body: "DNK", got: "SI"},
		{name: "not received", changes: map[int]string{5: "2"}, header: "0", body: "FAU", got: "NO"},
		{name: "dead token", changes: map[int]string{9: "x"}, header: "001"},
		{name: "date with hyphens", changes: map[int]string{6: "20-11-2026"}, header: "5"},
		{name: "companies of others", changes: map[int]string{0: receiver, 1: receiverDV, 2: "1", 3: "9"}, header: "9"},
	}
	for _, tt := range tests {
		inner := ask(tt.changes)
		if tag(inner, "SII:ESTADO") != tt.header || tag(inner, "ESTADO") != tt.body || tag(inner, "RECIBIDO") != tt.got {
			t.Errorf("%s: got %s, want %s %s %s", tt.name, inner, tt.header, tt.body, tt.got)
		}
	}
	if got := tag(ask(nil), "TRACKID"); got != strings.TrimLeft(e.TrackID, "0") {
		t.Errorf("TRACKID: got %s, want %s", got, e.TrackID)
	}
}
