package serve_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/serve"
)

type base struct {
	Common string `json:"common"`
}

type sample struct {
	base
	Name  string            `json:"name"`
	Count int               `json:"count"`
	Wide  int64             `json:"wide"`
	Flag  *bool             `json:"flag"`
	Data  []byte            `json:"data"`
	RUT   rut.RUT           `json:"rut"`
	At    *time.Time        `json:"at"`
	Items []item            `json:"items"`
	Tags  map[string]string `json:"tags"`
	Any   any               `json:"any"`
	Inner *item             `json:"inner"`
}

type item struct {
	Price int `json:"price"`
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	var got sample
	text := `{"common":"c","name":"ñ","count":3,"wide":9999999999,"flag":true,"data":"aGk=","rut":"76.192.083-9",
		"at":"2026-11-23T10:00:00-03:00","items":[{"price":1},{"price":2}],"tags":{"a":"b"},"any":[1,{"x":null}],"inner":null}`
	if err := serve.DecodeJSON([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.Common != "c" || got.Name != "ñ" || got.Wide != 9999999999 || string(got.Data) != "hi" || got.RUT.String() != "76192083-9" || got.Items[1].Price != 2 {
		t.Errorf("%+v", got)
	}
}

func TestDecodeJSONListsAllMisfits(t *testing.T) {
	t.Parallel()
	text := `{"Name":"x","name":3,"count":1.5,"wide":1e99,"flag":"yes","data":"not base64!","rut":7,"items":[{"price":1,"cost":2},3,{"price":"x"}],"inner2":1,
		"tags":{"a":1},"inner":[],"common":{"deep":1}}`
	err := serve.DecodeJSON([]byte(text), &sample{})
	var p *problem.Error
	if !errors.As(err, &p) || p.Code != problem.InvalidRequest {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range p.Errors {
		got[f.Path] = f.Code
	}
	want := map[string]string{
		"Name": "unknown-field", "name": "wrong-type", "count": "wrong-type", "wide": "wrong-type", "flag": "wrong-type",
		"data": "wrong-type", "rut": "wrong-type", "items[0].cost": "unknown-field", "items[1]": "wrong-type", "items[2].price": "wrong-type", "inner2": "unknown-field",
		"tags.a": "wrong-type", "inner": "wrong-type", "common": "wrong-type",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadJSONRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		media, text string
		code        problem.Code
	}{
		"empty":              {"application/json", "", problem.UnreadableBody},
		"cut":                {"application/json", `{"name":`, problem.UnreadableBody},
		"two values":         {"application/json", `{} {}`, problem.UnreadableBody},
		"not an object":      {"application/json", `[1]`, problem.InvalidRequest},
		"bad UTF-8":          {"application/json", "{\"name\":\"\xf1\"}", problem.UnreadableBody},
		"bad RUT":            {"application/json", `{"rut":"1-1"}`, problem.InvalidRequest},
		"too deep":           {"application/json", strings.Repeat(`[`, 100_000), problem.UnreadableBody},
		"form":               {"application/x-www-form-urlencoded", `{}`, problem.UnsupportedMediaType},
		"Latin-1":            {"application/json; charset=iso-8859-1", `{}`, problem.UnsupportedMediaType},
		"broken media type":  {"application/json; ;;", `{}`, problem.UnsupportedMediaType},
		"right, for control": {"application/json; charset=UTF-8", `{}`, ""},
		"no media type":      {"", `{}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.text))
			r.Header.Set("Content-Type", c.media)
			err := serve.ReadJSON(httptest.NewRecorder(), r, 1<<20, &sample{})
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, problem.New(c.code, "")) {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// FuzzDecodeJSON makes sure that nothing that is sent panics, and that what is taken is JSON.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"x","items":[{"price":1}]}`, `[`, `{"any":{"a":[1,2,{}]}}`, `{"tags":{"":""}}`, "{\"name\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := serve.DecodeJSON(text, &sample{})
		if err == nil && !json.Valid(text) {
			t.Errorf("took %q", text)
		}
		if err != nil && problem.Of(err).Code.Status() >= http.StatusInternalServerError {
			t.Errorf("%q: %v", text, err)
		}
	})
}
