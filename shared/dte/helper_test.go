package dte_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/rut"
)

var today = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

var signedAt = time.Date(2026, 11, 23, 10, 11, 12, 0, time.UTC)

// company is the issuer of the tests.
var company = dte.Issuer{
	RUT: rut.MustParse("76192083-9"), RznSoc: "Comercial Ñandú & Cía. S.A.", GiroEmis: "Informática",
	Acteco: []string{"726000"}, DirOrigen: "Av. Providencia 1", CmnaOrigen: "Providencia", CiudadOrigen: "Santiago",
}

const receiver = `"Receptor":{"RUTRecep":"60.803.000-k","RznSocRecep":"Servicio de Impuestos Internos",` +
	`"GiroRecep":"Gobierno","DirRecep":"Teatinos 120","CmnaRecep":"Santiago"}`

// document puts a document of a type together: more of IdDoc and what follows Encabezado.
func document(t dte.Type, idDoc, rest string) string {
	if idDoc != "" {
		idDoc = "," + idDoc
	}
	receiver := receiver
	if t.IsBoleta() {
		receiver = `"Receptor":{"RUTRecep":"66666666-6"}`
	}
	return fmt.Sprintf(`{"Encabezado":{"IdDoc":{"TipoDTE":%d%s},%s},%s}`, t, idDoc, receiver, rest)
}

// resolve makes a request of the text of a document.
func resolve(text string) (*dte.Order, []dte.FieldError, error) {
	return dte.Resolve(dte.Request{Document: json.RawMessage(text), Issuer: company, Today: today})
}

// mustResolve fails the test unless the document is accepted.
func mustResolve(tb testing.TB, text string) *dte.Order {
	tb.Helper()
	o, _, err := resolve(text)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// faults are the paths and codes of an error of Resolve, as path:code or path:code:sii.
func faults(tb testing.TB, err error) []string {
	tb.Helper()
	if err == nil {
		return nil
	}
	var invalid *dte.Invalid
	if !errors.As(err, &invalid) {
		tb.Fatalf("not an Invalid: %v", err)
	}
	return marks(invalid.Faults)
}

func marks(faults []dte.FieldError) []string {
	var out []string
	for _, f := range faults {
		mark := f.Path + ":" + f.Code
		if f.SIICode != "" {
			mark += ":" + f.SIICode
		}
		out = append(out, mark)
	}
	return out
}

// identity is a signer made for the tests.
var identity = sync.OnceValue(func() *cert.Identity {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return selfSigned(key)
})

func selfSigned(key *rsa.PrivateKey) *cert.Identity {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Prueba"},
		NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate, err := cert.ReadCertificate(der)
	if err != nil {
		panic(err)
	}
	id, err := cert.New(key, certificate)
	if err != nil {
		panic(err)
	}
	return id
}

// stamp is a TED of the right form with made-up signatures, which package ted is tested for.
func stamp(f dte.StampFields) []byte {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace
	text := fmt.Sprintf(`<TED version="1.0"><DD><RE>%s</RE><TD>%s</TD><F>%d</F><FE>%s</FE><RR>%s</RR><RSR>%s</RSR>`+
		`<MNT>%s</MNT><IT1>%s</IT1><CAF version="1.0"><DA><RE>%s</RE><RS>O&apos;Higgins &amp; Cía</RS><TD>%s</TD>`+
		`<RNG><D>1</D><H>100</H></RNG><FA>2026-11-02</FA><RSAPK><M>AAAA</M><E>Aw==</E></RSAPK><IDK>100</IDK></DA>`+
		`<FRMA algoritmo="SHA1withRSA">AAAA</FRMA></CAF><TSTED>2026-11-23T10:11:12</TSTED></DD>`+
		`<FRMT algoritmo="SHA1withRSA">AAAA</FRMT></TED>`,
		f.RE, f.TD, f.Folio, f.FE, f.RR, escape(f.RSR), f.MNT, escape(f.IT1), f.RE, f.TD)
	var latin1 bytes.Buffer
	for _, r := range text {
		latin1.WriteByte(byte(r))
	}
	return latin1.Bytes()
}

// write signs an order with the folio 17 and verifies the bytes.
func write(tb testing.TB, o *dte.Order, form dte.NamespaceForm) []byte {
	tb.Helper()
	o = o.WithFolio(17)
	signed, err := dte.Write(o, stamp(o.Stamped()), signedAt, form, identity())
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := dte.Verify(signed, o, identity()); err != nil {
		tb.Fatalf("%v\n%s", err, signed)
	}
	return signed
}

// field is a value of an order's stored form, of the first of a list; empty if there is none.
func field(tb testing.TB, o *dte.Order, path string) string {
	tb.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		tb.Fatal(err)
	}
	for name := range strings.SplitSeq("document/"+path, "/") {
		if list, ok := value.([]any); ok {
			value = list[0]
		}
		object, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = object[name]
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
