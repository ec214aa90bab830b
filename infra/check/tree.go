package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Tree is the infrastructure: its files by their path, as texts, so that tests can plant faults.
type Tree map[string]string

// ReadTree reads the .tf files of a folder and of its modules.
func ReadTree(folder string) (Tree, error) {
	t := Tree{}
	for _, pattern := range []string{"*.tf", "modules/*/*.tf"} {
		names, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			relative, err := filepath.Rel(folder, name)
			if err != nil {
				return nil, err
			}
			t[filepath.ToSlash(relative)] = string(text)
		}
	}
	return t, nil
}

// block is a top-level block with the file that it stands in.
type block struct {
	*hclsyntax.Block
	file string
}

// config is a tree that has been parsed.
type config struct {
	tree   Tree
	blocks []block
	// locals are those of the root module.
	locals map[string]hclsyntax.Expression
	// runbooks are the names of docs/runbooks without .md.
	runbooks []string
}

func parse(t Tree) (*config, error) {
	c := &config{tree: t, locals: map[string]hclsyntax.Expression{}}
	for name, text := range t {
		file, diagnostics := hclsyntax.ParseConfig([]byte(text), name, hcl.InitialPos)
		if diagnostics.HasErrors() {
			return nil, fmt.Errorf("parse %s: %w", name, diagnostics)
		}
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			c.blocks = append(c.blocks, block{b, name})
			if b.Type != "locals" || strings.Contains(name, "/") {
				continue
			}
			for key, attribute := range b.Body.Attributes {
				c.locals[key] = attribute.Expr
			}
		}
	}
	slices.SortFunc(c.blocks, func(a, b block) int {
		return strings.Compare(a.file+strings.Join(a.Labels, "."), b.file+strings.Join(b.Labels, "."))
	})
	return c, nil
}

// find gives the blocks of a type whose first label is kind, as resource, google_pubsub_topic.
func (c *config) find(blockType, kind string) []block {
	var found []block
	for _, b := range c.blocks {
		if b.Type == blockType && (kind == "" || b.Labels[0] == kind) {
			found = append(found, b)
		}
	}
	return found
}

// one gives the resource of a type and name.
func (c *config) one(kind, name string) (block, bool) {
	for _, b := range c.find("resource", kind) {
		if b.Labels[1] == name {
			return b, true
		}
	}
	return block{}, false
}

// source is the text of an expression.
func (c *config) source(e hclsyntax.Expression) string {
	r := e.Range()
	return c.tree[r.Filename][r.Start.Byte:r.End.Byte]
}

// attribute is the text of an attribute of a body, "" if it is not there.
func (c *config) attribute(b *hclsyntax.Body, name string) string {
	if a, found := b.Attributes[name]; found {
		return c.source(a.Expr)
	}
	return ""
}

// inner gives the blocks of a type in a body.
func inner(b *hclsyntax.Body, blockType string) []*hclsyntax.Body {
	var found []*hclsyntax.Body
	for _, child := range b.Blocks {
		if child.Type == blockType {
			found = append(found, child.Body)
		}
	}
	return found
}

// nested follows a path of blocks that must be there once each.
func nested(b *hclsyntax.Body, path ...string) (*hclsyntax.Body, bool) {
	for _, name := range path {
		next := inner(b, name)
		if len(next) != 1 {
			return nil, false
		}
		b = next[0]
	}
	return b, true
}

// keys are the keys of an object: written down, merged, chosen, or named by a local.
func (c *config) keys(e hclsyntax.Expression) []string {
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		var all []string
		for _, item := range e.Items {
			if key, diagnostics := item.KeyExpr.Value(nil); !diagnostics.HasErrors() && key.Type() == cty.String {
				all = append(all, key.AsString())
			}
		}
		return all
	case *hclsyntax.FunctionCallExpr:
		var all []string
		for _, argument := range e.Args {
			all = append(all, c.keys(argument)...)
		}
		return all
	case *hclsyntax.ConditionalExpr:
		return append(c.keys(e.TrueResult), c.keys(e.FalseResult)...)
	case *hclsyntax.ScopeTraversalExpr:
		if local, found := c.local(e); found {
			return c.keys(local)
		}
	}
	return nil
}

func (c *config) local(e *hclsyntax.ScopeTraversalExpr) (hclsyntax.Expression, bool) {
	if len(e.Traversal) != 2 || e.Traversal.RootName() != "local" {
		return nil, false
	}
	name, ok := e.Traversal[1].(hcl.TraverseAttr)
	if !ok {
		return nil, false
	}
	local, found := c.locals[name.Name]
	return local, found
}

// member is the value of a key of an object that is written down.
func (c *config) member(e hclsyntax.Expression, name string) (hclsyntax.Expression, bool) {
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			if key, diagnostics := item.KeyExpr.Value(nil); !diagnostics.HasErrors() && key.AsString() == name {
				return item.ValueExpr, true
			}
		}
	case *hclsyntax.ConditionalExpr:
		if found, ok := c.member(e.TrueResult, name); ok {
			return found, true
		}
		return c.member(e.FalseResult, name)
	}
	return nil, false
}

// value evaluates an expression of constants, locals and var.domain; domain "" is null.
func (c *config) value(e hclsyntax.Expression, domain string) (cty.Value, error) {
	d := cty.NullVal(cty.String)
	if domain != "" {
		d = cty.StringVal(domain)
	}
	locals := map[string]cty.Value{}
	scope := &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{"domain": d})},
		Functions: map[string]function.Function{"toset": stdlib.MakeToFunc(cty.Set(cty.String))},
	}
	for name, local := range c.locals {
		if v, diagnostics := local.Value(scope); !diagnostics.HasErrors() {
			locals[name] = v
		}
	}
	scope.Variables["local"] = cty.ObjectVal(locals)
	v, diagnostics := e.Value(scope)
	if diagnostics.HasErrors() {
		return cty.NilVal, diagnostics
	}
	return v, nil
}

// text is value where that is a string.
func (c *config) text(e hclsyntax.Expression, domain string) string {
	v, err := c.value(e, domain)
	if err != nil || v.Type() != cty.String || v.IsNull() {
		return ""
	}
	return v.AsString()
}

// texts is value where that is a list or set of strings.
func (c *config) texts(e hclsyntax.Expression) []string {
	v, err := c.value(e, "x.example")
	if err != nil || !v.CanIterateElements() {
		return nil
	}
	var all []string
	for it := v.ElementIterator(); it.Next(); {
		if _, element := it.Element(); element.Type() == cty.String {
			all = append(all, element.AsString())
		}
	}
	slices.Sort(all)
	return all
}
