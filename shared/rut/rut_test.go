package rut_test

import (
	"encoding/json"
	"errors"
	"testing"

	"timbre/shared/rut"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in, want string
		err            error
	}{
		{"plain", "76192083-9", "76192083-9", nil},
		{"dots", "76.192.083-9", "76192083-9", nil},
		{"small k", "60803000-k", "60803000-K", nil},
		{"digit 0", "97975000-5", "97975000-5", nil},
		{"leading zeros", "076192083-9", "76192083-9", nil},
		{"blanks around", " 76192083-9 ", "76192083-9", nil},
		{"wrong digit", "76192083-8", "", rut.ErrDigit},
		{"no hyphen", "761920839", "", rut.ErrSyntax},
		{"empty", "", "", rut.ErrSyntax},
		{"zero", "0-0", "", rut.ErrSyntax},
		{"nine digits", "100000000-4", "", rut.ErrSyntax},
		{"letters", "7619a083-9", "", rut.ErrSyntax},
		{"sign", "+6192083-9", "", rut.ErrSyntax},
		{"two digits", "76192083-99", "", rut.ErrSyntax},
		{"arabic digits", "٧6192083-9", "", rut.ErrSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := rut.Parse(tt.in)
			if !errors.Is(err, tt.err) || got.String() != tt.want {
				t.Errorf("Parse(%q) = %q, %v; want %q, %v", tt.in, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var v struct{ R, Empty rut.RUT }
	if err := json.Unmarshal([]byte(`{"R":"76.192.083-9","Empty":""}`), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil || string(out) != `{"R":"76192083-9","Empty":""}` {
		t.Errorf("got %s, %v", out, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("76.192.083-9")
	f.Add("60803000-K")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := rut.Parse(s)
		if err != nil {
			return
		}
		if again, err := rut.Parse(r.String()); err != nil || again != r {
			t.Errorf("%q reads as %v, which reads as %v, %v", s, r, again, err)
		}
	})
}
