package format_test

import (
	"os"
	"path/filepath"
	"testing"

	"timbre/shared/format"
	"timbre/shared/golden"
	"timbre/shared/xmldsig"
)

func TestSamples(t *testing.T) {
	dir := golden.Reference(t, "oracle", "examples")
	files, _ := filepath.Glob(filepath.Join(dir, "*.xml"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := xmldsig.Parse(b, xmldsig.Limits{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		root := format.Root(doc.Root().Local)
		if root == nil {
			t.Log(f, doc.Root().Local)
			continue
		}
		for _, x := range format.Validate(root, doc.Root(), "") {
			t.Error(filepath.Base(f), x)
		}
	}
}
