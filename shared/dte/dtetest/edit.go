package dtetest

import (
	"fmt"
	"strings"
)

// edit goes down a path such as Detalle[1]/Retenedor/IndAgente, making what is missing, and does
// something to its last name.
func edit(doc map[string]any, path string, do func(at map[string]any, name string)) error {
	names := strings.Split(path, "/")
	at := doc
	for _, word := range names[:len(names)-1] {
		next, err := down(at, word)
		if err != nil {
			return err
		}
		at = next
	}
	do(at, names[len(names)-1])
	return nil
}

// indexed parts Detalle[1] into name and index, -1 if there is none.
func indexed(word string) (string, int) {
	name, rest, found := strings.Cut(word, "[")
	index := -1
	if found {
		if _, err := fmt.Sscan(strings.TrimSuffix(rest, "]"), &index); err != nil {
			panic(err) // the fixtures are part of the tests
		}
	}
	return name, index
}

func down(at map[string]any, word string) (map[string]any, error) {
	name, index := indexed(word)
	if index < 0 {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		return next, nil
	}
	list := grown(at, name, index, map[string]any{})
	next, ok := list[index].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s holds no objects", name)
	}
	return next, nil
}

// grown is the list of that name with at least index+1 elements.
func grown(at map[string]any, name string, index int, fresh any) []any {
	list, _ := at[name].([]any)
	for len(list) <= index {
		list = append(list, fresh)
	}
	at[name] = list
	return list
}

func write(at map[string]any, word, text string) {
	name, index := indexed(word)
	if index < 0 {
		at[name] = text
		return
	}
	grown(at, name, index, "")[index] = text
}
