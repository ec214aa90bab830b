package xmldsig_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/xmldsig"
)

// many is how many cases a test makes: few by default, enough for proof with WITNESS set.
func many(few, proof int) int {
	if os.Getenv("WITNESS") != "" {
		return proof
	}
	return few
}

func tool(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		tb.Skipf("%s is not installed", name)
	}
	return path
}

var comments = regexp.MustCompile(`(?s)<!--.*?-->`)

// All samples have libxml2's canonical form. Comments are cut first, as xmllint would keep them.
func TestCanonicalSamples(t *testing.T) {
	t.Parallel()
	xmllint := tool(t, "xmllint")
	for name, b := range samples(t, "aec", "boleta", "dte", "envio", "generated", "negative", "tampered", "caf") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, b)
			if doc.Misdeclared {
				t.Skip("misdeclared encoding, which xmllint refuses")
			}
			path := filepath.Join(t.TempDir(), "in.xml")
			if err := os.WriteFile(path, comments.ReplaceAll(b, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			want, err := exec.Command(xmllint, "--c14n", path).Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Canonical(); !bytes.Equal(got, want) {
				t.Error(cmp.Diff(string(want), string(got)))
			}
		})
	}
}

// Generated documents have libxml2's canonical form.
func TestCanonicalGenerated(t *testing.T) {
	t.Parallel()
	xmllint := tool(t, "xmllint")
	const perCall = 50
	calls := many(2, 240)
	var wg sync.WaitGroup
	limit := make(chan struct{}, runtime.NumCPU())
	for call := range calls {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			compareCanonical(t, xmllint, uint64(call*perCall), perCall)
		})
	}
	wg.Wait()
	t.Logf("%d documents", calls*perCall)
}

// compareCanonical gives xmllint several documents at once; it writes them one behind the other.
func compareCanonical(t *testing.T, xmllint string, first uint64, count int) {
	dir := t.TempDir()
	args := []string{"--c14n"}
	var got [][]byte
	for i := range count {
		with, without := generate(first+uint64(i), false)
		doc, err := xmldsig.Parse(with, xmldsig.Limits{})
		if err != nil {
			t.Errorf("seed %d: %v in %q", first+uint64(i), err, with)
			return
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(path, without, 0o600); err != nil {
			t.Error(err)
			return
		}
		args, got = append(args, path), append(got, doc.Canonical())
	}
	want, err := exec.Command(xmllint, args...).Output()
	if err != nil {
		t.Errorf("xmllint: %v: %.300s", err, want)
		return
	}
	for i, g := range got {
		if !bytes.HasPrefix(want, g) {
			t.Errorf("seed %d: canonical\n%q; xmllint goes on\n%.600q", first+uint64(i), g, want)
			return
		}
		want = want[len(g):]
	}
	if len(want) > 0 {
		t.Errorf("xmllint writes %d bytes more", len(want))
	}
}

var digestValues = regexp.MustCompile(`<DigestValue>([^<]*)</DigestValue>`)

// Each element of generated documents, where it stands, has the digest that xmlsec1 gives it: with
// all that it inherits.
func TestCanonicalElements(t *testing.T) {
	t.Parallel()
	xmlsec := tool(t, "xmlsec1")
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	elements := 0
	for seed := range uint64(many(20, 1000)) {
		_, without := generate(seed, true)
		doc := parse(t, without)
		var ids []string
		for e := range doc.Root().All() {
			for _, a := range e.Attrs {
				if a.Prefix == "xml" && a.Local == "id" && e != doc.Root() {
					ids = append(ids, a.Value)
				}
			}
		}
		end := bytes.LastIndex(without, []byte("</"))
		if len(ids) == 0 || end < 0 {
			continue
		}
		path := filepath.Join(dir, "template.xml")
		template := string(without[:end]) + references(ids) + string(without[end:])
		if err := os.WriteFile(path, []byte(template), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(xmlsec, "--sign", "--hmackey", key, path).Output()
		if err != nil {
			t.Fatalf("xmlsec1: %v on %s", err, template)
		}
		compareDigests(t, parse(t, []byte(template)), ids, digestValues.FindAllSubmatch(out, -1))
		elements += len(ids)
	}
	t.Logf("%d elements", elements)
}

// references is a Signature to be filled in, over all these IDs.
func references(ids []string) string {
	var b strings.Builder
	b.WriteString(`<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>` +
		`<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>` +
		`<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"/>`)
	for _, id := range ids {
		fmt.Fprintf(&b, `<Reference URI="#%s"><Transforms><Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/></Transforms>`+
			`<DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/><DigestValue></DigestValue></Reference>`, id)
	}
	b.WriteString(`</SignedInfo><SignatureValue/></Signature>`)
	return b.String()
}

func compareDigests(t *testing.T, doc *xmldsig.Document, ids []string, found [][][]byte) {
	t.Helper()
	if len(found) != len(ids) {
		t.Fatalf("xmlsec1 gives %d digests for %d elements", len(found), len(ids))
	}
	for i, id := range ids {
		e := doc.ByID(id)
		if e == nil {
			t.Fatalf("no element %s", id)
		}
		if got := sha1Base64(e.Canonical()); got != string(found[i][1]) {
			t.Errorf("digest of %s differs: %s", id, e.Canonical())
		}
	}
}
