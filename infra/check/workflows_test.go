package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryFunctionHasAnImage compares the matrix of the workflow with the functions.
func TestEveryFunctionHasAnImage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, ".github", "workflows", "images.yml"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "name: [")
	list, _, found := strings.Cut(list, "]")
	if !found {
		t.Fatal("no matrix")
	}
	want := strings.Join(append(product(t).Functions, "emulators"), " ")
	got := strings.Fields(strings.ReplaceAll(list, ",", " "))
	for _, name := range strings.Fields(want) {
		if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+name+" ") {
			t.Errorf("no image for %s", name)
		}
	}
	if len(got) != len(strings.Fields(want)) {
		t.Errorf("images %v, functions %s", got, want)
	}
}
