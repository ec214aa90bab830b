package format

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"timbre/shared/amount"
)

// ErrJSON says that a text is not one JSON object.
var ErrJSON = errors.New("format: not a JSON object")

// ReadJSON makes a document from JSON with the SII's names, nested as in the XML. Members may come
// in any order; a single value stands for a list of one; false, null, empty texts and empty lists
// are absent; numbers, also those in strings, are read exactly and become minimal decimals.
//
// Everything that the table does not know is a finding with its path below base. The error is for
// what is no JSON object (ErrJSON).
func ReadJSON(root *Element, text []byte, base string) (*Node, []Finding, error) {
	r := &jsonReader{dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber()
	token, err := r.dec.Token()
	if err != nil || token != json.Delim('{') {
		return nil, nil, fmt.Errorf("%w: begins with %v: %w", ErrJSON, token, cmp.Or(err, errOther))
	}
	node := New(root)
	if err := r.object(node, start(base)); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%w: text after it", ErrJSON)
	}
	node.Prune()
	return node, r.findings, nil
}

// errOther says that the JSON is another value than an object.
var errOther = errors.New("another value")

type jsonReader struct {
	dec      *json.Decoder
	findings []Finding
}

// maxFindings bounds what a hostile document makes us remember; each of them refuses it.
const maxFindings = 1000

func (r *jsonReader) report(at *place, code Fault, e *Element) {
	if len(r.findings) >= maxFindings {
		return
	}
	r.findings = append(r.findings, Finding{Path: at.String(), Code: code, Detail: explain(code, e)})
}

// object reads the members of n; the opening brace is read.
func (r *jsonReader) object(n *Node, at *place) error {
	var seen uint64 // by order; no element has more than 64 children
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		def := n.Def.Child(name)
		if def == nil || def.Space != NamespaceSII {
			here := place{up: at, name: clip(name), index: -1}
			r.report(&here, UnknownField, nil)
			if err := r.skip(); err != nil {
				return err
			}
			continue
		}
		here := at.below(def, -1)
		if seen&(1<<def.order) != 0 {
			r.report(&here, Repeated, def)
		}
		seen |= 1 << def.order
		if err := r.member(n, def, here); err != nil {
			return err
		}
	}
	n.sort()
	_, err := r.dec.Token()
	return err
}

// member reads one value, or a list of them where the element may be repeated.
func (r *jsonReader) member(n *Node, def *Element, at place) error {
	token, err := r.dec.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('[') || !def.IsList() {
		if def.IsList() {
			at.index = 0
		}
		return r.value(n, def, &at, token)
	}
	for i := 0; r.dec.More(); i++ {
		if i == def.Max {
			at.index = -1
			r.report(&at, TooMany, def)
			return r.rest()
		}
		if token, err = r.dec.Token(); err != nil {
			return err
		}
		at.index = i
		if err := r.value(n, def, &at, token); err != nil {
			return err
		}
	}
	_, err = r.dec.Token()
	return err
}

// value reads what begins with token.
func (r *jsonReader) value(n *Node, def *Element, at *place, token json.Token) error {
	if token == nil || token == false {
		return nil
	}
	delim, nested := token.(json.Delim)
	if nested && delim == '{' && def.Type == nil {
		kid := &Node{Def: def}
		n.Kids = append(n.Kids, kid)
		return r.object(kid, at)
	}
	if nested {
		r.report(at, WrongShape, def)
		return r.rest()
	}
	if text, ok := token.(string); ok && strings.TrimSpace(text) == "" {
		return nil
	}
	text, fault := leafText(def, token)
	if fault != "" {
		r.report(at, fault, def)
		return nil
	}
	n.Kids = append(n.Kids, &Node{Def: def, Text: text})
	return nil
}

// leafText is the text of a value; numbers become minimal decimals.
func leafText(def *Element, token json.Token) (string, Fault) {
	if def.Type == nil {
		return "", WrongShape
	}
	text, isString := token.(string)
	if !isString {
		number, isNumber := token.(json.Number)
		if !isNumber {
			return "", WrongShape // true
		}
		text = number.String()
	}
	if isString && !def.Type.IsNumber() {
		return text, ""
	}
	if !def.Type.IsNumber() && !strings.ContainsAny(text, "eE") {
		return text, "" // a number where the format has a text, such as FolioRef
	}
	d, err := amount.Parse(strings.TrimSpace(text))
	switch {
	case errors.Is(err, amount.ErrRange):
		return "", TooManyDigits
	case err != nil:
		return text, ""
	}
	return d.String(), ""
}

// skip reads over one value.
func (r *jsonReader) skip() error {
	token, err := r.dec.Token()
	if err != nil {
		return err
	}
	if _, nested := token.(json.Delim); nested {
		return r.rest()
	}
	return nil
}

// rest reads to the end of an object or list that is open.
func (r *jsonReader) rest() error {
	for depth := 1; depth > 0; {
		token, err := r.dec.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// clip keeps hostile names out of paths.
func clip(name string) string {
	if r := []rune(name); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return name
}
