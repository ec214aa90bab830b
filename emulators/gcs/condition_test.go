package gcs_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"cloud.google.com/go/storage"
)

// verbs that take conditions, each as a call on an object.
var verbs = map[string]func(context.Context, *storage.ObjectHandle) error{
	"insert": func(ctx context.Context, o *storage.ObjectHandle) error {
		_, err := put(ctx, o, "new")
		return err
	},
	"get": func(ctx context.Context, o *storage.ObjectHandle) error {
		_, err := o.Attrs(ctx)
		return err
	},
	"read": func(ctx context.Context, o *storage.ObjectHandle) error {
		_, _, err := get(ctx, o)
		return err
	},
	"patch": func(ctx context.Context, o *storage.ObjectHandle) error {
		_, err := o.Update(ctx, storage.ObjectAttrsToUpdate{ContentType: "text/xml"})
		return err
	},
	"delete": func(ctx context.Context, o *storage.ObjectHandle) error { return o.Delete(ctx) },
}

const (
	done    = http.StatusOK
	failed  = http.StatusPreconditionFailed
	missing = http.StatusNotFound
	same    = http.StatusNotModified
)

// conditionCases say what each condition answers for an object of a known
// generation and metageneration 2, and for a name that is free. But for an
// insert, a free name is a 404 under any condition.
var conditionCases = []struct {
	name                 string
	of                   func(generation int64) storage.Conditions
	insert, read, change int // the object exists; change: patch and delete
	insertFree           int
}{
	{"does not exist", func(int64) storage.Conditions { return storage.Conditions{DoesNotExist: true} }, failed, failed, failed, done},
	{"generation", func(g int64) storage.Conditions { return storage.Conditions{GenerationMatch: g} }, done, done, done, failed},
	{"other generation", func(g int64) storage.Conditions { return storage.Conditions{GenerationMatch: g - 1} }, failed, failed, failed, failed},
	{"not this generation", func(g int64) storage.Conditions { return storage.Conditions{GenerationNotMatch: g} }, failed, same, failed, failed},
	{"not another generation", func(g int64) storage.Conditions { return storage.Conditions{GenerationNotMatch: g - 1} }, done, done, done, failed},
	{"metageneration", func(int64) storage.Conditions { return storage.Conditions{MetagenerationMatch: 2} }, done, done, done, failed},
	{"other metageneration", func(int64) storage.Conditions { return storage.Conditions{MetagenerationMatch: 1} }, failed, failed, failed, failed},
	{"not this metageneration", func(int64) storage.Conditions { return storage.Conditions{MetagenerationNotMatch: 2} }, failed, same, failed, failed},
	{"not another metageneration", func(int64) storage.Conditions { return storage.Conditions{MetagenerationNotMatch: 1} }, done, done, done, failed},
}

func TestConditions(t *testing.T) {
	t.Parallel()
	url := start(t, options()).URL()
	for form, c := range map[string]*storage.Client{"json": client(t, url), "plain": client(t, url, storage.WithXMLReads())} {
		for _, tt := range conditionCases {
			t.Run(form+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				want := map[string]int{"insert": tt.insert, "get": tt.read, "read": tt.read, "patch": tt.change, "delete": tt.change}
				if form == "plain" && tt.read == same {
					want["read"] = done // the client leaves "not match" out of plain reads
				}
				for verb, do := range verbs {
					o := c.Bucket(state).Object(form + tt.name + verb)
					checkPresent(t, o, want[verb], func(g int64) error { return do(t.Context(), o.If(tt.of(g))) })
				}
			})
			t.Run(form+" "+tt.name+", free name", func(t *testing.T) {
				t.Parallel()
				for verb, do := range verbs {
					o := c.Bucket(state).Object(form + tt.name + verb + "free")
					want := map[bool]int{true: tt.insertFree, false: missing}[verb == "insert"]
					if err := do(t.Context(), o.If(tt.of(7))); answered(err) != want {
						t.Errorf("%s: %v, want %d", verb, err, want)
					}
				}
			})
		}
	}
}

// checkPresent makes the object, calls, and sees that a refusal changed nothing.
func checkPresent(t *testing.T, o *storage.ObjectHandle, want int, call func(generation int64) error) {
	t.Helper()
	mustPut(t, o, "old")
	before, err := o.Update(t.Context(), storage.ObjectAttrsToUpdate{Metadata: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := call(before.Generation); answered(err) != want {
		t.Errorf("%s: %v, want %d", o.ObjectName(), err, want)
	}
	if want == done {
		return
	}
	after, err := o.Attrs(t.Context())
	if err != nil || after.Generation != before.Generation || after.Metageneration != before.Metageneration {
		t.Errorf("%s: a refused call changed %v to %v, %v", o.ObjectName(), before, after, err)
	}
}

// answered is the status in err; the client hides some 404 behind its own error.
func answered(err error) int {
	if errors.Is(err, storage.ErrObjectNotExist) {
		return missing
	}
	return status(err)
}

func TestPinnedGeneration(t *testing.T) {
	t.Parallel()
	o := client(t, start(t, options()).URL()).Bucket(state).Object("x")
	old := mustPut(t, o, "old").Generation
	current := mustPut(t, o, "new").Generation
	for _, verb := range []string{"get", "read", "patch", "delete"} { // in this order: delete is last
		for generation, want := range map[int64]int{old: missing, current: done} {
			if verb == "delete" && generation == old {
				continue
			}
			if err := verbs[verb](t.Context(), o.Generation(generation)); answered(err) != want {
				t.Errorf("%s of generation %d: %v, want %d", verb, generation, err, want)
			}
		}
	}
	if err := verbs["delete"](t.Context(), o.Generation(current)); answered(err) != missing {
		t.Errorf("second delete: %v, want 404", err)
	}
}

func TestMalformedConditions(t *testing.T) {
	t.Parallel()
	url := start(t, options()).URL()
	for _, query := range []string{"ifGenerationMatch=x", "ifMetagenerationNotMatch=1.5", "generation=", "ifGenerationMatch=%zz"} {
		r, err := http.Get(url + "/storage/v1/b/" + state + "/o/x?" + query)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil {
			t.Error(err)
		}
		want := map[bool]int{true: missing, false: http.StatusBadRequest}[query == "generation="]
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, r.StatusCode, want)
		}
	}
}
