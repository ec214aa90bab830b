package xmldsig_test

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"timbre/shared/cert"
	"timbre/shared/golden"
	"timbre/shared/xmldsig"
)

func sha1Base64(b []byte) string {
	sum := sha1.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func identity(tb testing.TB, name string) *cert.Identity {
	tb.Helper()
	b, err := os.ReadFile(golden.Reference(tb, "testpki", "certs", name+".pfx"))
	if err != nil {
		tb.Fatal(err)
	}
	i, err := cert.ReadPFX(b, "prueba123")
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

// body is the content of a Documento in canonical form.
const body = `
<Encabezado>
<Emisor><RznSoc>Panadería Ñuñoa &amp; Hijos</RznSoc></Emisor>
<Detalle><NmbItem>Té "Ceylán" 5 &lt; 6 PLC's</NmbItem><MontoItem>4760</MontoItem></Detalle>
</Encabezado>
`

// signedDTE is a small DTE, made as a writer makes it: canonical text, digested, signed.
func signedDTE(tb testing.TB, signer *cert.Identity, ns xmldsig.Namespaces) string {
	tb.Helper()
	content := ` ID="F17T33">` + body + `</Documento>`
	digest := sha1.Sum([]byte("<Documento" + ns.Attributes() + content))
	signature, err := xmldsig.Sign(signer, digest, "#F17T33", ns)
	if err != nil {
		tb.Fatal(err)
	}
	return `<DTE` + ns.Attributes() + ` version="1.0">` + "\n<Documento" + content + "\n" + string(signature) + "\n</DTE>"
}

// signedEnvelope holds DTEs as they are, in Latin-1.
func signedEnvelope(tb testing.TB, signer *cert.Identity, dtes ...string) []byte {
	tb.Helper()
	const head = `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n" + `<EnvioDTE xmlns="http://www.sii.cl/SiiDte" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
		` xsi:schemaLocation="http://www.sii.cl/SiiDte EnvioDTE_v10.xsd" version="1.0">` + "\n"
	set := `<SetDTE ID="SetDoc">` + "\n<Caratula version=\"1.0\"></Caratula>\n" + strings.Join(dtes, "\n") + "\n</SetDTE>\n"
	const tail = "</EnvioDTE>\n"
	unsigned := parse(tb, latin1(tb, head+set+tail))
	signature, err := xmldsig.Sign(signer, sha1.Sum(unsigned.Root().Child("SetDTE").Canonical()), "#SetDoc", xmldsig.Both)
	if err != nil {
		tb.Fatal(err)
	}
	return latin1(tb, head+set+string(signature)+"\n"+tail)
}

func latin1(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(s))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// replace changes all of a text, which must occur.
func replace(tb testing.TB, b []byte, from, to string) []byte {
	tb.Helper()
	if !bytes.Contains(b, []byte(from)) {
		tb.Fatalf("%q does not occur", from)
	}
	return bytes.ReplaceAll(b, []byte(from), []byte(to))
}

// still signs nothing, to measure the rest.
type still struct{ crypto.Signer }

func (still) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 256), nil
}
