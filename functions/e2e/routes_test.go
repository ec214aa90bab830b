package e2e_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"timbre/shared/serve"
)

// pattern is how routes are written in the source: a method, a blank and a path.
var pattern = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) /\S*$`)

// TestMatrixHasEveryRoute reads the routes in the source of the functions and makes sure that the matrix
// of credentials tries each of them: a new route needs a line in accessRoutes.
func TestMatrixHasEveryRoute(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("../*/cmd/main.go")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	for _, path := range folders {
		folder := filepath.Dir(filepath.Dir(path))
		routes := routesOf(t, folder)
		function := filepath.Base(folder)
		if len(routes) == 0 {
			t.Errorf("%s: no routes found in its source", function)
		}
		tried := triedRoutes(function, routes)
		for _, route := range routes {
			if !tried[route] {
				t.Errorf("%s: %s is not in accessRoutes", function, route)
			}
		}
	}
}

// triedRoutes are the routes that some line of the matrix meets.
func triedRoutes(function string, routes []string) map[string]bool {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.Handle(route, http.NotFoundHandler())
	}
	tried := map[string]bool{}
	for _, r := range accessRoutes() {
		if r.function != function {
			continue
		}
		request, err := http.NewRequest(r.method, "http://x"+r.path, http.NoBody) //nolint:noctx // it is never sent
		if err != nil {
			panic(err)
		}
		_, found := mux.Handler(request)
		tried[found] = true
	}
	return tried
}

// routesOf reads the patterns in a folder's source: literals, and "POST "+serve.TickPath.
func routesOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	check(t, err)
	constants := map[string]string{"TickPath": serve.TickPath, "PushPath": serve.PushPath}
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		check(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			if text := literal(n, constants); pattern.MatchString(text) {
				found[text] = true
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

func literal(n ast.Node, constants map[string]string) string {
	switch n := n.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
			return text
		}
	case *ast.SelectorExpr:
		return constants[n.Sel.Name]
	case *ast.BinaryExpr:
		if n.Op == token.ADD {
			return literal(n.X, constants) + literal(n.Y, constants)
		}
	}
	return ""
}
