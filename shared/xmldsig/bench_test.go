package xmldsig_test

import (
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"

	"timbre/shared/xmldsig"
)

// realistic is a signed DTE of about 7.5 kB.
func realistic(tb testing.TB) []byte {
	tb.Helper()
	var lines strings.Builder
	for i := range 18 {
		fmt.Fprintf(&lines, "<Detalle>\n<NroLinDet>%d</NroLinDet>\n<NmbItem>Café molido ñandú &amp; té %d</NmbItem>\n<QtyItem>%d</QtyItem>\n"+
			"<UnmdItem>UN</UnmdItem>\n<PrcItem>1990</PrcItem>\n<MontoItem>%d</MontoItem>\n</Detalle>\n", i+1, i, i+2, 1990*(i+2))
	}
	dte := signedDTE(tb, identity(tb, "a-modern"), xmldsig.Both)
	return latin1(tb, `<?xml version="1.0" encoding="ISO-8859-1"?>`+"\n"+strings.Replace(dte, "</Encabezado>\n", "</Encabezado>\n"+lines.String(), 1))
}

func BenchmarkParse(b *testing.B) {
	in := realistic(b)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := xmldsig.Parse(in, xmldsig.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	n := parse(b, realistic(b)).Root().Child("Documento")
	b.ReportAllocs()
	for b.Loop() {
		n.Canonical()
	}
}

func BenchmarkSign(b *testing.B) {
	signer := identity(b, "a-modern")
	digest := sha1.Sum([]byte("x"))
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xmldsig.Sign(signer, digest, "#F17T33", xmldsig.Both); err != nil {
				b.Fatal(err)
			}
		}
	})
	signer.Key = still{signer.Key}
	b.Run("without RSA", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xmldsig.Sign(signer, digest, "#F17T33", xmldsig.Both); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	in := signedEnvelope(b, identity(b, "a-modern"), signedDTE(b, identity(b, "a-modern"), xmldsig.Both))
	signature := xmldsig.SignatureOf(parse(b, in).Root().Find("Documento"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := xmldsig.Verify(signature); err != nil {
			b.Fatal(err)
		}
	}
}
