package authority_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii/authority"
)

// checkForm: a made CAF has the form of the reference's, byte for byte but for
// the values.
func checkForm(t *testing.T, dir string) {
	base := os.Getenv("REFERENCE_DIR")
	if base == "" {
		base = filepath.Join("..", "..", "..", "..", "shared")
	}
	want, err := os.ReadFile(filepath.Join(base, "testpki", "caf", "a", "33-1-100.xml"))
	if err != nil {
		t.Skip("reference folder has no testpki here; set REFERENCE_DIR")
	}
	one := authority.DefaultCompanies()[:1]
	got, err := authority.IssueCAF(dir, authority.CAFOrder{RUT: one[0].RUT, Name: one[0].Name, Type: 33, From: 1, To: 100})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(skeleton(want), skeleton(got)); diff != "" {
		t.Errorf("form differs (-reference +made):\n%s", diff)
	}
	if !bytes.Contains(got, []byte("<RS>Panader\xeda \xd1and\xfa &amp; Hijos Ltda.</RS>")) {
		t.Error("RS is not in Latin-1")
	}
}

// skeleton blanks what differs from CAF to CAF: values and PEM lines.
func skeleton(caf []byte) string {
	caf = regexp.MustCompile(`(?s)(-----BEGIN [A-Z ]+-----\n).*?(-----END)`).ReplaceAll(caf, []byte("$1*\n$2"))
	caf = regexp.MustCompile(`<(RE|RS|FA|M)>[^<]*<`).ReplaceAll(caf, []byte("<$1>*<"))
	return string(regexp.MustCompile(`SHA1withRSA">[^<]*<`).ReplaceAll(caf, []byte(`SHA1withRSA">*<`)))
}
