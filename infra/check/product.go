package check

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Product is what the Go sources say.
type Product struct {
	root string
	// Functions are the folders with a command, in order.
	Functions []string
	// Variables are what a function's Config reads from the environment.
	Variables map[string][]Variable
	// Routes are the public ones of a function, as "GET /v1/events".
	Routes map[string][]string
	// Topics are those of shared/event; Pushes those that the local stack delivers, topic-function.
	Topics, Pushes []string
	// Uses are what a function's code takes from packages and values, as alert.Raiser, desk.Received.
	Uses map[string]map[string]bool
	// Lines are the messages that functions and shared log, each with the fields that some line of it has.
	Lines map[string][]string
}

// Variable is one of the environment.
type Variable struct {
	Name string
	// Default tells whether the function can do without.
	Default bool
}

// ReadProduct reads the sources below root.
func ReadProduct(root string) (*Product, error) {
	p := &Product{root: root, Variables: map[string][]Variable{}, Routes: map[string][]string{}, Uses: map[string]map[string]bool{}, Lines: map[string][]string{}}
	commands, err := filepath.Glob(filepath.Join(root, "functions", "*", "cmd", "main.go"))
	if err != nil {
		return nil, err
	}
	for _, command := range commands {
		if err := p.readFunction(filepath.Base(filepath.Dir(filepath.Dir(command)))); err != nil {
			return nil, err
		}
	}
	if err := p.readShared(); err != nil {
		return nil, err
	}
	return p, p.readPlan()
}

// route is a pattern of http.ServeMux with method and path; /_push and /_tick are put together from
// constants and do not look like this.
var route = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) (/\S+)$`)

func (p *Product) readFunction(name string) error {
	p.Functions = append(p.Functions, name)
	files, err := parseFolder(filepath.Join(p.root, "functions", name))
	if err != nil {
		return err
	}
	p.readLines(files)
	for _, text := range literals(files) {
		if route.MatchString(text) {
			p.Routes[name] = append(p.Routes[name], text)
		}
	}
	p.Uses[name] = selected(files)
	p.Variables[name], err = p.variables(files, "Config")
	return err
}

func (p *Product) readShared() error {
	folders, err := filepath.Glob(filepath.Join(p.root, "shared", "*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		files, err := parseFolder(folder)
		if err != nil {
			return err
		}
		p.readLines(files)
		if filepath.Base(folder) == "event" {
			p.Topics = constantsOf(files, "Topic")
		}
	}
	return nil
}

// readPlan reads what the local stack delivers: it and the cloud must not differ.
func (p *Product) readPlan() error {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.root, "emulators", "local", "plan.go"), nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "subscriptions" {
			return true
		}
		for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
			p.Pushes = append(p.Pushes, strings.Join(literalsOf(row), "-"))
		}
		return false
	})
	slices.Sort(p.Pushes)
	return nil
}

// variables are the env tags of a struct and of the structs of shared packages in it.
func (p *Product) variables(files []*ast.File, name string) ([]Variable, error) {
	fields, err := fieldsOf(files, name)
	if err != nil {
		return nil, err
	}
	var all []Variable
	for _, field := range fields {
		if text := tag(field, "env"); text != "" {
			variable, rest, _ := strings.Cut(text, ",")
			all = append(all, Variable{Name: variable, Default: strings.Contains(rest, "default=")})
			continue
		}
		inner, ok := field.Type.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		below, err := parseFolder(filepath.Join(p.root, "shared", inner.X.(*ast.Ident).Name))
		if err != nil {
			return nil, err
		}
		more, err := p.variables(below, inner.Sel.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// Properties are the JSON names of a struct of a package, those of embedded ones of the same package too.
func (p *Product) Properties(folder, name string) ([]string, error) {
	files, err := parseFolder(filepath.Join(p.root, filepath.FromSlash(folder)))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	if err := properties(files, name, names); err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return slices.Sorted(maps.Keys(names)), nil
}

func properties(files []*ast.File, name string, found map[string]bool) error {
	fields, err := fieldsOf(files, name)
	if err != nil {
		return err
	}
	for _, field := range fields {
		if text, _, _ := strings.Cut(tag(field, "json"), ","); text != "" {
			found[text] = true
			continue
		}
		if inner, ok := field.Type.(*ast.Ident); ok && len(field.Names) == 0 {
			if err := properties(files, inner.Name, found); err != nil {
				return err
			}
		}
	}
	return nil
}

func fieldsOf(files []*ast.File, name string) ([]*ast.Field, error) {
	var found *ast.StructType
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
				found, _ = spec.Type.(*ast.StructType)
			}
			return found == nil
		})
	}
	if found == nil {
		return nil, fmt.Errorf("no struct %s", name)
	}
	return found.Fields.List, nil
}

func tag(field *ast.Field, key string) string {
	if field.Tag == nil {
		return ""
	}
	text, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return ""
	}
	return reflect.StructTag(text).Get(key)
}

func selected(files []*ast.File) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch x := s.X.(type) {
			case *ast.Ident:
				names[x.Name+"."+s.Sel.Name] = true
			case *ast.SelectorExpr:
				names[x.Sel.Name+"."+s.Sel.Name] = true
			}
			return true
		})
	}
	return names
}

// logging are the methods of slog.Logger that the product calls.
var logging = []string{"Info", "Warn", "Error", "InfoContext", "WarnContext", "ErrorContext", "LogAttrs"}

// readLines reads the calls that log: the first text among their arguments is the message, the others are fields.
func (p *Product) readLines(files []*ast.File) {
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(logging, method.Sel.Name) {
				return true
			}
			var texts []string
			for _, argument := range call.Args {
				texts = append(texts, literalsOf(argument)...)
			}
			if len(texts) > 0 {
				p.Lines[texts[0]] = append(p.Lines[texts[0]], texts[1:]...)
			}
			return true
		})
	}
}

// constantsOf are the values of the constants of a type.
func constantsOf(files []*ast.File, typeName string) []string {
	var values []string
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == typeName {
				values = append(values, literalsOf(spec)...)
			}
			return true
		})
	}
	slices.Sort(values)
	return values
}

func literals(files []*ast.File) []string {
	var all []string
	for _, file := range files {
		all = append(all, literalsOf(file)...)
	}
	return all
}

func literalsOf(node ast.Node) []string {
	var all []string
	ast.Inspect(node, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}

// parseFolder parses the Go files of a folder without its tests; one without Go files gives none.
func parseFolder(folder string) ([]*ast.File, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}
