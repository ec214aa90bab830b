package exchange_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/exchange"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// outcome is which checks of a document fail, which warn, and the strict verdict.
type outcome struct {
	Fail, Warn []exchange.Code
	Strict     exchange.Result
}

func outcomeOf(checks exchange.Checks) outcome {
	return outcome{failing(checks, exchange.Fail), failing(checks, exchange.Warn), checks.Strict()}
}

func codes(c ...exchange.Code) []exchange.Code { return c }

// Each fault of a document, alone, in the eyes of the receiver. All are signed anew after the change where a forger could.
func TestDocumentChecks(t *testing.T) {
	t.Parallel()
	plain := issue(t, order{})
	declared := append([]byte(latin1Declaration), plain...)
	tests := []struct {
		name string
		text []byte
		want outcome
	}{
		{"good", declared, outcome{nil, nil, exchange.Pass}},
		{"good, with the SII's namespace alone", append([]byte(latin1Declaration), issue(t, order{form: "sii"})...), outcome{nil, nil, exchange.Pass}},
		{"key of 1024 bits", sign(t, "x-rsa1024-sha1.pfx"), outcome{nil, nil, exchange.Pass}},
		{"for another company", append([]byte(latin1Declaration), issue(t, order{receiver: "60803000-K"})...),
			outcome{codes(exchange.CheckReceiver), nil, exchange.Pass}},

		{"a byte changed", []byte(change{"Café", "Cafe"}.in(t, string(latin1(t, "Caf\u00e9", "Café", declared)))),
			outcome{codes(exchange.CheckSignature), codes(exchange.CheckTEDNames), exchange.Fail}},
		{"not signed", []byte(string(declared)[:strings.Index(string(declared), "<Signature")] + "</DTE>"),
			outcome{codes(exchange.CheckSchema, exchange.CheckSignature), nil, exchange.Fail}},
		{"signed with another's certificate", resign(t, declared, "Documento", mismatched(t)),
			outcome{codes(exchange.CheckCertificateKey), nil, exchange.Fail}},
		{"certificate that nobody can read", certificateText(t, declared, []byte("no certificate")),
			outcome{nil, codes(exchange.CheckCertificate), exchange.Warn}},
		{"certificate that crypto/x509 refuses", certificateText(t, declared, negativeSerial(t)), outcome{nil, nil, exchange.Pass}},
		{"expired certificate", sign(t, "x-expired.pfx"), outcome{codes(exchange.CheckCertificateTime), nil, exchange.Fail}},
		{"certificate of the future", sign(t, "x-not-yet-valid.pfx"), outcome{codes(exchange.CheckCertificateTime), nil, exchange.Fail}},
		{"certificate without RUT", sign(t, "x-no-rut.pfx"), outcome{nil, codes(exchange.CheckCertificateRUT), exchange.Warn}},

		{"a forged document put before", []byte(change{`<Documento ID="`, `<Documento ID="X"><Encabezado/></Documento><Documento ID="`}.in(t, string(declared))),
			outcome{codes(exchange.CheckIdentity, exchange.CheckSchema, exchange.CheckSignature, exchange.CheckReceiver, exchange.CheckTED), nil, exchange.Fail}},

		{"an ID twice", []byte(change{"<Encabezado>", `<Encabezado ID="F1T33">`}.in(t, string(declared))),
			outcome{codes(exchange.CheckSchema, exchange.CheckSignature), nil, exchange.Fail}},
		{"a transform that picks", []byte(change{`<Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315">`,
			`<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">`}.in(t, string(declared))),
			outcome{codes(exchange.CheckSignature), nil, exchange.Fail}},
		{"a comment in a value", []byte(change{"<MntTotal>3570<", "<MntTotal>35<!-- 1 -->70<"}.in(t, string(declared))), outcome{nil, nil, exchange.Pass}},
		{"CDATA in a value", []byte(change{"<MntTotal>3570<", "<MntTotal><![CDATA[35]]>70<"}.in(t, string(declared))), outcome{nil, nil, exchange.Pass}},
		{"an instruction in a value", []byte(change{"<MntTotal>3570<", "<MntTotal>35<?x?>70<"}.in(t, string(declared))),
			outcome{codes(exchange.CheckSignature), nil, exchange.Fail}},
		{"an element in a value", []byte(change{"<MntTotal>3570<", "<MntTotal>35<b>1</b>70<"}.in(t, string(declared))),
			outcome{codes(exchange.CheckSchema, exchange.CheckSignature), nil, exchange.Fail}},

		{"total not the stamp's", forge(t, plain, change{"<MntTotal>3570<", "<MntTotal>3580<"}),
			outcome{codes(exchange.CheckTEDFields), codes(exchange.CheckContent), exchange.Fail}},
		{"line that does not multiply", forge(t, plain, change{"<QtyItem>3<", "<QtyItem>4<"}), outcome{nil, codes(exchange.CheckContent), exchange.Pass}},
		{"receiver's name not the stamp's", forge(t, plain, change{"<RznSocRecep>Ferreter", "<RznSocRecep>Xerreter"}),
			outcome{nil, codes(exchange.CheckTEDNames), exchange.Pass}},
		{"other receiver than the stamp's", forge(t, append([]byte(nil), issue(t, order{receiver: "60803000-K"})...),
			change{"<RUTRecep>60803000-K<", "<RUTRecep>" + company.String() + "<"}), outcome{codes(exchange.CheckTEDFields), nil, exchange.Fail}},
		{"stamp by no CAF", forge(t, plain, change{`<FRMT algoritmo="SHA1withRSA">`, `<FRMT algoritmo="SHA1withRSA">AAAA`}),
			outcome{codes(exchange.CheckFRMT), nil, exchange.Fail}},
		{"CAF widened", forge(t, plain, change{"<H>100</H>", "<H>999</H>"}), outcome{codes(exchange.CheckFRMT, exchange.CheckFRMA), nil, exchange.Fail}},
		{"folio beyond the CAF", restamp(t, order{}, change{"<F>1</F>", "<F>101</F>"}), outcome{codes(exchange.CheckCAFRange), nil, exchange.Fail}},
		{"stamp of another document", restamp(t, order{}, change{"<MNT>3570<", "<MNT>1<"}), outcome{codes(exchange.CheckTEDFields), nil, exchange.Fail}},
		{"no stamp", forge(t, plain, change{between(string(plain), "<TED", "</TED>"), ""}, change{"<TED</TED>", ""}),
			outcome{codes(exchange.CheckSchema, exchange.CheckTED), nil, exchange.Fail}},
		{"stamp of no form", forge(t, plain, change{"<RE>", "<!-- x --><RE>"}), outcome{codes(exchange.CheckTED), nil, exchange.Fail}},
		{"schema", forge(t, plain, change{"<GiroRecep>", "<GiroX/><GiroRecep>"}), outcome{codes(exchange.CheckSchema), nil, exchange.Pass}},
		{"unreadable RUT", forge(t, plain, change{"<RUTRecep>" + company.String(), "<RUTRecep>99923634-1"}),
			outcome{codes(exchange.CheckIdentity, exchange.CheckReceiver, exchange.CheckTEDFields), nil, exchange.Fail}},
		{"old CAF", forge(t, plain, change{"<TmstFirma>2026", "<TmstFirma>2027"}),
			outcome{nil, codes(exchange.CheckCAFAge, exchange.CheckContent), exchange.Pass}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := checker(t).Check(read(t, tt.text))
			got := outcomeOf(r.Documents[0].Checks)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, r.Documents[0].Checks)
			}
			if r.Checks.Worst() != exchange.Pass {
				t.Errorf("file: %v", r.Checks)
			}
			for _, c := range r.Documents[0].Checks {
				if c.Reason == "" {
					t.Errorf("%s without a reason", c.Code)
				}
			}
		})
	}
}

// Without the SII's namespace the signatures hold all the same, and the reader is told.
func TestNamespaceLost(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(string(enclose(t, company, issue(t, order{}))), ` xmlns="http://www.sii.cl/SiiDte"`, "")
	r := checker(t).Check(read(t, []byte(text)))
	if got := outcomeOf(r.Checks); cmp.Diff(outcome{nil, codes(exchange.CheckNamespace, exchange.CheckSignature), exchange.Warn}, got) != "" {
		t.Errorf("file: %v", r.Checks)
	}
	if got := outcomeOf(r.Documents[0].Checks); cmp.Diff(outcome{nil, nil, exchange.Pass}, got) != "" {
		t.Errorf("document: %v", r.Documents[0].Checks)
	}
}

// latin1 writes a word in the encoding of the text, where the source of this file is UTF-8.
func latin1(tb testing.TB, word, as string, text []byte) []byte {
	tb.Helper()
	raw := make([]byte, 0, len(word))
	for _, r := range word {
		raw = append(raw, byte(r))
	}
	return []byte(change{string(raw), as}.in(tb, string(text)))
}

func sign(tb testing.TB, signer string) []byte {
	tb.Helper()
	return append([]byte(latin1Declaration), issue(tb, order{signer: signer})...)
}

// mismatched signs with one key and names the certificate of another.
func mismatched(tb testing.TB) *cert.Identity {
	tb.Helper()
	a, b := identity(tb, "a-modern.pfx"), identity(tb, "b-modern.pfx")
	return &cert.Identity{Key: b.Key, Certificate: a.Certificate, RUT: a.RUT}
}

// certificateText puts other bytes in the place of the certificate, which no signature covers.
func certificateText(tb testing.TB, text, der []byte) []byte {
	tb.Helper()
	old := between(string(text), "<X509Certificate>", "</X509Certificate>")
	return []byte(change{old, base64Of(der)}.in(tb, string(text)))
}

// negativeSerial is the signer's certificate with a serial number that crypto/x509 refuses.
func negativeSerial(tb testing.TB) []byte {
	tb.Helper()
	der := append([]byte(nil), identity(tb, "a-modern.pfx").Certificate.Raw...)
	at := strings.Index(string(der), "\xa0\x03\x02\x01\x02\x02") + 7 // after version 3: tag and length of the serial
	der[at] |= 0x80
	if _, err := x509.ParseCertificate(der); err == nil {
		tb.Fatal("crypto/x509 reads it")
	}
	return der
}

// Each fault of an envelope, alone.
func TestEnvelopeChecks(t *testing.T) {
	t.Parallel()
	one := issue(t, order{})
	good := enclose(t, company, one, issue(t, order{kind: dte.FacturaExenta}))
	signer := identity(t, "a-modern.pfx")
	changed := func(c ...change) []byte { return resign(t, good, "SetDTE", signer, c...) }
	tests := []struct {
		name string
		text []byte
		want outcome
		// documents are the checks of the first document that fail.
		documents []exchange.Code
	}{
		{"good", good, outcome{nil, nil, exchange.Pass}, nil},
		{"for the SII", enclose(t, rut.SII, one), outcome{nil, codes(exchange.CheckReceiver), exchange.Pass}, nil},
		{"for somebody else", enclose(t, rut.MustParse("76192083-9"), one), outcome{codes(exchange.CheckReceiver), nil, exchange.Pass}, nil},
		{"Caratula changed", []byte(change{"<NroResol>0", "<NroResol>1"}.in(t, string(good))),
			outcome{codes(exchange.CheckSignature), codes(exchange.CheckResolution), exchange.Fail}, nil},
		{"another RutEnvia", changed(change{"<RutEnvia>" + signer.RUT.String(), "<RutEnvia>76192083-9"}),
			outcome{codes(exchange.CheckSender), nil, exchange.Pass}, nil},
		{"another RutEmisor", changed(change{"<RutEmisor>" + supplier.String(), "<RutEmisor>76192083-9"}),
			outcome{nil, nil, exchange.Pass}, codes(exchange.CheckIssuer)},
		{"unreadable RutEmisor", changed(change{"<RutEmisor>" + supplier.String(), "<RutEmisor>76192083-1"}),
			outcome{codes(exchange.CheckIdentity), nil, exchange.Pass}, codes(exchange.CheckIssuer)},
		{"resolution of production", changed(change{"<NroResol>0", "<NroResol>80"}), outcome{nil, codes(exchange.CheckResolution), exchange.Pass}, nil},
		{"miscounted", changed(change{"<NroDTE>1", "<NroDTE>2"}), outcome{nil, codes(exchange.CheckSubtotals), exchange.Pass}, nil},
		{"schema", changed(change{"<NroResol>0", "<NroResol>x"}), outcome{codes(exchange.CheckSchema), codes(exchange.CheckResolution), exchange.Pass}, nil},
		{"signed before the certificate", changed(change{"<TmstFirmaEnv>2026", "<TmstFirmaEnv>2001"}),
			outcome{codes(exchange.CheckCertificateTime), nil, exchange.Fail}, nil},
		{"a document twice", changed(change{"</Caratula>\n", "</Caratula>\n" + string(one) + "\n"}),
			outcome{codes(exchange.CheckRepeated), codes(exchange.CheckSubtotals), exchange.Pass}, codes(exchange.CheckSignature)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := checker(t).Check(read(t, tt.text))
			if diff := cmp.Diff(tt.want, outcomeOf(r.Checks)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, r.Checks)
			}
			if diff := cmp.Diff(tt.documents, failing(r.Documents[0].Checks, exchange.Fail)); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
}

// What the receiver knows decides too: environment, keys, zone.
func TestChecker(t *testing.T) {
	t.Parallel()
	f := read(t, enclose(t, company, issue(t, order{})))
	production := *checker(t)
	production.Environment = caf.Produccion
	r := production.Check(f)
	if diff := cmp.Diff(codes(exchange.CheckCAFEnvironment), failing(r.Documents[0].Checks, exchange.Fail)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(codes(exchange.CheckResolution), failing(r.Checks, exchange.Warn)); diff != "" {
		t.Error(diff)
	}
	for name, keys := range map[string]caf.Keys{"no keys": nil, "others": caf.SIIKeys()} {
		other := *checker(t)
		other.Keys = keys
		if diff := cmp.Diff(codes(exchange.CheckFRMA), failing(other.Check(f).Documents[0].Checks, exchange.Fail)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TmstFirma is a Chilean wall clock: a certificate is judged by the instant that it means.
func TestCertificateTimeIsChilean(t *testing.T) {
	t.Parallel()
	end := identity(t, "a-modern.pfx").Certificate.NotAfter
	written := end.Add(-time.Hour).UTC().Format(dte.TimeLayout) // an hour before the end in UTC, two or three after it in Chile
	text := forge(t, issue(t, order{}), change{"<TmstFirma>" + signedAt.Format(dte.TimeLayout), "<TmstFirma>" + written})
	for zone, want := range map[*time.Location]exchange.Result{chile: exchange.Fail, time.UTC: exchange.Pass, nil: exchange.Pass} {
		c := checker(t)
		c.Zone = zone
		if got := c.Check(read(t, text)).Documents[0].Checks.Of(exchange.CheckCertificateTime); got != want {
			t.Errorf("in %v: %s, want %s", zone, got, want)
		}
	}
}

func TestContexts(t *testing.T) {
	t.Parallel()
	r := checker(t).Check(read(t, enclose(t, company, issue(t, order{folio: 1}), issue(t, order{folio: 2, form: dte.FormSII}))))
	want := []exchange.Contexts{{Digest: xmldsig.InPlace, Info: xmldsig.InPlace}, {Digest: xmldsig.CutOut, Info: xmldsig.CutOut}}
	for i, d := range r.Documents {
		if d.Signature != want[i] {
			t.Errorf("document %d holds %v", i, d.Signature)
		}
	}
	if r.Signature != want[0] {
		t.Errorf("envelope holds %v", r.Signature)
	}
}

func TestAtSII(t *testing.T) {
	t.Parallel()
	for standing, want := range map[exchange.Standing]exchange.Result{
		exchange.NotAsked: exchange.Warn, exchange.AtTheSII: exchange.Pass, exchange.OtherAtSII: exchange.Fail,
		exchange.NotAtTheSII: exchange.Fail, exchange.VoidAtTheSII: exchange.Fail, "": exchange.Warn, "x": exchange.Warn,
	} {
		check := exchange.AtSII(standing)
		if check.Result != want || check.Code != exchange.CheckSII {
			t.Errorf("%q: %v", standing, check)
		}
		if got := (exchange.Checks{check}).Strict(); got != exchange.Pass {
			t.Errorf("%q changes the strict verdict to %s", standing, got)
		}
	}
}

func TestCheckAsJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(exchange.AtSII(exchange.AtTheSII))
	if err != nil || string(got) != `{"code":"sii","result":"pass","reason":"el SII tiene este documento"}` {
		t.Errorf("%s %v", got, err)
	}
}
