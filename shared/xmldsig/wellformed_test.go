package xmldsig_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"timbre/shared/xmldsig"
)

// complaint is how xmllint names a file that is not well-formed or breaks the rules of namespaces.
// It alone also asks that a namespace be a URI.
var (
	complaint = regexp.MustCompile(`(?m)(\d+)\.xml:\d+: (?:parser|namespace|encoding) error.*`)
	badURI    = []byte("is not a valid URI")
)

// noVersion is a version number that is none (XML 1.0, production 26); xmllint lets it pass.
var noVersion = regexp.MustCompile(`version=.1\.['"]`)

// Damaged documents are refused exactly where xmllint refuses them.
func TestWellFormedMutants(t *testing.T) {
	t.Parallel()
	xmllint := tool(t, "xmllint")
	const perCall = 100
	accepted, refused := 0, 0
	for call := range many(3, 100) {
		texts, ours := mutants(uint64(call*perCall), perCall)
		theirs := complaints(t, xmllint, texts)
		for i, err := range ours {
			if (err != nil) != theirs[i] {
				t.Errorf("we say %v, xmllint does not: %q", err, texts[i])
			}
			if err != nil {
				refused++
			} else {
				accepted++
			}
		}
	}
	if accepted == 0 || refused == 0 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
}

// mutants are damaged documents and what Parse says of them. Left out are those in which we mean to
// differ: we read misdeclared ones, and know fewer encodings.
func mutants(seed uint64, count int) ([][]byte, []error) {
	var texts [][]byte
	var errs []error
	for ; len(texts) < count; seed++ {
		b := damage(seed)
		doc, err := xmldsig.Parse(b, xmldsig.Limits{})
		if err == nil && doc.Misdeclared || hasCode(err, xmldsig.CodeEncoding) || noVersion.Match(b) {
			continue
		}
		texts, errs = append(texts, b), append(errs, err)
	}
	return texts, errs
}

// complaints tells which texts xmllint refuses, by index.
func complaints(t *testing.T, xmllint string, texts [][]byte) map[int]bool {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--noout"}
	for i, b := range texts {
		path := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	cmd := exec.Command(xmllint, args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	refused := map[int]bool{}
	for _, m := range complaint.FindAllSubmatch(out, -1) {
		i, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		refused[i] = refused[i] || !bytes.Contains(m[0], badURI)
	}
	return refused
}

func hasCode(err error, code xmldsig.Code) bool {
	var syntax *xmldsig.SyntaxError
	return errors.As(err, &syntax) && syntax.Code == code
}

// damage is a generated document with one or two pieces cut, doubled or overwritten.
func damage(seed uint64) []byte {
	b, _ := generate(seed, false)
	r := rand.New(rand.NewPCG(seed, 2))
	for range 1 + r.IntN(2) {
		at := r.IntN(len(b))
		end := min(len(b), at+1+r.IntN(8))
		switch r.IntN(4) {
		case 0:
			b = append(b[:at:at], b[end:]...)
		case 1:
			b = append(b[:end:end], b[at:]...)
		default:
			const markup = "<>&;'\"=/!?-:[]x# \n\x01\x80\xC3"
			b = append(append(b[:at:at], markup[r.IntN(len(markup))]), b[at+1:]...)
		}
		if len(b) == 0 {
			return []byte("<a/>")
		}
	}
	return b
}
