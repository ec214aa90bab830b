package xmldsig_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"timbre/shared/xmldsig"
)

var base64Text = regexp.MustCompile(`>([A-Za-z0-9+/\n]{20,}=*)<`)

// The text of a signature, but for the values, is that of FORMATS section 10.1.
func TestSignText(t *testing.T) {
	t.Parallel()
	got, err := xmldsig.Sign(identity(t, "a-modern"), [sha1.Size]byte{}, `#F"1&`, xmldsig.Both)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">
<SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"></CanonicalizationMethod>
<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"></SignatureMethod>
<Reference URI="#F&quot;1&amp;">
<Transforms><Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"></Transform></Transforms>
<DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"></DigestMethod>
<DigestValue>…</DigestValue>
</Reference>
</SignedInfo>
<SignatureValue>…</SignatureValue>
<KeyInfo>
<KeyValue><RSAKeyValue><Modulus>…</Modulus><Exponent>AQAB</Exponent></RSAKeyValue></KeyValue>
<X509Data><X509Certificate>…</X509Certificate></X509Data>
</KeyInfo>
</Signature>`
	if diff := cmp.Diff(want, base64Text.ReplaceAllString(string(got), ">…<")); diff != "" {
		t.Error(diff)
	}
	for _, text := range base64Text.FindAllStringSubmatch(string(got), -1) {
		for line := range strings.Lines(text[1]) {
			if len(strings.TrimRight(line, "\n")) > 76 {
				t.Errorf("long line %q", line)
			}
		}
	}
	if doc := parse(t, got); !bytes.Equal(doc.Canonical(), got) {
		t.Error("the signature is not in canonical form")
	}
}

func TestNamespacesText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, out string
		want    xmldsig.Namespaces
		err     error
	}{
		{`""`, `"both"`, xmldsig.Both, nil},
		{`"both"`, `"both"`, xmldsig.Both, nil},
		{`"sii"`, `"sii"`, xmldsig.SII, nil},
		{`"none"`, `"both"`, xmldsig.Both, xmldsig.ErrNamespaces},
		{`"SII"`, `"both"`, xmldsig.Both, xmldsig.ErrNamespaces},
	} {
		var got xmldsig.Namespaces
		err := json.Unmarshal([]byte(tt.in), &got)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %s, %v", tt.in, got, err)
		}
		if out, err := json.Marshal(got); err != nil || string(out) != tt.out {
			t.Errorf("%s: %s, %v", tt.in, out, err)
		}
	}
}

// A signed DTE verifies where the namespaces say that it must: alone always, in an envelope with Both.
func TestSignVerify(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a-legacy", "x-rsa1024-sha1", "x-rsa4096"} {
		for _, ns := range []xmldsig.Namespaces{xmldsig.Both, xmldsig.SII, xmldsig.None} {
			t.Run(name+"/"+ns.String(), func(t *testing.T) {
				t.Parallel()
				signer := identity(t, name)
				dte := signedDTE(t, signer, ns)
				alone := verified(t, latin1(t, `<?xml version="1.0" encoding="ISO-8859-1"?>`+dte), "Documento", xmldsig.InPlace)
				if alone.Certificate.RUT != signer.RUT || alone.Context != xmldsig.InPlace || alone.InfoContext != xmldsig.InPlace {
					t.Errorf("signer %s, %s, %s", alone.Certificate.RUT, alone.Context, alone.InfoContext)
				}
				envelope := signedEnvelope(t, signer, dte)
				verified(t, envelope, "SetDTE", xmldsig.InPlace)
				verified(t, envelope, "Documento", xmldsig.CutOut)
				signature := xmldsig.SignatureOf(parse(t, envelope).Root().Find("Documento"))
				if _, err := xmldsig.Verify(signature, xmldsig.InPlace); (err == nil) != (ns == xmldsig.Both) {
					t.Errorf("in place in the envelope: %v", err)
				}
			})
		}
	}
}

func verified(tb testing.TB, b []byte, element string, context xmldsig.Context) *xmldsig.Verified {
	tb.Helper()
	signed := parse(tb, b).Root().Find(element)
	v, err := xmldsig.Verify(xmldsig.SignatureOf(signed), context)
	if err != nil {
		tb.Fatalf("%s, %s: %v", element, context, err)
	}
	if v.Signed != signed || v.Digest != sha1.Sum(v.Canonical()) {
		tb.Fatalf("%s: something else was verified", element)
	}
	return v
}

// xmlsec1 takes what Sign writes: each DTE alone and in place, the envelope, and the seed.
func TestSignXMLSec(t *testing.T) {
	t.Parallel()
	xmlsec := tool(t, "xmlsec1")
	signer := identity(t, "a-modern")
	dte := signedDTE(t, signer, xmldsig.Both)
	envelope := signedEnvelope(t, signer, dte)
	seed, err := xmldsig.SignSeed(signer, "012345678901")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, parent string
		in           []byte
		accepted     bool
	}{
		{"DTE alone", "DTE", latin1(t, `<?xml version="1.0" encoding="ISO-8859-1"?>`+dte), true},
		{"DTE of the other form alone", "DTE", []byte(signedDTE(t, signer, xmldsig.SII)), true},
		{"DTE in place", "DTE", envelope, true},
		{"DTE of the other form in place", "DTE", signedEnvelope(t, signer, signedDTE(t, signer, xmldsig.SII)), false},
		{"envelope", "EnvioDTE", envelope, true},
		{"envelope changed", "EnvioDTE", replace(t, envelope, "4760", "4761"), false},
		{"seed", "getToken", seed, true},
		{"seed changed", "getToken", replace(t, seed, "0123", "0124"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "in.xml")
			if err := os.WriteFile(path, tt.in, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(xmlsec, "--verify", "--insecure", "--id-attr:ID", "http://www.sii.cl/SiiDte:Documento",
				"--id-attr:ID", "http://www.sii.cl/SiiDte:SetDTE", "--node-xpath",
				"//*[local-name()='"+tt.parent+"']/*[local-name()='Signature']", path).CombinedOutput()
			if (err == nil) != tt.accepted {
				t.Errorf("xmlsec1: %v: %s", err, out)
			}
		})
	}
}

// The seed has no white space at all, and goxmldsig takes its signature.
func TestSignSeed(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern")
	seed, err := xmldsig.SignSeed(signer, "012345678901")
	if err != nil {
		t.Fatal(err)
	}
	const start = `<getToken><item><Semilla>012345678901</Semilla></item><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>`
	if !bytes.HasPrefix(seed, []byte(start)) || !bytes.HasSuffix(seed, []byte("</Signature></getToken>")) || bytes.ContainsAny(seed, "\n\t\r") {
		t.Errorf("got %s", seed)
	}
	reference := `<Reference URI=""><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></Transform></Transforms>`
	if !bytes.Contains(seed, []byte(reference)) {
		t.Errorf("got %s", seed)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(seed); err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(signer.Certificate.Raw)
	if err != nil {
		t.Fatal(err)
	}
	validation := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	validation.Clock = dsig.NewFakeClockAt(signer.Certificate.NotBefore.Add(time.Hour))
	if _, err := validation.Validate(doc.Root()); err != nil {
		t.Errorf("goxmldsig: %v", err)
	}
}

func TestSignSeedEscapes(t *testing.T) {
	t.Parallel()
	seed, err := xmldsig.SignSeed(identity(t, "a-modern"), "</Semilla>&")
	if err != nil {
		t.Fatal(err)
	}
	if got := parse(t, seed).Root().At("item", "Semilla").Text(); got != "</Semilla>&" {
		t.Errorf("got %q", got)
	}
}

// goxmldsig puts signed elements of real documents into the same form.
func TestCanonicalSecondOpinion(t *testing.T) {
	t.Parallel()
	for name, b := range samples(t, "aec", "dte", "envio", "generated") {
		doc := parse(t, b)
		tree := etree.NewDocument()
		if err := tree.ReadFromBytes(doc.Canonical()); err != nil {
			t.Fatal(err)
		}
		for _, s := range xmldsig.Signatures(doc) {
			signed := doc.ByID(strings.TrimPrefix(attr(t, s.At("SignedInfo", "Reference"), "URI"), "#"))
			element := tree.FindElement("//" + signed.Local + "[@ID='" + attr(t, signed, "ID") + "']")
			want, err := dsig.MakeC14N10RecCanonicalizer().Canonicalize(element)
			if err != nil {
				t.Fatal(err)
			}
			if got := signed.Canonical(); !bytes.Equal(got, want) {
				t.Errorf("%s: %s differs: %s", name, signed.Local, cmp.Diff(string(want), string(got)))
			}
		}
	}
}

func attr(tb testing.TB, n *xmldsig.Node, name string) string {
	tb.Helper()
	v, ok := n.Attr(name)
	if !ok {
		tb.Fatalf("%s has no %s", n.Local, name)
	}
	return v
}
