package check_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fenced are the blocks of a page that are told to be run.
var fenced = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "es", "guia.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := fenced.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 10 {
		t.Fatalf("the guide has %d blocks", len(blocks))
	}
	var all strings.Builder
	for _, b := range blocks {
		all.WriteString(b[1])
	}
	return all.String()
}

// TestGuideIsShell finds quotes that do not close.
func TestGuideIsShell(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	command := exec.CommandContext(t.Context(), bash, "-n")
	command.Stdin = strings.NewReader(guide(t))
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// TestGuideRuns does what a newcomer does: all blocks in one shell, against the stack on this machine.
func TestGuideRuns(t *testing.T) {
	t.Parallel()
	s := live(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-eu")
	command.Stdin = strings.NewReader(guide(t) + "\necho la guía terminó\n")
	command.Env = append(os.Environ(), "API="+s.url, "CLAVE="+s.key, "MUNDO="+s.world)
	said, err := command.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(said), "la guía terminó\n") {
		t.Errorf("%v\n%s", err, said)
	}
}
