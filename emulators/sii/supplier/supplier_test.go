package supplier_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	netmail "net/mail"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/mail"
	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/schema"
	"timbre/emulators/sii/supplier"
	"timbre/emulators/sii/world"
)

var today = time.Date(2026, 11, 20, 12, 0, 0, 0, time.FixedZone("-03", -3*60*60))

// made is a world and its supplier b, whose customer is a.
func made(t *testing.T) (string, *supplier.Bot, supplier.Order) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "world")
	if err := authority.Make(dir, authority.Options{Now: today, Types: []int{33}, Folios: 1000}); err != nil {
		t.Fatal(err)
	}
	bot, err := supplier.New(dir, "b")
	if err != nil {
		t.Fatal(err)
	}
	return dir, bot, supplier.Order{Receiver: authority.DefaultCompanies()[0].RUT, To: "dte@empresa.example", Folio: 1, At: today}
}

// blobs finds every leaf of a mail that could be XML, in forwarded mails and ZIPs
// too.
func blobs(t *testing.T, header map[string][]string, body []byte) [][]byte {
	t.Helper()
	get := func(name string) string { return strings.Join(header[name], "") }
	if get("Content-Transfer-Encoding") == "base64" {
		decoded, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(body)), "\r\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		body = decoded
	}
	kind, parameters, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		for r := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]); ; {
			p, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return found
			}
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, blobs(t, p.Header, readAll(t, p))...)
		}
	case kind == "message/rfc822":
		return opened(t, body)
	case kind == "application/zip":
		z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, readAll(t, r))
		}
	case bytes.Contains(body, []byte("<")):
		found = append(found, body)
	}
	return found
}

func readAll(t *testing.T, r io.Reader) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func opened(t *testing.T, raw []byte) [][]byte {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return blobs(t, m.Header, readAll(t, m.Body))
}

var declared = regexp.MustCompile(`encoding="([^"]*)"`)

// decode reads bytes in the encoding that they declare, or in the other one.
func decode(t *testing.T, data []byte, other bool) string {
	t.Helper()
	name := string(declared.FindSubmatch(data)[1])
	if (name == "UTF-8") != other {
		return strings.TrimPrefix(string(data), "\ufeff")
	}
	text, err := charmap.Windows1252.NewDecoder().String(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// read has the judge read a text: it takes ISO-8859-1 alone, and envelopes alone.
func read(text string) (*judge.Envelope, error) {
	text = declared.ReplaceAllString(text, `encoding="ISO-8859-1"`)
	if !strings.Contains(text, "<SetDTE") {
		text = strings.Replace(text, "<DTE ", "<EnvioDTE><SetDTE><DTE ", 1) + "</SetDTE></EnvioDTE>"
	}
	data, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(text))
	if err != nil {
		return nil, err
	}
	return judge.Read(data)
}

// sound says whether all DTEs of a text verify.
func sound(text string) bool {
	e, err := read(text)
	if err != nil || len(e.Documents) == 0 {
		return false
	}
	for _, d := range e.Documents {
		if _, err := d.VerifyAlone(); err != nil {
			return false
		}
	}
	return true
}

// The table tells the truth about what each oddity brings, as the simulator's own
// judge sees it.
func TestOddities(t *testing.T) {
	t.Parallel()
	_, bot, order := made(t)
	root := regexp.MustCompile(`<(EnvioDTE|DTE|RESULTADO_ENVIO|RespuestaDTE|EnvioRecibos)[ >]`)
	for i, odd := range supplier.Oddities() {
		order.Folio = 1 + 10*i
		letter, err := bot.Letter(odd, order)
		if err != nil {
			t.Fatal(err)
		}
		var found [][]byte
		for _, m := range letter.Mails {
			found = append(found, opened(t, m)...)
		}
		want, got := odd.Want, supplier.Outcome{Answers: odd.Want.Answers}
		if len(letter.Documents) != want.Documents {
			t.Errorf("%s: %d documents told, want %d", odd.Name, len(letter.Documents), want.Documents)
		}
		if len(found) > 0 {
			got.Kind = root.FindStringSubmatch(string(found[0]))[1]
		}
		if want.Kind == supplier.Quarantine && !sound(decode(t, found[0], false)) {
			got.Kind = supplier.Quarantine
		}
		if want.Documents > 0 {
			got.Documents, got.Variants = count(t, found, order.Receiver)
			got.Signature = verdict(t, found[0])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", odd.Name, diff)
		}
	}
}

var (
	cutDTE   = regexp.MustCompile(`(?s)<DTE .*?</DTE>`)
	receiver = regexp.MustCompile(`<RUTRecep>([^<]*)<`)
	folio    = regexp.MustCompile(`<Folio>([^<]*)<`)
)

// count counts the customer's documents by folio and by bytes.
func count(t *testing.T, found [][]byte, customer string) (int, int) {
	t.Helper()
	folios, variants := map[string]bool{}, map[string]bool{}
	for _, data := range found {
		for _, dte := range cutDTE.FindAll(data, -1) {
			if string(receiver.FindSubmatch(dte)[1]) == customer {
				folios[string(folio.FindSubmatch(dte)[1])], variants[string(dte)] = true, true
			}
		}
	}
	return len(folios), len(variants)
}

func verdict(t *testing.T, data []byte) string {
	t.Helper()
	switch {
	case sound(decode(t, data, false)):
		return supplier.Valid
	case sound(decode(t, data, true)):
		return supplier.Recoded
	}
	return supplier.Broken
}

// What the bot signs would be accepted by the SII: schema, envelope, stamp, CAF
// and business rules.
func TestTheSIIWouldAccept(t *testing.T) {
	t.Parallel()
	dir, bot, order := made(t)
	w, err := world.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, odd := range supplier.Oddities() {
		if odd.Name != "the SII's copy" && odd.Name != "three documents" {
			continue
		}
		letter, err := bot.Letter(odd, order)
		if err != nil {
			t.Fatal(err)
		}
		e, err := judge.Read(opened(t, letter.Mails[0])[0])
		if err != nil {
			t.Fatal(err)
		}
		if faults := schema.Check(e.Root); len(faults) > 0 {
			t.Errorf("%s: schema: %v", odd.Name, faults)
		}
		if _, err := e.VerifyEnvelope(); err != nil {
			t.Errorf("%s: envelope: %v", odd.Name, err)
		}
		court := judge.Court{
			Registry: empty{}, Company: w.Companies[1], Environment: judge.Certification, Pool: w.Pool, SIIKeys: w.SIIKeys,
			MaySign: func(string, string) bool { return true }, Received: today, InPlace: true, Strict: true,
		}
		for _, d := range e.Documents {
			if findings := court.Judge(d, d.Examine(w.Pool, today.Location())); len(findings) > 0 {
				t.Errorf("%s: %v", odd.Name, findings)
			}
		}
	}
}

type empty struct{}

func (empty) Received(string, int, int) (judge.Record, bool) { return judge.Record{}, false }
func (empty) Annulled(string, int, int) bool                 { return false }

// Every mail passes by SMTP into the customer's mailbox.
func TestSend(t *testing.T) {
	t.Parallel()
	_, bot, order := made(t)
	server, err := mail.Start(mail.Options{Dir: t.TempDir(), Mailboxes: []mail.Mailbox{{Address: order.To, Password: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	sent := 0
	for i, odd := range supplier.Oddities() {
		order.Folio = 1 + 10*i
		letter, err := bot.Letter(odd, order)
		if err != nil {
			t.Fatal(err)
		}
		if err := bot.Send(server.SMTPAddr(), letter); err != nil {
			t.Fatalf("%s: %v", odd.Name, err)
		}
		sent += len(letter.Mails)
	}
	response, err := http.Get(server.ControlURL() + "/mailboxes/" + order.To + "/messages") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	var list []json.RawMessage
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list) != sent || sent <= len(supplier.Oddities()) {
		t.Errorf("%d mails in the mailbox, %d sent of %d oddities", len(list), sent, len(supplier.Oddities()))
	}
	letter, err := bot.Letter(supplier.Oddities()[0], supplier.Order{Receiver: order.Receiver, To: "nadie@otra.example", Folio: 900, At: today})
	if err != nil {
		t.Fatal(err)
	}
	if err := bot.Send(server.SMTPAddr(), letter); err == nil {
		t.Error("a mail to nobody was taken")
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	dir, bot, order := made(t)
	if _, err := supplier.New(dir, "z"); !errors.Is(err, supplier.ErrUnknown) {
		t.Errorf("unknown supplier: got %v", err)
	}
	order.Folio = 999
	if _, err := bot.Letter(supplier.Oddities()[0], order); !errors.Is(err, supplier.ErrFolios) {
		t.Errorf("beyond the CAF: got %v", err)
	}
	order.Receiver = "1-9"
	if _, err := bot.Letter(supplier.Oddities()[0], order); !errors.Is(err, supplier.ErrUnknown) {
		t.Errorf("unknown customer: got %v", err)
	}
	names := map[string]bool{}
	for _, odd := range supplier.Oddities() {
		if names[odd.Name] {
			t.Errorf("two oddities are called %q", odd.Name)
		}
		names[odd.Name] = true
	}
}

func ExampleOddities() {
	odd := supplier.Oddities()[0]
	fmt.Println(odd.Name, odd.Want.Documents, odd.Want.Signature, odd.Want.Answers)
	// Output: plain 1 valid [0]
}
