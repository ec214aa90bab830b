package xmldsig_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"timbre/shared/cert"
	"timbre/shared/xmldsig"
)

func ExampleParse() {
	doc, err := xmldsig.Parse([]byte("<?xml version='1.0' encoding='ISO-8859-1'?>\n<DTE><Documento ID='F1T33'><RznSoc>\xD1and\xFA</RznSoc></Documento></DTE>"), xmldsig.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	name := doc.Root().At("Documento", "RznSoc")
	fmt.Println(name.Text(), "in line", name.Line())
	_, err = xmldsig.Parse([]byte("<!DOCTYPE DTE><DTE/>"), xmldsig.Limits{})
	fmt.Println(err)
	// Output:
	// Ñandú in line 2
	// xml: line 1: doctype: a document type declaration is not accepted
}

// A document is written in canonical form, digested, signed and verified.
func ExampleSign() {
	signer := newSigner()
	ns := xmldsig.Both
	content := ` ID="F1T33"><MntTotal>4760</MntTotal></Documento>`
	digest := sha1.Sum([]byte("<Documento" + ns.Attributes() + content))
	signature, err := xmldsig.Sign(signer, digest, "#F1T33", ns)
	if err != nil {
		fmt.Println(err)
		return
	}
	dte := "<DTE" + ns.Attributes() + ` version="1.0"><Documento` + content + string(signature) + "</DTE>"
	doc, err := xmldsig.Parse([]byte(dte), xmldsig.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range xmldsig.Signatures(doc) {
		v, err := xmldsig.Verify(s)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(v.Signed.Child("MntTotal").Text(), "signed by", v.Certificate.RUT, v.Context)
	}
	// Output: 4760 signed by 49624463-K in-place
}

func newSigner() *cert.Identity {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "José Ñancupil", SerialNumber: "49624463-K"},
		NotAfter:     time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	c, err := cert.ReadCertificate(der)
	if err != nil {
		panic(err)
	}
	signer, err := cert.New(key, c)
	if err != nil {
		panic(err)
	}
	return signer
}
