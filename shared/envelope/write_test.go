package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/envelope"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern.pfx")
	tests := map[string]struct {
		types      []dte.Type
		ns         xmldsig.Namespaces
		wantHead   string
		wantCounts []envelope.Subtotal
	}{
		"one": {
			[]dte.Type{dte.Factura}, xmldsig.Both, "EnvioDTE_v10", []envelope.Subtotal{{Type: dte.Factura, Count: 1}},
		},
		"by first appearance": {
			[]dte.Type{dte.NotaCredito, dte.Factura, dte.NotaCredito, dte.FacturaExenta, dte.Factura, dte.NotaCredito}, xmldsig.Both, "EnvioDTE_v10",
			[]envelope.Subtotal{{Type: dte.NotaCredito, Count: 3}, {Type: dte.Factura, Count: 2}, {Type: dte.FacturaExenta, Count: 1}},
		},
		"form sii": {
			[]dte.Type{dte.Factura, dte.Factura}, xmldsig.SII, "EnvioDTE_v10", []envelope.Subtotal{{Type: dte.Factura, Count: 2}},
		},
		"boletas": {
			[]dte.Type{dte.Boleta, dte.BoletaExenta}, xmldsig.Both, "EnvioBOLETA_v11",
			[]envelope.Subtotal{{Type: dte.Boleta, Count: 1}, {Type: dte.BoletaExenta, Count: 1}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var documents [][]byte
			for i, kind := range test.types {
				documents = append(documents, document(t, signer, test.ns, kind, int64(i+1)))
			}
			text := write(t, documents...)
			got, err := envelope.Verify(text)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text[:300], []byte(test.wantHead+".xsd")) {
				t.Errorf("head %q", text[:300])
			}
			want := &envelope.Envelope{
				Caratula: caratulaA, Sender: rut.MustParse("49624463-K"), Subtotals: test.wantCounts,
				SignedAt: time.Date(2026, 11, 20, 10, 11, 12, 0, time.UTC), Certificate: signer.Certificate,
			}
			for i, kind := range test.types {
				want.Documents = append(want.Documents, envelope.Document{Type: kind, Folio: int64(i + 1), Issuer: companyA, Bytes: documents[i]})
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(sameRUT), cmp.Comparer(sameCertificate)); diff != "" {
				t.Error(diff)
			}
			cut, err := envelope.Documents(text)
			if err != nil || !cmp.Equal(cut, documents) {
				t.Errorf("cut out %q, %v", cut, err)
			}
		})
	}
}

// The text around a document, to the byte.
func TestWriteText(t *testing.T) {
	t.Parallel()
	one := document(t, identity(t, "a-modern.pfx"), xmldsig.Both, dte.Factura, 7)
	text := write(t, one)
	want := `<?xml version="1.0" encoding="ISO-8859-1"?>
<EnvioDTE xmlns="http://www.sii.cl/SiiDte" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.sii.cl/SiiDte EnvioDTE_v10.xsd" version="1.0">
<SetDTE ID="SetDoc">
<Caratula version="1.0">
<RutEmisor>99928793-K</RutEmisor>
<RutEnvia>49624463-K</RutEnvia>
<RutReceptor>60803000-K</RutReceptor>
<FchResol>2024-01-02</FchResol>
<NroResol>0</NroResol>
<TmstFirmaEnv>2026-11-20T10:11:12</TmstFirmaEnv>
<SubTotDTE>
<TpoDTE>33</TpoDTE>
<NroDTE>1</NroDTE>
</SubTotDTE>
</Caratula>
` + string(one) + `
</SetDTE>
<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">
`
	if got := string(text[:min(len(want), len(text))]); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if !bytes.HasSuffix(text, []byte("\n</Signature>\n</EnvioDTE>")) {
		t.Errorf("ends %q", text[len(text)-60:])
	}
	// A document's file with its declaration gives the same envelope: it is the element that counts.
	file := append([]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"), append(one, '\n')...)
	if again := write(t, file); !bytes.Equal(again, text) {
		t.Error("the XML declaration of a document changes the envelope")
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern.pfx")
	one := document(t, signer, xmldsig.Both, dte.Factura, 1)
	boleta := document(t, signer, xmldsig.Both, dte.Boleta, 1)
	again := documentAs(t, signer, xmldsig.Both, dte.StampFields{TD: dte.Factura, Folio: 1}, "Otro")
	swap := func(old, replacement string) [][]byte {
		changed := bytes.Replace(one, []byte(old), []byte(replacement), 1)
		if bytes.Equal(changed, one) {
			t.Fatalf("no %q in the document", old)
		}
		return [][]byte{changed}
	}
	foreign := caratulaA
	foreign.Issuer = companyB
	tests := map[string]struct {
		caratula  envelope.Caratula
		documents [][]byte
		setID     string
		want      error
	}{
		"none":                 {caratulaA, nil, "SetDoc", envelope.ErrEmpty},
		"mixed":                {caratulaA, [][]byte{one, boleta}, "SetDoc", envelope.ErrMixed},
		"mixed the other way":  {caratulaA, [][]byte{boleta, one}, "SetDoc", envelope.ErrMixed},
		"twice":                {caratulaA, [][]byte{one, one}, "SetDoc", xmldsig.ErrForm},
		"twice by other IDs":   {caratulaA, [][]byte{one, again}, "SetDoc", envelope.ErrDuplicate},
		"501 boletas":          {caratulaA, repeat(boleta, 501), "SetDoc", envelope.ErrTooMany},
		"2001 facturas":        {caratulaA, repeat(one, 2001), "SetDoc", envelope.ErrTooMany},
		"too large":            {caratulaA, [][]byte{one, append(bytes.Clone(one), make([]byte, 17<<20)...)}, "SetDoc", envelope.ErrTooLarge},
		"other issuer":         {foreign, [][]byte{one}, "SetDoc", envelope.ErrIssuer},
		"ID of a document":     {caratulaA, [][]byte{one}, "F1T33", xmldsig.ErrForm},
		"ID with a quote":      {caratulaA, [][]byte{one}, `a"b`, envelope.ErrSetID},
		"ID with a digit":      {caratulaA, [][]byte{one}, "1a", envelope.ErrSetID},
		"no ID":                {caratulaA, [][]byte{one}, "", envelope.ErrSetID},
		"changed document":     {caratulaA, swap("<Folio>1<", "<Folio>2<"), "SetDoc", xmldsig.ErrDigest},
		"namespace dropped":    {caratulaA, swap(xmldsig.Both.Attributes(), ""), "SetDoc", xmldsig.ErrDigest},
		"not signed":           {caratulaA, swap("<Signature", "<Signatura"), "SetDoc", envelope.ErrDocument},
		"escape from SetDTE":   {caratulaA, [][]byte{append(bytes.Clone(one), "</SetDTE><SetDTE>"...)}, "SetDoc", envelope.ErrDocument},
		"two in one":           {caratulaA, [][]byte{append(bytes.Clone(one), boleta...)}, "SetDoc", envelope.ErrDocument},
		"no XML":               {caratulaA, [][]byte{[]byte("<TipoDTE>33</TipoDTE>")}, "SetDoc", envelope.ErrDocument},
		"empty document":       {caratulaA, [][]byte{nil}, "SetDoc", envelope.ErrDocument},
		"type that is none":    {caratulaA, swap("<TipoDTE>33<", "<TipoDTE>99<"), "SetDoc", envelope.ErrDocument},
		"UTF-8 bytes":          {caratulaA, swap("\xd1and\xfa", "\u00d1and\u00fa"), "SetDoc", xmldsig.ErrDigest},
		"document type":        {caratulaA, [][]byte{append([]byte("<!DOCTYPE a>"), one...)}, "SetDoc", envelope.ErrDocument},
		"type hidden in front": {caratulaA, [][]byte{append([]byte("<!--<TipoDTE>34<-->"), one...)}, "SetDoc", envelope.ErrDocument},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := envelope.Write(test.caratula, test.documents, signer, signedAt, test.setID)
			if !errors.Is(err, test.want) || text != nil {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func repeat(document []byte, count int) [][]byte {
	all := make([][]byte, count)
	for i := range all {
		all[i] = document
	}
	return all
}

func TestWriteChecksSigner(t *testing.T) {
	t.Parallel()
	one := document(t, identity(t, "a-modern.pfx"), xmldsig.Both, dte.Factura, 1)
	for file, want := range map[string]error{
		"x-expired.pfx": cert.ErrExpired, "x-not-yet-valid.pfx": cert.ErrNotYetValid, "x-no-rut.pfx": cert.ErrNoRUT,
	} {
		if _, err := envelope.Write(caratulaA, [][]byte{one}, identity(t, file), signedAt, "SetDoc"); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", file, err, want)
		}
	}
	named, err := identity(t, "x-no-rut.pfx").WithRUT(companyB)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := envelope.Write(caratulaA, [][]byte{one}, named, signedAt, "SetDoc"); err != nil {
		t.Error(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	signer := identity(b, "a-modern.pfx")
	var documents [][]byte
	for folio := range 100 {
		documents = append(documents, document(b, signer, xmldsig.Both, dte.Factura, int64(folio+1)))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := envelope.Write(caratulaA, documents, signer, signedAt, "SetDoc"); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	_, err := envelope.Verify([]byte("<EnvioDTE/>"))
	fmt.Println(errors.Is(err, envelope.ErrForm))
	// Output: true
}
