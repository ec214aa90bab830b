package envelope_test

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/envelope"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

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

// A schema error lists its findings.
func TestSchemaError(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern.pfx")
	text := write(t, document(t, signer, xmldsig.Both, dte.Factura, 1))
	_, err := envelope.Verify(resign(t, signer, bytes.Replace(text, []byte("<NroResol>0<"), []byte("<NroResol>1000000<"), 1)))
	var invalid *envelope.SchemaError
	if !errors.As(err, &invalid) || len(invalid.Findings) != 1 || !strings.Contains(err.Error(), "Caratula.NroResol") {
		t.Errorf("got %v", err)
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

// No envelope with a changed bit verifies. Past the signature's value a signature does not cover its own text: there the facts
// stay, and the certificate is told.
func TestMutants(t *testing.T) {
	t.Parallel()
	text := write(t, document(t, identity(t, "a-modern.pfx"), xmldsig.Both, dte.Factura, 1))
	want, err := envelope.Verify(text)
	if err != nil {
		t.Fatal(err)
	}
	value := bytes.LastIndex(text, []byte("<SignatureValue>"))
	step := 7
	if os.Getenv("WITNESS") != "" {
		step = 1
	}
	for i := 0; i < len(text); i += step {
		for _, bit := range []byte{1, 2, 32} {
			mutant := bytes.Clone(text)
			mutant[i] ^= bit
			got, err := envelope.Verify(mutant)
			if err == nil && (i < value || !sameFacts(want, got)) {
				t.Errorf("byte %d as %q verifies", i, mutant[i])
			}
		}
	}
}

// sameFacts compares all but the bytes: blanks between tags of a Signature, for one, are not signed.
func sameFacts(a, b *envelope.Envelope) bool {
	clear := func(e *envelope.Envelope) envelope.Envelope {
		c := *e
		c.Documents, c.Certificate = nil, nil
		for _, d := range e.Documents {
			d.Bytes = nil
			c.Documents = append(c.Documents, d)
		}
		return c
	}
	return cmp.Equal(clear(a), clear(b), cmp.Comparer(sameRUT), cmp.Comparer(sameCertificate))
}

func sameRUT(a, b rut.RUT) bool { return a == b }

func sameCertificate(a, b *cert.Certificate) bool {
	return a == b || a != nil && b != nil && bytes.Equal(a.Raw, b.Raw)
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
