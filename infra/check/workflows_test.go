package check_test

import (
	"os"
	"path/filepath"
	"regexp"
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

// pinned is an action by its commit, with the version that a person reads.
var pinned = regexp.MustCompile(`^- uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)

// TestActionsArePinned finds actions that somebody else can change under us: tags move, commits do not.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("workflows %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); strings.Contains(line, "uses:") && !pinned.MatchString(line) {
				t.Errorf("%s: %s", filepath.Base(file), line)
			}
		}
	}
}
