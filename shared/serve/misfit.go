package serve

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"timbre/shared/problem"
)

// misfits lists where a JSON tree does not fit the Go value behind the pointer v.
func misfits(tree, v any) []problem.Field {
	var m misfitter
	m.value("", tree, reflect.TypeOf(v).Elem())
	return m.found
}

type misfitter struct{ found []problem.Field }

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (m *misfitter) value(path string, tree any, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if tree == nil || t.Kind() == reflect.Interface || reflect.PointerTo(t).Implements(jsonUnmarshaler) {
		return
	}
	switch value := tree.(type) {
	case string:
		m.text(path, value, t)
	case map[string]any:
		m.object(path, value, t)
	case []any:
		m.list(path, value, t)
	default:
		m.leaf(path, tree, t)
	}
}

func (m *misfitter) object(path string, value map[string]any, t reflect.Type) {
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		m.wrong(path, t)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(value)) {
		inner := join(path, name)
		if t.Kind() == reflect.Map {
			m.value(inner, value[name], t.Elem())
		} else if field, known := fields(t)[name]; known {
			m.value(inner, value[name], field)
		} else {
			m.add(inner, "unknown-field", "El campo no existe.")
		}
	}
}

func (m *misfitter) list(path string, value []any, t reflect.Type) {
	if t.Kind() != reflect.Slice || t == reflect.TypeFor[[]byte]() {
		m.wrong(path, t)
		return
	}
	for i, item := range value {
		m.value(fmt.Sprintf("%s[%d]", path, i), item, t.Elem())
	}
}

// text is a leaf that the type itself may read, as a RUT.
func (m *misfitter) text(path, value string, t reflect.Type) {
	own, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	if !ok {
		m.leaf(path, value, t)
	} else if own.UnmarshalText([]byte(value)) != nil {
		m.add(path, "invalid-value", "El valor no es válido.")
	}
}

func (m *misfitter) leaf(path string, tree any, t reflect.Type) {
	probe := reflect.New(t).Interface()
	text, err := json.Marshal(tree)
	if err == nil && json.Unmarshal(text, probe) == nil {
		return
	}
	m.wrong(path, t)
}

func (m *misfitter) wrong(path string, t reflect.Type) {
	m.add(path, "wrong-type", "Se espera "+kindName(t)+".")
}

func (m *misfitter) add(path, code, detail string) {
	m.found = append(m.found, problem.Field{Path: path, Code: code, Detail: detail})
}

func kindName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[[]byte]():
		return "un texto en base64"
	case t.Kind() == reflect.String || reflect.PointerTo(t).Implements(textUnmarshaler):
		return "un texto"
	case t.Kind() == reflect.Bool:
		return "true o false"
	case t.Kind() == reflect.Slice:
		return "una lista"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		return "un objeto"
	}
	return "un número entero"
}

// fields are a struct's JSON names; those of embedded structs count as its own.
func fields(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(all, fields(f.Type))
		case name != "-" && name != "":
			all[name] = f.Type
		}
	}
	return all
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
