// Package e2e tests the functions and emulators together, and who may import whom.
package e2e_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// listed is what go list tells of a package.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// order is that of the packages in shared: each imports only those before it.
var order = []string{
	"golden", "planted", "rut", "amount", "cert", "xmldsig", "format", "rules", "dte", "caf", "ted", "envelope", "exchange", "rcv", "claim",
	"recent", "trace", "store", "event", "due", "journal", "alert", "company", "document", "received", "folio", "sii", "dispatch", "dial", "mailbox", "outmail", "problem", "serve", "access", "settings", "gcp",
}

// pure packages do no input or output, keep no clock and write no log.
var pure = []string{"rut", "amount", "cert", "xmldsig", "format", "rules", "dte", "caf", "ted", "envelope", "exchange", "rcv", "claim"}

func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		area, rest, _ := strings.Cut(strings.TrimPrefix(p.ImportPath, "timbre/"), "/")
		for _, imported := range p.Imports {
			checkImport(t, p.ImportPath, area, rest, imported)
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if area == "emulators" && ofProduct(imported) {
				t.Errorf("a test of %s imports %s: emulators are witnesses, never built on the product", p.ImportPath, imported)
			}
			if area == "shared" && strings.HasPrefix(imported, "timbre/functions") {
				t.Errorf("a test of %s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func checkImport(t *testing.T, from, area, rest, imported string) {
	t.Helper()
	refuse := func(why string) { t.Errorf("%s imports %s: %s", from, imported, why) }
	name := strings.Split(rest, "/")[0]
	switch {
	case area == "emulators" && ofProduct(imported):
		refuse("emulators are witnesses, never built on the product")
	case area != "emulators" && strings.HasPrefix(imported, "timbre/emulators"):
		refuse("only tests may import an emulator")
	case area == "shared" && strings.HasPrefix(imported, "timbre/functions"):
		refuse("shared never imports functions")
	case area == "functions" && strings.HasPrefix(imported, "timbre/functions") && !strings.HasPrefix(imported, "timbre/functions/"+name):
		refuse("functions never import each other")
	case area != "emulators" && name != "gcp" && strings.HasPrefix(imported, "cloud.google.com/go"):
		refuse("cloud SDKs live in shared/gcp")
	case area == "shared" && slices.Contains(pure, name) && slices.Contains([]string{"net/http", "log/slog", "os", "net"}, imported):
		refuse("domain packages are pure")
	case area == "shared" && above(name, imported):
		refuse("each package of shared imports only those before it")
	}
}

// above tells whether a package of shared stands below another in the order.
func above(name, imported string) bool {
	other, found := strings.CutPrefix(imported, "timbre/shared/")
	if !found {
		return false
	}
	other = strings.Split(other, "/")[0]
	return other != name && slices.Index(order, other) > slices.Index(order, name)
}

func ofProduct(path string) bool {
	return strings.HasPrefix(path, "timbre/shared") || strings.HasPrefix(path, "timbre/functions")
}

// packages lists the module's; a package of shared that the order does not name fails the test.
func packages(t *testing.T) []listed {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "timbre/...")
	out, err := list.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Start(); err != nil {
		t.Skipf("go list is not to be had here: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(out); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		if rest, found := strings.CutPrefix(p.ImportPath, "timbre/shared/"); found && !slices.Contains(order, strings.Split(rest, "/")[0]) {
			t.Errorf("%s has no place in the order of packages", p.ImportPath)
		}
	}
	if err := list.Wait(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	return all
}
