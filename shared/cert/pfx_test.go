package cert_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/cert"
	"timbre/shared/golden"
	"timbre/shared/rut"
)

// now is when the fake PKI was made.
var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func readFile(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	b, err := os.ReadFile(golden.Reference(tb, append([]string{"testpki", "certs"}, parts...)...))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Every PFX of the fake PKI does what its README says is right.
func TestReadPFX(t *testing.T) {
	t.Parallel()
	const usual = "prueba123"
	tests := []struct {
		file, password string
		read, check    error
		rut            string
		bits           int
	}{
		{"a-legacy", usual, nil, nil, "49624463-K", 2048},
		{"a-modern", usual, nil, nil, "49624463-K", 2048},
		{"a-chain", usual, nil, nil, "49624463-K", 2048},
		{"b-legacy", usual, nil, nil, "49968026-0", 2048},
		{"b-modern", usual, nil, nil, "49968026-0", 2048},
		{"b-chain", usual, nil, nil, "49968026-0", 2048},
		{"c-legacy", usual, nil, nil, "49087569-7", 2048},
		{"c-modern", usual, nil, nil, "49087569-7", 2048},
		{"c-chain", usual, nil, nil, "49087569-7", 2048},
		{"x-expired", usual, nil, cert.ErrExpired, "", 2048},
		{"x-not-yet-valid", usual, nil, cert.ErrNotYetValid, "", 2048},
		{"x-ec", usual, cert.ErrNotRSA, nil, "", 0},
		{"x-rsa4096", usual, nil, nil, "", 4096},
		{"x-rsa1024-sha1", usual, nil, nil, "", 1024},
		{"x-unknown-password", usual, cert.ErrPassword, nil, "", 0},
		{"x-unknown-password", "otra-clave", nil, nil, "", 2048},
		{"x-empty-password", "", nil, nil, "", 2048},
		{"x-empty-password", usual, cert.ErrPassword, nil, "", 0},
		{"x-odd-password", "contraseña Ñandú €1", nil, nil, "", 2048},
		{"x-odd-password", "contrasena Nandu E1", cert.ErrPassword, nil, "", 0},
		{"x-odd-password", "😀", cert.ErrPassword, nil, "", 0},
		{"x-odd-password", "\xff", cert.ErrPassword, nil, "", 0},
		{"x-no-key", usual, cert.ErrNoKey, nil, "", 0},
		{"x-lower-k", usual, nil, nil, "", 2048},
		{"x-no-rut", usual, nil, cert.ErrNoRUT, "", 2048},
		{"x-rut-in-subject", usual, nil, nil, "", 2048},
		{"x-garbage", usual, cert.ErrUnreadable, nil, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.file+"/"+tt.password, func(t *testing.T) {
			t.Parallel()
			identity, err := cert.ReadPFX(readFile(t, tt.file+".pfx"), tt.password)
			if !errors.Is(err, tt.read) {
				t.Fatalf("ReadPFX: %v, want %v", err, tt.read)
			}
			if err != nil {
				return
			}
			checkIdentity(t, identity, tt.file, tt.bits)
			if err := identity.Check(now); !errors.Is(err, tt.check) {
				t.Errorf("Check: %v, want %v", err, tt.check)
			}
			if tt.rut != "" && identity.RUT.String() != tt.rut {
				t.Errorf("RUT %s, want %s", identity.RUT, tt.rut)
			}
		})
	}
	checkComplete(t, func(name string) bool {
		for _, tt := range tests {
			if tt.file == name {
				return true
			}
		}
		return false
	})
}

// checkComplete fails if the fake PKI has a PFX that no test reads.
func checkComplete(t *testing.T, tested func(string) bool) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(golden.Reference(t, "testpki", "certs"), "*.pfx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no PFX files: %v", err)
	}
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), ".pfx"); !tested(name) {
			t.Errorf("%s.pfx is not tested", name)
		}
	}
}

// checkIdentity compares an identity with the PEM beside its PFX, as crypto/x509 reads it.
func checkIdentity(t *testing.T, identity *cert.Identity, file string, bits int) {
	t.Helper()
	for _, kind := range []string{"-legacy", "-modern", "-chain"} {
		file = strings.TrimSuffix(file, kind)
	}
	block, _ := pem.Decode(readFile(t, file+".pem"))
	want, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	got := identity.Certificate
	type facts struct {
		Raw, Subject, Issuer string
		NotBefore, NotAfter  time.Time
	}
	if diff := cmp.Diff(
		facts{string(want.Raw), want.Subject.CommonName, want.Issuer.CommonName, want.NotBefore, want.NotAfter},
		facts{string(got.Raw), got.Subject, got.Issuer, got.NotBefore, got.NotAfter},
	); diff != "" {
		t.Errorf("certificate differs (-x509 +got):\n%s", diff)
	}
	key, ok := want.PublicKey.(interface{ Size() int })
	if !ok || key.Size()*8 != bits {
		t.Errorf("key is not RSA of %d bits", bits)
	}
}

func identityOf(tb testing.TB, name string) *cert.Identity {
	tb.Helper()
	identity, err := cert.ReadPFX(readFile(tb, name+".pfx"), "prueba123")
	if err != nil {
		tb.Fatal(err)
	}
	return identity
}

func TestRUT(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x-lower-k", "x-rut-in-subject"} {
		identity := identityOf(t, name)
		if identity.RUT.IsZero() {
			t.Errorf("%s: no RUT", name)
		}
		if name == "x-lower-k" && identity.RUT.Digit() != "K" {
			t.Errorf("%s: %s", name, identity.RUT)
		}
	}
}

func TestWithRUT(t *testing.T) {
	t.Parallel()
	given := rut.MustParse("76192083-9")
	none := identityOf(t, "x-no-rut")
	with, err := none.WithRUT(given)
	if err != nil || with.RUT != given || with.Check(now) != nil {
		t.Errorf("got %s, %v", with.RUT, err)
	}
	if !none.RUT.IsZero() {
		t.Error("WithRUT changed its receiver")
	}
	named := identityOf(t, "a-modern")
	if _, err := named.WithRUT(given); !errors.Is(err, cert.ErrOtherRUT) {
		t.Errorf("another RUT: %v", err)
	}
	if same, err := named.WithRUT(named.RUT); err != nil || same.RUT != named.RUT {
		t.Errorf("the same RUT: %v", err)
	}
}

// A key never reaches a log or an answer, however it is printed.
func TestRedacted(t *testing.T) {
	t.Parallel()
	identity := identityOf(t, "a-modern")
	held := struct{ I *cert.Identity }{identity}
	encoded, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		fmt.Sprint(identity), fmt.Sprintf("%v %+v %#v %s %d %x", *identity, identity, identity, identity, identity, *identity),
		fmt.Sprintf("%v %#v", struct{ I cert.Identity }{*identity}, struct{ I cert.Identity }{*identity}), string(encoded),
	} {
		if !strings.Contains(printed, "[redacted]") || len(printed) > 200 {
			t.Errorf("prints %q", printed)
		}
	}
}
