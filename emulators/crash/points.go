package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Point is a place where a process is killed: before a call leaves it, or after the call is done, so that
// the process never sees the answer. Names are "function before|after what", where what is the verb and the
// first part of the object's name ("create claims", "create archive dte"), or "upload" and "query" to the SII.
type Point struct {
	Function string
	After    bool
	What     string
}

func (p Point) String() string {
	phase := "before"
	if p.After {
		phase = "after"
	}
	return p.Function + " " + phase + " " + p.What
}

// writes are the calls of each function that a death may come before or after.
var writes = map[string][]string{
	"generate-sign": {
		"create due", "create claims", "create req", "create archive dte", "create outbox", "create doc",
		"create freed", "replace claims", "delete freed", "replace marks", "delete due",
	},
	"send": {
		"create envelopes", "replace doc", "create archive envelopes", "replace envelopes", "upload", "create due",
		"create archive evidence", "delete outbox", "delete due", "query",
	},
	"notify": {
		"replace heads", "create log", "create logged", "create delivered", "create due", "delete due",
	},
	"poll-status": {
		"query", "replace envelopes", "create archive evidence", "create due", "replace doc", "delete due",
	},
}

// Points are all named points, or those of them that are asked for.
func Points(only []string) ([]Point, error) {
	var all []Point
	for _, function := range slices.Sorted(maps.Keys(writes)) {
		for _, what := range writes[function] {
			all = append(all, Point{function, false, what}, Point{function, true, what})
		}
	}
	if len(only) == 0 {
		return all, nil
	}
	var chosen []Point
	for _, name := range only {
		n := slices.IndexFunc(all, func(p Point) bool { return p.String() == strings.TrimSpace(name) })
		if n < 0 {
			return nil, fmt.Errorf("crash: no point %q", name)
		}
		chosen = append(chosen, all[n])
	}
	return chosen, nil
}
