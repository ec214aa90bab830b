package exchange_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/exchange"
	"timbre/shared/golden"
	"timbre/shared/rut"
)

var (
	chile    = time.FixedZone("CLST", -3*3600)
	signedAt = time.Date(2026, 11, 20, 10, 11, 12, 0, chile)
	supplier = rut.MustParse("99928793-K")
	company  = rut.MustParse("99923634-0")
)

func reference(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	content, err := os.ReadFile(golden.Reference(tb, parts...))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func sample(tb testing.TB, path string) []byte {
	tb.Helper()
	return reference(tb, "sii", "samples", filepath.FromSlash(path))
}

func identity(tb testing.TB, file string) *cert.Identity {
	tb.Helper()
	id, err := cert.ReadPFX(reference(tb, "testpki", "certs", file), "prueba123")
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func testKeys(tb testing.TB) caf.Keys {
	tb.Helper()
	key, err := caf.ParseKey(reference(tb, "testpki", "sii", "100.pub"))
	if err != nil {
		tb.Fatal(err)
	}
	return caf.Keys{caf.IDKCertificacion: key}
}

func read(tb testing.TB, text []byte) *exchange.File {
	tb.Helper()
	f, err := exchange.Read(text)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}
