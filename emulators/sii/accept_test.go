package sii_test

import (
	"path/filepath"
	"testing"
	"time"

	"timbre/emulators/sii"
)

// The oracle's examples were made by another hand with the fake PKI of testpki
// and pass every check of the oracle.
func TestAcceptsOracleExamples(t *testing.T) {
	t.Parallel()
	pki := reference(t, "testpki")
	tests := []struct{ file, company, signer, rut string }{
		{file: "boletas.xml"},
		{file: "bare-apostrophe-outside-ted.xml"},
		{file: "caf-with-entity.xml", company: "99923634-0", signer: "b", rut: "49968026-0"},
		{file: "capital-before-guillemet.xml"},
		{file: "character-reference-outside-ted.xml"},
		{file: "comment-in-document.xml"},
		{file: "crlf.xml"},
		{file: "envelope-of-many-kinds.xml"},
		{file: "long-name-in-caf.xml", company: "99952202-5", signer: "c", rut: "49087569-7"},
		{file: "single-quoted-attributes.xml"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			if tt.company == "" {
				tt.company, tt.signer, tt.rut = "99928793-K", "a", "49624463-K"
			}
			server := start(t, pki, time.Date(2026, 11, 20, 10, 20, 0, 0, chile()))
			c := newClient(t, server, loadSigner(t, pki, tt.signer, tt.rut))
			e := c.send(tt.company, readFile(t, reference(t, "oracle", "examples", tt.file)))
			wantAccepted(t, e)
			if len(e.Documents) == 0 {
				t.Error("no document was judged")
			}
			for _, d := range e.Documents {
				if !d.InPlace {
					t.Errorf("%d/%d: signature does not verify in place", d.Type, d.Folio)
				}
			}
		})
	}
}

func wantAccepted(t *testing.T, e sii.Envelope) {
	t.Helper()
	if e.State != "EPR" {
		t.Errorf("envelope: got %s %+v, want EPR", e.State, e.Fault)
	}
	for _, d := range e.Documents {
		if d.State != "DOK" {
			t.Errorf("%d/%d: got %s %v, want DOK", d.Type, d.Folio, d.State, d.Details)
		}
	}
}

// An export without its amounts in pesos is what the SII refuses with HED-3-834.
func TestExportWithoutPesosIsRefused(t *testing.T) {
	t.Parallel()
	pki := reference(t, "testpki")
	server := start(t, pki, time.Date(2026, 11, 20, 10, 20, 0, 0, chile()))
	c := newClient(t, server, loadSigner(t, pki, "a", "49624463-K"))
	e := c.send("99928793-K", readFile(t, filepath.Join(reference(t, "oracle", "examples"), "export.xml")))
	if len(e.Documents) != 1 || e.Documents[0].State != "RCH" || e.Documents[0].Findings[0].Code != "HED-3-834" {
		t.Errorf("got %s %+v, want one document refused with HED-3-834", e.State, e.Documents)
	}
}
