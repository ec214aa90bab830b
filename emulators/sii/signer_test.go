package sii_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // the SII's digest
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// The signer of the tests writes every text in canonical form from the start
// (double quotes, no empty-element tags, LF), so that the canonical bytes are the
// written ones with another start tag: no canonicalization library is shared
// with the simulator, nor with the product.

const (
	nsSII  = `xmlns="http://www.sii.cl/SiiDte"`
	nsXSI  = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	nsDSig = `xmlns="http://www.w3.org/2000/09/xmldsig#"`
)

// signer is a person with a certificate.
type signer struct {
	rut  string
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func loadSigner(t *testing.T, world, name, rut string) signer {
	t.Helper()
	certPEM := readFile(t, filepath.Join(world, "certs", name+".pem"))
	block, _ := pem.Decode(certPEM)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return signer{rut: rut, cert: cert, key: parseKey(t, readFile(t, filepath.Join(world, "certs", name+".key")))}
}

func parseKey(t *testing.T, data []byte) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatal("key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sign(t *testing.T, key *rsa.PrivateKey, data []byte) string {
	t.Helper()
	sum := sha1.Sum(data) // the SII's digest
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA1, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// lines76 wraps base64 as the SII asks.
func lines76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}

var comments = regexp.MustCompile(`(?s)<!--.*?-->`)

// signature writes the Signature of an element: canonical is its canonical form,
// scope the namespaces that SignedInfo sees besides its own.
func (s signer) signature(t *testing.T, uri, transform, canonical, scope string) string {
	t.Helper()
	canonical = comments.ReplaceAllString(canonical, "") // C14N without comments
	sum := sha1.Sum([]byte(canonical))                   // the SII's digest
	info := `
<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"></CanonicalizationMethod>
<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"></SignatureMethod>
<Reference URI="` + uri + `">
<Transforms>
<Transform Algorithm="` + transform + `"></Transform>
</Transforms>
<DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"></DigestMethod>
<DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</DigestValue>
</Reference>
</SignedInfo>`
	start := "<SignedInfo " + nsDSig
	if scope != "" {
		start += " " + scope
	}
	value := sign(t, s.key, []byte(start+">"+info))
	return `<Signature ` + nsDSig + `>
<SignedInfo>` + info + `
<SignatureValue>` + lines76(value) + `</SignatureValue>
<KeyInfo>
<KeyValue>
<RSAKeyValue>
<Modulus>` + lines76(base64.StdEncoding.EncodeToString(s.key.N.Bytes())) + `</Modulus>
<Exponent>` + base64.StdEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()) + `</Exponent>
</RSAKeyValue>
</KeyValue>
<X509Data>
<X509Certificate>` + lines76(base64.StdEncoding.EncodeToString(s.cert.Raw)) + `</X509Certificate>
</X509Data>
</KeyInfo>
</Signature>`
}

const (
	c14n      = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
)

// seedDocument is the signed getToken.
func (s signer) seedDocument(t *testing.T, seed string) string {
	t.Helper()
	body := "<getToken><item><Semilla>" + seed + "</Semilla></item>"
	return body + s.signature(t, "", enveloped, body+"</getToken>", "") + "</getToken>"
}

// caf is an authorization with its private key.
type caf struct {
	element string // <CAF>…</CAF> as it came, decoded
	key     *rsa.PrivateKey
}

func loadCAF(t *testing.T, path string) caf {
	t.Helper()
	return parseCAF(t, readFile(t, path))
}

func parseCAF(t *testing.T, data []byte) caf {
	t.Helper()
	text, err := charmap.ISO8859_1.NewDecoder().String(string(data))
	if err != nil {
		t.Fatal(err)
	}
	element := regexp.MustCompile(`(?s)<CAF.*</CAF>`).FindString(text)
	key := regexp.MustCompile(`(?s)<RSASK>(.*)</RSASK>`).FindStringSubmatch(text)
	return caf{element: element, key: parseKey(t, []byte(key[1]))}
}

// draft is a DTE before it is signed; tests spoil parts of it.
type draft struct {
	kind, folio int
	body        string // Encabezado to Referencia
	caf         caf
	stampedBy   *rsa.PrivateKey   // default: the CAF's key
	ted         map[string]string // fields of the TED that differ from the document
	stampTime   string
	signTime    string
	signer      signer
	onlySII     bool                // sign and write without xmlns:xsi
	spoilTED    func(string) string // after FRMT
	spoilDTE    func(string) string // after the signature
}

// replace changes the body; what is not there makes the test fail.
func (d *draft) replace(t *testing.T, old, with string) {
	t.Helper()
	if !strings.Contains(d.body, old) {
		t.Fatalf("draft has no %q", old)
	}
	d.body = strings.Replace(d.body, old, with, 1)
}

var gaps = regexp.MustCompile(`>\s+<`)

func (d *draft) stamp(t *testing.T) string {
	t.Helper()
	field := func(name, value string) string {
		if other, found := d.ted[name]; found {
			value = other
		}
		return "<" + name + ">" + value + "</" + name + ">"
	}
	dd := "<DD>" + field("RE", tag(d.body, "RUTEmisor")) + field("TD", tag(d.body, "TipoDTE")) + field("F", tag(d.body, "Folio")) +
		field("FE", tag(d.body, "FchEmis")) + field("RR", tag(d.body, "RUTRecep")) + field("RSR", cut40(tag(d.body, "RznSocRecep"))) +
		field("MNT", tag(d.body, "MntTotal")) + field("IT1", cut40(tag(d.body, "NmbItem"))) + "\n" + d.caf.element + "\n" + field("TSTED", d.stampTime) + "</DD>"
	key := d.caf.key
	if d.stampedBy != nil {
		key = d.stampedBy
	}
	frmt := sign(t, key, encode(t, gaps.ReplaceAllString(dd, "><")))
	ted := `<TED version="1.0">` + dd + "\n" + `<FRMT algoritmo="SHA1withRSA">` + frmt + "</FRMT></TED>"
	if d.spoilTED != nil {
		ted = d.spoilTED(ted)
	}
	return ted
}

// cut40 cuts escaped text at 40 characters of its unescaped form.
func cut40(s string) string {
	n, i := 0, 0
	for r := []rune(s); i < len(r) && n < 40; n++ {
		if r[i] == '&' {
			i += strings.IndexRune(string(r[i:]), ';')
		}
		if i++; n == 39 && i < len(r) {
			return string(r[:i])
		}
	}
	return s
}

func encode(t *testing.T, s string) []byte {
	t.Helper()
	data, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// zone is the element that is signed.
func (d *draft) zone() string {
	switch d.kind {
	case 43:
		return "Liquidacion"
	case 110, 111, 112:
		return "Exportaciones"
	}
	return "Documento"
}

// write signs the DTE and gives its text.
func (d *draft) write(t *testing.T) string {
	t.Helper()
	id := fmt.Sprintf("F%dT%d", d.folio, d.kind)
	inner := ">\n" + d.body + d.stamp(t) + "\n<TmstFirma>" + d.signTime + "</TmstFirma>\n</" + d.zone() + ">"
	names, scope := nsSII+" "+nsXSI, nsXSI
	if d.onlySII {
		names, scope = nsSII, ""
	}
	canonical := "<" + d.zone() + " " + names + ` ID="` + id + `"` + inner
	dte := "<DTE " + names + ` version="1.0">` + "\n<" + d.zone() + ` ID="` + id + `"` + inner + "\n" +
		d.signer.signature(t, "#"+id, c14n, canonical, scope) + "\n</DTE>"
	if d.spoilDTE != nil {
		dte = d.spoilDTE(dte)
	}
	return dte
}

// envelope is an EnvioDTE before it is signed.
type envelope struct {
	issuer, sender, receiver string
	resolDate, resolNo       string
	signTime                 string
	subtotals                string // default: as counted
	documents                []*draft
	signer                   signer
	boletas                  bool                // an EnvioBOLETA
	root                     string              // default: the right start tag
	spoilText                func(string) string // before encoding
	encodeAs                 func(string) []byte // default: Latin-1
	spoil                    func([]byte) []byte // last
}

const rootTag = `<EnvioDTE ` + nsSII + ` ` + nsXSI + ` xsi:schemaLocation="http://www.sii.cl/SiiDte EnvioDTE_v10.xsd" version="1.0">`

func (e *envelope) write(t *testing.T) []byte {
	t.Helper()
	var dtes, subtotals []string
	counts, order := map[int]int{}, []int(nil)
	for _, d := range e.documents {
		if counts[d.kind]++; counts[d.kind] == 1 {
			order = append(order, d.kind)
		}
		dtes = append(dtes, d.write(t))
	}
	for _, kind := range order {
		subtotals = append(subtotals, fmt.Sprintf("<SubTotDTE>\n<TpoDTE>%d</TpoDTE>\n<NroDTE>%d</NroDTE>\n</SubTotDTE>", kind, counts[kind]))
	}
	if e.subtotals == "" {
		e.subtotals = strings.Join(subtotals, "\n")
	}
	inner := ` ID="SetDoc">
<Caratula version="1.0">
<RutEmisor>` + e.issuer + `</RutEmisor>
<RutEnvia>` + e.sender + `</RutEnvia>
<RutReceptor>` + e.receiver + `</RutReceptor>
<FchResol>` + e.resolDate + `</FchResol>
<NroResol>` + e.resolNo + `</NroResol>
<TmstFirmaEnv>` + e.signTime + `</TmstFirmaEnv>
` + e.subtotals + `
</Caratula>
` + strings.Join(dtes, "\n") + `
</SetDTE>`
	// Inside SetDTE both namespaces are in scope, so a DTE prints without them.
	canonical := "<SetDTE " + nsSII + " " + nsXSI + strings.ReplaceAll(strings.ReplaceAll(inner, "<DTE "+nsSII+" "+nsXSI+" ", "<DTE "), "<DTE "+nsSII+" ", "<DTE ")
	root, end := e.root, "\n</EnvioDTE>"
	if root == "" {
		root = rootTag
	}
	if e.boletas {
		root, end = strings.NewReplacer("EnvioDTE_v10", "EnvioBOLETA_v11", "EnvioDTE", "EnvioBOLETA").Replace(root), "\n</EnvioBOLETA>"
	}
	text := `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n" + root + "\n<SetDTE" + inner + "\n" +
		e.signer.signature(t, "#SetDoc", c14n, canonical, nsXSI) + end
	if e.spoilText != nil {
		text = e.spoilText(text)
	}
	if e.encodeAs != nil {
		return e.encodeAs(text)
	}
	data := encode(t, text)
	if e.spoil != nil {
		data = e.spoil(data)
	}
	return data
}
