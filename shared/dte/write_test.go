package dte_test

import (
	"bytes"
	"crypto"
	"crypto/sha1" //nolint:gosec // the SII's digest
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/xmldsig"
)

// TestWrite: every type, in both namespace forms, is verified by re-reading; a stored order gives the
// same bytes; the file keeps to the SII's lines and encoding.
func TestWrite(t *testing.T) {
	t.Parallel()
	for _, tt := range whole {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustResolve(t, tt.text)
			signed := write(t, o, dte.FormBoth)
			write(t, o, dte.FormSII)
			stored, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			var again dte.Order
			if err := json.Unmarshal(stored, &again); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(write(t, &again, dte.FormBoth), signed) {
				t.Error("the stored order gives other bytes")
			}
			twice, err := json.Marshal(&again)
			if err != nil || !bytes.Equal(twice, stored) {
				t.Errorf("stored again as %s, %v", twice, err)
			}
			checkBytes(t, signed)
			name := strings.ReplaceAll(tt.name, " ", "-")
			unsigned, _, _ := bytes.Cut(signed, []byte("<Signature"))
			golden.Equal(t, name+".xml", unsigned)
			golden.Equal(t, name+".json", append(stored, '\n'))
		})
	}
}

func checkBytes(t *testing.T, signed []byte) {
	t.Helper()
	if !bytes.HasPrefix(signed, []byte("<DTE ")) || !bytes.HasSuffix(signed, []byte("</DTE>")) || bytes.ContainsAny(signed, "\r\t") {
		t.Error("not a bare DTE with LF")
	}
	content, _, _ := bytes.Cut(signed, []byte("<TED "))
	if i := bytes.Index(content, []byte("></")); i >= 0 {
		t.Errorf("empty element at %d", i)
	}
	for i, line := range bytes.Split(signed, []byte("\n")) {
		if len(line) > 4000 {
			t.Errorf("line %d has %d bytes", i+1, len(line))
		}
	}
}

// TestNamespaceForms: what the two forms declare (FORMATS section 10.2).
func TestNamespaceForms(t *testing.T) {
	t.Parallel()
	o := mustResolve(t, whole[0].text)
	both, sii := write(t, o, dte.FormBoth), write(t, o, dte.FormSII)
	if !bytes.HasPrefix(both, []byte(`<DTE xmlns="http://www.sii.cl/SiiDte" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="1.0">`+"\n"+`<Documento ID="F17T33">`+"\n")) {
		t.Errorf("both: %.200s", both)
	}
	if !bytes.HasPrefix(sii, []byte(`<DTE xmlns="http://www.sii.cl/SiiDte" version="1.0">`+"\n")) {
		t.Errorf("sii: %.200s", sii)
	}
	if !bytes.Equal(write(t, o, ""), both) {
		t.Error("the default is not both")
	}
	if _, err := dte.Write(o.WithFolio(1), stamp(o.Stamped()), signedAt, "none", identity()); !errors.Is(err, dte.ErrForm) {
		t.Errorf("unknown form: %v", err)
	}
}

// TestInEnvelope: with FormBoth the digest holds in an envelope as it does cut out.
func TestInEnvelope(t *testing.T) {
	t.Parallel()
	o := mustResolve(t, whole[1].text)
	envelope := `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n" +
		`<EnvioDTE xmlns="http://www.sii.cl/SiiDte" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.sii.cl/SiiDte EnvioDTE_v10.xsd" version="1.0"><SetDTE ID="S">` +
		string(write(t, o, dte.FormBoth)) + `</SetDTE></EnvioDTE>`
	doc, err := xmldsig.Parse([]byte(envelope), xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, context := range []xmldsig.Context{xmldsig.InPlace, xmldsig.CutOut} {
		if _, err := xmldsig.Verify(xmldsig.Signatures(doc)[0], context); err != nil {
			t.Errorf("%s: %v", context, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	o := mustResolve(t, whole[0].text)
	if _, err := dte.Write(o, stamp(o.Stamped()), signedAt, dte.FormBoth, identity()); !errors.Is(err, dte.ErrNoFolio) {
		t.Errorf("no folio: %v", err)
	}
	for _, bad := range []string{"", "<TED>", "<TED a='&amp;'></TED>", "<TED >&nbsp;</TED>", "<TED >&amp</TED>", "<TED >&#1;</TED>", "<TED >&#xD800;</TED>"} {
		if _, err := dte.Write(o.WithFolio(1), []byte(bad), signedAt, dte.FormBoth, identity()); !errors.Is(err, dte.ErrTED) {
			t.Errorf("TED %q: %v", bad, err)
		}
	}
}

// TestTEDForms: however a TED is written, the digest is over what a parser reads.
func TestTEDForms(t *testing.T) {
	t.Parallel()
	o := mustResolve(t, whole[1].text).WithFolio(17)
	ted := string(stamp(o.Stamped()))
	for name, form := range map[string]string{
		"numbers":      strings.ReplaceAll(ted, "&apos;", "&#39;"),
		"hexadecimal":  strings.ReplaceAll(ted, "&quot;", "&#x22;"),
		"bare":         strings.NewReplacer("&apos;", "'", "&quot;", `"`).Replace(ted),
		"bare greater": strings.ReplaceAll(ted, "&gt;", ">"),
		"indented":     strings.ReplaceAll(ted, "<DD>", "\r\n <DD>\r\n"),
		"line end":     strings.ReplaceAll(ted, "<DD>", "\r<DD>"),
		"letters":      strings.ReplaceAll(ted, "Higgins", "H&#237;ggins"),
	} {
		signed, err := dte.Write(o, []byte(form), signedAt, dte.FormBoth, identity())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d, err := dte.Verify(signed, o, identity())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(d.TED) != form || d.SignedAt != "2026-11-23T10:11:12" {
			t.Errorf("%s: TED %q", name, d.TED)
		}
	}
}

// TestVerifyRefuses: any change of the finished bytes, and any other order, is seen.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	o := mustResolve(t, whole[1].text).WithFolio(17)
	signed := write(t, o, dte.FormBoth)
	change := func(from, to string) []byte {
		out := bytes.Replace(signed, []byte(from), []byte(to), 1)
		if bytes.Equal(out, signed) {
			t.Fatalf("no %q to change", from)
		}
		return out
	}
	for name, bytes := range map[string][]byte{
		"amount":       change("<MntTotal>4760", "<MntTotal>4761"),
		"text":         change("caja", "Caja"),
		"white space":  change("<IdDoc>\n", "<IdDoc>"),
		"schema":       change("<TipoDTE>33</TipoDTE>\n", ""),
		"signature":    change("<SignatureValue>", "<SignatureValue>AAAA"),
		"no signature": change("Signature", "signature"),
		"cut":          signed[:len(signed)-1],
		"TED":          change("<MNT>4760", "<MNT>4761"),
	} {
		if _, err := dte.Verify(bytes, o, identity()); err == nil {
			t.Errorf("%s was changed and not seen", name)
		}
	}
	for name, other := range map[string]*dte.Order{
		"folio":    o.WithFolio(18),
		"document": mustResolve(t, whole[0].text).WithFolio(17),
		"more":     mustResolve(t, strings.Replace(whole[1].text, `"FmaPago":2`, `"FmaPago":2,"TermPagoDias":30`, 1)).WithFolio(17),
		"less":     mustResolve(t, strings.Replace(whole[1].text, `"FmaPago":2,`, ``, 1)).WithFolio(17),
		"line":     mustResolve(t, strings.Replace(whole[1].text, `"UnmdItem":"KG"`, `"UnmdItem":"Kg"`, 1)).WithFolio(17),
	} {
		if _, err := dte.Verify(signed, other, identity()); !errors.Is(err, dte.ErrNotOrder) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	wrong := o.Stamped()
	wrong.RSR = "Otro"
	lying, err := dte.Write(o, stamp(wrong), signedAt, dte.FormBoth, identity())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dte.Verify(lying, o, identity()); !errors.Is(err, dte.ErrNotOrder) {
		t.Errorf("a TED of another receiver: %v", err)
	}
}

func TestOrderRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{`{}`, `{"document":5}`, `{"document":{"Encabezado":{"IdDoc":{"TipoDTE":"33"}},"X":1}}`, `[]`, `{"document":{}}`} {
		var o dte.Order
		if err := json.Unmarshal([]byte(bad), &o); !errors.Is(err, dte.ErrOrder) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestSchema lets libxml2 check every type with the official schemas.
func TestSchema(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	schemas := golden.Reference(t, "sii", "schemas")
	dir := t.TempDir()
	files := map[string][]string{}
	for i, tt := range whole {
		o := mustResolve(t, tt.text)
		schema, text := "DTE_v10.xsd", write(t, o, dte.FormBoth)
		if o.Type().IsBoleta() {
			schema, text = "EnvioBOLETA_v11.xsd", inEnvelope(o, text)
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(file, append([]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"), text...), 0o600); err != nil {
			t.Fatal(err)
		}
		files[schema] = append(files[schema], file)
	}
	for schema, names := range files {
		args := append([]string{"--noout", "--schema", filepath.Join(schemas, schema)}, names...)
		if out, err := exec.Command(lint, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", schema, err, out)
		}
	}
}

// inEnvelope puts a boleta where its schema knows it; the outer signature is only of the right form.
func inEnvelope(o *dte.Order, signed []byte) []byte {
	signature := signed[bytes.Index(signed, []byte("<Signature")):bytes.Index(signed, []byte("\n</DTE>"))]
	return fmt.Appendf(nil, `<EnvioBOLETA xmlns="http://www.sii.cl/SiiDte" version="1.0"><SetDTE ID="S"><Caratula version="1.0">`+
		`<RutEmisor>%[1]s</RutEmisor><RutEnvia>1-9</RutEnvia><RutReceptor>60803000-K</RutReceptor><FchResol>2026-01-01</FchResol><NroResol>0</NroResol>`+
		`<TmstFirmaEnv>2026-11-23T10:11:12</TmstFirmaEnv><SubTotDTE><TpoDTE>%[2]s</TpoDTE><NroDTE>1</NroDTE></SubTotDTE></Caratula>%[3]s</SetDTE>%[4]s</EnvioBOLETA>`,
		o.Issuer(), o.Type(), signed, signature)
}

// tenLines is the invoice of the benchmarks.
func tenLines(tb testing.TB) *dte.Order {
	tb.Helper()
	lines := strings.Repeat(`{"NmbItem":"Conectores RJ45 de cobre y peón","DscItem":"Descripción del artículo & más","QtyItem":450,"PrcItem":70,"UnmdItem":"UN"},`, 10)
	return mustResolve(tb, document(dte.Factura, "", `"Detalle":[`+strings.TrimSuffix(lines, ",")+`]`)).WithFolio(17)
}

func BenchmarkWrite(b *testing.B) {
	o, id := tenLines(b), identity()
	ted := stamp(o.Stamped())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dte.Write(o, ted, signedAt, dte.FormBoth, id); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignOnly is what BenchmarkWrite cannot do without: the signature of the same identity.
func BenchmarkSignOnly(b *testing.B) {
	id := identity()
	digest := sha1.Sum([]byte("x")) //nolint:gosec // the SII's digest
	b.ReportAllocs()
	for b.Loop() {
		if _, err := xmldsig.Sign(id, digest, "#F17T33", xmldsig.Both); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	text := document(dte.Factura, "", `"Detalle":[`+strings.TrimSuffix(strings.Repeat(`{"NmbItem":"Conectores RJ45","QtyItem":450,"PrcItem":70},`, 10), ",")+`]`)
	b.ReportAllocs()
	for b.Loop() {
		mustResolve(b, text)
	}
}

func BenchmarkVerify(b *testing.B) {
	o := tenLines(b)
	signed := write(b, o, dte.FormBoth)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dte.Verify(signed, o, identity()); err != nil {
			b.Fatal(err)
		}
	}
}

// freeSigner signs at no cost, so that what is left is the writing.
type freeSigner struct{ crypto.Signer }

func (freeSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 256), nil
}

func BenchmarkWriteAlone(b *testing.B) {
	o, id := tenLines(b), *identity()
	id.Key = freeSigner{id.Key}
	ted := stamp(o.Stamped())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dte.Write(o, ted, signedAt, dte.FormBoth, &id); err != nil {
			b.Fatal(err)
		}
	}
}
