package rut_test

import (
	"testing"

	"timbre/emulators/sii/rut"
)

func TestValid(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"76354771-K": true, "60803000-K": true, "97975000-5": true, "60910000-1": true,
		"100000-4": true, "1-9": true, "10-8": true, "99928793-K": true,
		"76354771-k": false, "76354771-1": false, "76.354.771-K": false, "076354771-K": false,
		"76354771K": false, "-K": false, "": false, "0-0": false,
	}
	for in, want := range tests {
		if got := rut.Valid(in); got != want {
			t.Errorf("Valid(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestNormal(t *testing.T) {
	t.Parallel()
	tests := map[string]string{"07880442-4": "7880442-4", "76.354.771-k": "76354771-K", " 1-9": "1-9"}
	for in, want := range tests {
		if got := rut.Normal(in); got != want {
			t.Errorf("Normal(%q) = %q, want %q", in, got, want)
		}
	}
}
