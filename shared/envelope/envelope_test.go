package envelope_test

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/envelope"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/ted"
	"timbre/shared/xmldsig"
)

var (
	chile     = time.FixedZone("CLST", -3*3600)
	signedAt  = time.Date(2026, 11, 20, 10, 11, 12, 0, chile)
	companyA  = rut.MustParse("99928793-K")
	companyB  = rut.MustParse("99923634-0")
	caratulaA = envelope.Caratula{
		Issuer: companyA, Receiver: rut.SII, ResolutionDate: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC),
	}
)

func reference(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	content, err := os.ReadFile(golden.Reference(tb, parts...))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func identity(tb testing.TB, file string) *cert.Identity {
	tb.Helper()
	id, err := cert.ReadPFX(reference(tb, "testpki", "certs", file), "prueba123")
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// document is a signed DTE, short but valid; it is made without package dte. Documents of that package: path_test.go.
func document(tb testing.TB, signer *cert.Identity, ns xmldsig.Namespaces, t dte.Type, folio int64) []byte {
	tb.Helper()
	fields := dte.StampFields{
		RE: companyA, TD: t, Folio: folio, FE: "2026-11-20", RR: companyB, RSR: "Ñandú & O'Higgins", MNT: "1190", IT1: `Pan "ñandú"`,
	}
	stamp, err := ted.Stamp(fields, testCAF(tb, t), signedAt)
	if err != nil {
		tb.Fatal(err)
	}
	id := fmt.Sprintf("F%dT%d", folio, t)
	head := "<Documento" + ns.Attributes() + ` ID="` + id + `">`
	body, tail := content(fields), "\n<TmstFirma>2026-11-20T10:11:12</TmstFirma>\n</Documento>"
	flat := decode(tb, stamp)
	signature, err := xmldsig.Sign(signer, sha1.Sum([]byte(head+body+unquote.Replace(flat)+tail)), "#"+id, ns)
	if err != nil {
		tb.Fatal(err)
	}
	head = "<DTE" + ns.Attributes() + ` version="1.0">` + "\n" + `<Documento ID="` + id + `">`
	text, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(head + body + flat + tail + "\n" + string(signature) + "\n</DTE>"))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// unquote turns the escapes that a TED writes and canonical XML does not.
var unquote = strings.NewReplacer("&apos;", "'", "&quot;", `"`)

func decode(tb testing.TB, latin1 []byte) string {
	tb.Helper()
	text, err := charmap.ISO8859_1.NewDecoder().Bytes(latin1)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// content is what stands before the TED, in canonical form.
func content(f dte.StampFields) string {
	service, issuer := "", "<RznSoc>Ñandú</RznSoc><GiroEmis>Pan</GiroEmis><Acteco>107100</Acteco><DirOrigen>Ñ</DirOrigen><CmnaOrigen>Ñ</CmnaOrigen>"
	if f.TD.IsBoleta() {
		service, issuer = "<IndServicio>3</IndServicio>", "<RznSocEmisor>Ñandú</RznSocEmisor><GiroEmisor>Pan</GiroEmisor>"
	}
	return fmt.Sprintf("\n<Encabezado><IdDoc><TipoDTE>%d</TipoDTE><Folio>%d</Folio><FchEmis>%s</FchEmis>%s</IdDoc>\n", f.TD, f.Folio, f.FE, service) +
		fmt.Sprintf("<Emisor><RUTEmisor>%s</RUTEmisor>%s</Emisor>\n", f.RE, issuer) +
		fmt.Sprintf("<Receptor><RUTRecep>%s</RUTRecep><RznSocRecep>Ñandú &amp; O'Higgins</RznSocRecep></Receptor>\n", f.RR) +
		fmt.Sprintf("<Totales><MntTotal>%s</MntTotal></Totales></Encabezado>\n", f.MNT) +
		fmt.Sprintf("<Detalle><NroLinDet>1</NroLinDet><NmbItem>%s</NmbItem><MontoItem>1190</MontoItem></Detalle>\n", f.IT1)
}

func testCAF(tb testing.TB, t dte.Type) *caf.CAF {
	tb.Helper()
	c, err := caf.Parse(reference(tb, "testpki", "caf", "a", fmt.Sprintf("%d-1-100.xml", t)), testKeys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func testKeys(tb testing.TB) caf.Keys {
	tb.Helper()
	key, err := caf.ParseKey(reference(tb, "testpki", "sii", "100.pub"))
	if err != nil {
		tb.Fatal(err)
	}
	return caf.Keys{caf.IDKCertificacion: key}
}

func write(tb testing.TB, documents ...[]byte) []byte {
	tb.Helper()
	text, err := envelope.Write(caratulaA, documents, identity(tb, "a-modern.pfx"), signedAt, "SetDoc")
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

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
				SignedAt: time.Date(2026, 11, 20, 10, 11, 12, 0, time.UTC),
			}
			for i, kind := range test.types {
				want.Documents = append(want.Documents, envelope.Document{Type: kind, Folio: int64(i + 1), Issuer: companyA, Bytes: documents[i]})
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b rut.RUT) bool { return a == b })); diff != "" {
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

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern.pfx")
	text := write(t, document(t, signer, xmldsig.Both, dte.Factura, 1), document(t, signer, xmldsig.Both, dte.NotaDebito, 1))
	tests := map[string]struct {
		old, replacement string
		want             error
	}{
		"single quotes":     {`version="1.0" encoding="ISO-8859-1"`, `version='1.0' encoding='ISO-8859-1'`, envelope.ErrForm},
		"UTF-8":             {`encoding="ISO-8859-1"`, `encoding="UTF-8"`, envelope.ErrForm},
		"CR LF":             {"?>\n", "?>\r\n", envelope.ErrForm},
		"root on two lines": {` xsi:schema`, "\nxsi:schema", envelope.ErrForm},
		"other schema":      {"EnvioDTE_v10.xsd", "EnvioDTE.xsd", envelope.ErrForm},
		"amount":            {"<Folio>1<", "<Folio>2<", xmldsig.ErrDigest},
		"RutReceptor":       {"60803000-K", "99923634-0", xmldsig.ErrDigest},
		"TmstFirmaEnv":      {"T10:11:12", "T10:11:13", xmldsig.ErrDigest},
		"NroDTE":            {"<NroDTE>1", "<NroDTE>2", xmldsig.ErrDigest},
		"SetDTE twice":      {"</SetDTE>", "</SetDTE><SetDTE></SetDTE>", xmldsig.ErrForm},
		"document outside":  {"</EnvioDTE>", "<DTE></DTE></EnvioDTE>", xmldsig.ErrForm},
		"long line":         {"</SetDTE>\n", "</SetDTE>" + string(bytes.Repeat([]byte(" "), 4090)) + "\n", envelope.ErrLine},
		"cut short":         {"</EnvioDTE>", "", envelope.ErrForm},
		"other root":        {"<EnvioDTE ", "<EnvioLibro ", envelope.ErrForm},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := bytes.Replace(text, []byte(test.old), []byte(test.replacement), 1)
			if bytes.Equal(changed, text) {
				t.Fatalf("no %q in the envelope", test.old)
			}
			if e, err := envelope.Verify(changed); !errors.Is(err, test.want) || e != nil {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// An envelope whose outer signature holds is still compared with what is in it.
func TestVerifySignedLies(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern.pfx")
	good := write(t, document(t, signer, xmldsig.Both, dte.Factura, 1), document(t, signer, xmldsig.Both, dte.Factura, 2))
	tests := map[string]struct {
		old, replacement string
		want             error
	}{
		"count":               {"<NroDTE>2", "<NroDTE>3", envelope.ErrSubtotals},
		"type":                {"<TpoDTE>33", "<TpoDTE>34", envelope.ErrSubtotals},
		"sender":              {"<RutEnvia>49624463-K", "<RutEnvia>99923634-0", envelope.ErrSender},
		"issuer":              {"<RutEmisor>99928793-K", "<RutEmisor>99923634-0", envelope.ErrIssuer},
		"digit of a RUT":      {"<RutReceptor>60803000-K", "<RutReceptor>60803000-1", envelope.ErrForm},
		"no time":             {"<TmstFirmaEnv>2026-11-20T", "<TmstFirmaEnv>2026-11-20 ", envelope.ErrForm},
		"count that is none":  {"<NroDTE>2", "<NroDTE>x", envelope.ErrForm},
		"element in a set":    {"</Caratula>\n", "</Caratula>\n<Otro></Otro>\n", envelope.ErrDocument},
		"no Caratula":         {"<Caratula version", "<Portada version", envelope.ErrForm},
		"folio in a document": {"<Folio>1<", "<Folio>3<", xmldsig.ErrDigest},
		"Caratula twice":      {"<RutEmisor>99928793-K</RutEmisor>", "<RutEmisor>99928793-K</RutEmisor><RutEmisor>99923634-0</RutEmisor>", envelope.ErrSchema},
		"number too large":    {"<NroResol>0", "<NroResol>1000000", envelope.ErrSchema},
		"text in a document":  {"O&apos;H", "O`H", xmldsig.ErrDigest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lie := bytes.Replace(good, []byte(test.old), []byte(test.replacement), 1)
			if test.old == "<Caratula version" {
				lie = bytes.Replace(lie, []byte("</Caratula>"), []byte("</Portada>"), 1)
			}
			if bytes.Equal(lie, good) {
				t.Fatalf("no %q in the envelope", test.old)
			}
			if _, err := envelope.Verify(resign(t, signer, lie)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// resign replaces the outer signature by a good one.
func resign(t *testing.T, signer *cert.Identity, text []byte) []byte {
	t.Helper()
	parsed, err := xmldsig.Parse(text, xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	set := parsed.Root().Child("SetDTE")
	signature, err := xmldsig.Sign(signer, sha1.Sum(set.Canonical()), "#SetDoc", xmldsig.Both)
	if err != nil {
		t.Fatal(err)
	}
	start, end := xmldsig.SignatureOf(set).Range()
	return bytes.Join([][]byte{text[:start], signature, text[end:]}, nil)
}

// One changed bit anywhere never verifies as something else than what was written.
func TestMutants(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern.pfx")
	text := write(t, document(t, signer, xmldsig.Both, dte.Factura, 1))
	want, err := envelope.Verify(text)
	if err != nil {
		t.Fatal(err)
	}
	step := 7
	if os.Getenv("WITNESS") != "" {
		step = 1
	}
	for i := 0; i < len(text); i += step {
		for _, bit := range []byte{1, 2, 32} {
			mutant := bytes.Clone(text)
			mutant[i] ^= bit
			got, err := envelope.Verify(mutant)
			if err == nil && !sameFacts(want, got) {
				t.Errorf("byte %d as %q verifies and says something else", i, mutant[i])
			}
		}
	}
}

// sameFacts compares all but the bytes: blanks between tags of a Signature, for one, are not signed.
func sameFacts(a, b *envelope.Envelope) bool {
	clear := func(e *envelope.Envelope) envelope.Envelope {
		c := *e
		c.Documents = nil
		for _, d := range e.Documents {
			d.Bytes = nil
			c.Documents = append(c.Documents, d)
		}
		return c
	}
	return cmp.Equal(clear(a), clear(b), cmp.Comparer(func(x, y rut.RUT) bool { return x == y }))
}

func TestDocumentsOfStrangers(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]int{
		"envio/F60T33-ejemplo-oficial-SII.xml": 1, "envio/EnvioDTE-762352915-basico.xml": 8, "dte/DTE-60910000-1-33-2336600.xml": 1,
		"boleta/EnvioBOLETA-softcomsas-altered.xml": 1, "aec/AEC-76399752-9-33-25568-SEQ-1.xml": 1,
	} {
		cut, err := envelope.Documents(reference(t, "sii", "samples", file))
		if err != nil || len(cut) != want {
			t.Errorf("%s: %d documents, want %d: %v", file, len(cut), want, err)
		}
		for _, d := range cut {
			if !bytes.HasPrefix(d, []byte("<DTE")) || !bytes.HasSuffix(d, []byte("</DTE>")) {
				t.Errorf("%s: cut %.20q", file, d)
			}
		}
	}
	if _, err := envelope.Documents([]byte("<a")); !errors.Is(err, envelope.ErrForm) {
		t.Errorf("got %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	signer := identity(f, "a-modern.pfx")
	text := write(f, document(f, signer, xmldsig.Both, dte.Factura, 1))
	want, err := envelope.Verify(text)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, mutant []byte) {
		if got, err := envelope.Verify(mutant); err == nil && !sameFacts(want, got) {
			t.Errorf("a mutant verifies: %q", mutant)
		}
	})
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
