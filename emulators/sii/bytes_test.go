package sii_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii"
)

// recorded reads an answer that a public project recorded from a real server.
func recorded(t *testing.T, parts ...string) string {
	t.Helper()
	return string(readFile(t, reference(t, append([]string{"sii", "responses"}, parts...)...)))
}

// sameBytes compares after putting the recorded values in place of ours.
func sameBytes(t *testing.T, got, want string, vary ...string) {
	t.Helper()
	// A newline at the very end is the recording's, not the server's.
	got, want = strings.TrimSuffix(got, "\n"), strings.TrimSuffix(want, "\n")
	for _, pattern := range vary {
		re := regexp.MustCompile(pattern)
		got, want = re.ReplaceAllString(got, "*"), re.ReplaceAllString(want, "*")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bytes differ (-recorded +ours):\n%s", diff)
	}
}

func TestRecordedBytes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		record []string
		answer func(*bench) string
		vary   []string
	}{
		{"seed", []string{"auth", "seed-00.live-certificacion-2026.soap.xml"}, func(b *bench) string {
			_, answer := b.soap("CrSeed", "getSeed")
			return answer
		}, []string{`[0-9]{12}`}},
		{"tampered seed", []string{"auth", "token-11.tampered-signature.live-2026.soap.xml"}, func(b *bench) string {
			document := b.signer.seedDocument(b.t, b.seed())
			_, answer := b.soap("GetTokenFromSeed", "getToken", strings.Replace(document, "<Semilla>", "<Semilla>9", 1))
			return answer
		}, nil},
		{"certificate that the SII does not know", []string{"auth", "token-10.valid-signature-unregistered-cert.live-2026.soap.xml"}, func(b *bench) string {
			_, answer := b.soap("GetTokenFromSeed", "getToken", foreignSigner(b).seedDocument(b.t, b.seed()))
			return answer
		}, nil},
		{"getEstUp with a dead token", []string{"estup", "001.token-no-existe.live-2026.soap.xml"}, func(b *bench) string {
			_, answer := b.soap("QueryEstUp", "getEstUp", "76400123", "0", "1", "XAuSbYXiNh9Ik")
			return answer
		}, nil},
		{"getEstDte with a dead token", []string{"estdte", "001.token-no-existe.live-2026.soap.xml"}, func(b *bench) string {
			_, answer := b.soap("QueryEstDte", "getEstDte", "1", "9", "76400123", "0", "1", "9", "33", "1", "20112026", "1", "XAuSbYXiNh9Ik")
			return answer
		}, nil},
		{"upload accepted", []string{"upload", "status-0.live-certificacion-2026-06-12.xml"}, func(b *bench) string {
			return b.upload(b.company.RUT, b.envelopeOf(b.invoice(1)).write(b.t))
		}, []string{`[0-9]+-[0-9K]<`, `\w+\.xml`, `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`, `\d{10}`}},
		{"upload without token", []string{"upload", "status-5.no-token.live-2026.xml"}, func(b *bench) string {
			b.token = ""
			return b.upload(b.company.RUT, b.envelopeOf(b.invoice(1)).write(b.t))
		}, nil},
		{"upload without schema", []string{"upload", "status-7.schema.live-2026.xml"}, func(b *bench) string {
			return b.upload(b.company.RUT, sedFile("EnvioDTE_v10.xsd", "x.xsd")(b, b.envelopeOf(b.invoice(1)).write(b.t)))
		}, nil},
		{"upload repeated", []string{"upload", "status-99.duplicate.live-2026.xml"}, func(b *bench) string {
			data := b.envelopeOf(b.invoice(1)).write(b.t)
			b.upload(b.company.RUT, data)
			return b.upload(b.company.RUT, data)
		}, []string{`Trackid \d+`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sameBytes(t, tt.answer(newBench(t)), recorded(t, tt.record...), tt.vary...)
		})
	}
}

// The recorded EPR: four invoices, three accepted and one with remarks.
func TestRecordedEPR(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	wrong := b.invoice(4)
	wrong.replace(t, "<PrcItem>2000", "<PrcItem>2001") // DET-2-200, a remark
	e := b.sendOf(b.invoice(1), b.invoice(2), b.invoice(3), wrong)
	sameBytes(t, b.estUp(b.company.RUT, e.TrackID), recorded(t, "estup", "epr-33-4docs-1reparo.live-certificacion-2026-06-14.inner.xml"), `\d{10}`, `\n`)
}

// Every answer of getToken by its cause.
func TestTokenAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		ask  func(*bench) string
		want string
	}{
		{"not XML", func(b *bench) string { return "<getToken>" }, "02"},
		{"no Signature", func(b *bench) string {
			return "<getToken><item><Semilla>" + b.seed() + "</Semilla></item></getToken>"
		}, "04"},
		{"no Semilla", func(b *bench) string { return strings.Replace(b.signer.seedDocument(b.t, ""), "Semilla", "Semilla", 1) }, "06"},
		{"KeyValue of another key", func(b *bench) string {
			text := b.signer.seedDocument(b.t, b.seed())
			i := strings.Index(text, "<Modulus>") + 20
			return text[:i] + string('A'+(text[i]-'A'+1)%20) + text[i+1:]
		}, "21"},
		{"no certificate", func(b *bench) string {
			return cut(b.t, b.signer.seedDocument(b.t, b.seed()), `(?s)<X509Data>.*</X509Data>\n`)
		}, "11"},
		{"expired certificate", func(b *bench) string { return expiredSigner(b).seedDocument(b.t, b.seed()) }, "-3"},
		{"login taken away", func(b *bench) string {
			b.change("people", sii.PersonChange{RUT: b.signer.rut, Login: false})
			return b.signer.seedDocument(b.t, b.seed())
		}, "12"},
		{"unknown seed", func(b *bench) string { return b.signer.seedDocument(b.t, "000000000001") }, "08"},
		{"seed older than two minutes", func(b *bench) string {
			document := b.signer.seedDocument(b.t, b.seed())
			b.server.Advance(121e9)
			return document
		}, "08"},
		{"seed used before", func(b *bench) string {
			document := b.signer.seedDocument(b.t, b.seed())
			b.call("GetTokenFromSeed", "getToken", document)
			return document
		}, "08"},
		{"right, with prolog", func(b *bench) string {
			return `<?xml version="1.0"?>` + "\n" + b.signer.seedDocument(b.t, b.seed())
		}, "00"},
		{"right, seed without its zeros", func(b *bench) string {
			return b.signer.seedDocument(b.t, strings.TrimLeft(b.seed(), "0"))
		}, "00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if got := tag(b.call("GetTokenFromSeed", "getToken", tt.ask(b)), "ESTADO"); got != tt.want {
				t.Errorf("ESTADO: got %q, want %q", got, tt.want)
			}
		})
	}
}

// testpki's other good certificates log in as well; the bad ones do not.
func TestTokenOfOddCertificates(t *testing.T) {
	t.Parallel()
	pki := reference(t, "testpki")
	b := newBench(t)
	b.client = newClient(t, start(t, pki, today), loadSigner(t, pki, "a", "49624463-K"))
	tests := map[string]string{
		"x-rsa4096": "00", "x-rsa1024-sha1": "00", "x-lower-k": "00", "x-rut-in-subject": "00",
		"x-expired": "-3", "x-not-yet-valid": "-3", "x-no-rut": "10",
	}
	for name, want := range tests {
		if _, err := filepath.Glob(filepath.Join(pki, "certs", name+".pem")); err != nil {
			t.Fatal(err)
		}
		who := loadSigner(t, pki, name, "49624463-K")
		if got := tag(b.call("GetTokenFromSeed", "getToken", who.seedDocument(t, b.seed())), "ESTADO"); got != want {
			t.Errorf("%s: ESTADO %q, want %q", name, got, want)
		}
	}
}

func TestSOAPFaults(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tests := []struct {
		name, service, op string
		parameters        []string
		want              string
	}{
		{"unknown operation", "CrSeed", "getSeeds", nil, "No such operation 'getSeeds'"},
		{"six parameters", "QueryEstUp", "getEstUp", []string{"1", "9", "76400123", "0", "1", "x"}, "No such operation 'getEstUp'"},
		{"no parameter", "GetTokenFromSeed", "getToken", nil, "No such operation 'getToken'"},
	}
	for _, tt := range tests {
		status, answer := b.soap(tt.service, tt.op, tt.parameters...)
		if want := strings.ReplaceAll(tt.want, "'", "&apos;"); status != 500 || !strings.Contains(answer, "<faultstring>"+want) {
			t.Errorf("%s: got %d %q, want 500 with %q", tt.name, status, answer, want)
		}
	}
	status, answer := b.post("/DTEWS/CrSeed.jws", "text/xml", []byte("<x/>"), nil)
	if status != 500 || !strings.Contains(answer, "no SOAPAction header!") {
		t.Errorf("no SOAPAction: got %d %q", status, answer)
	}
}
