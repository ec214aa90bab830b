package sii_test

import (
	"errors"
	"net/http"
	"testing"

	"timbre/shared/sii"
)

func TestMailAgain(t *testing.T) {
	t.Parallel()
	const path = "/maullin.sii.cl/DTEWS/services/wsDTECorreo"
	tests := map[string]struct {
		state string
		want  error
		calls int
	}{
		"asked":        {"0", nil, 1},
		"not finished": {"114", sii.ErrNoMailYet, 1},
		"token dead":   {"104", sii.ErrTokenDead, 2},
		"unknown":      {"105", sii.ErrUnavailable, 1},
		"no state":     {"", sii.ErrUnavailable, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[path] = func(w http.ResponseWriter, _ *http.Request) {
				inner(w, "reenvioCorreo", "<SII:ESTADO>"+test.state+"</SII:ESTADO><SII:GLOSA>x</SII:GLOSA>", "")
			}
			err := session(f, memory()).MailAgain(t.Context(), company, "123")
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if got := f.count(path); got != test.calls {
				t.Errorf("%d calls, want %d", got, test.calls)
			}
		})
	}
}
