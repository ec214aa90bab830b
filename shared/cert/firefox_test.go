package cert_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"timbre/shared/cert"
)

// What Firefox exports is BER inside and outside. Its 600,000 iterations make this slow: one file by
// default, both with WITNESS set.
func TestReadPFXFirefox(t *testing.T) {
	t.Parallel()
	files := []string{"firefox-modern.pfx"}
	if os.Getenv("WITNESS") != "" {
		files = append(files, "firefox-legacy.pfx")
	}
	for _, name := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pfx, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := pkcs12.DecodeChain(pfx, "prueba123"); err == nil {
				t.Error("the library reads BER now")
			}
			identity, err := cert.ReadPFX(pfx, "prueba123")
			if err != nil || identity.RUT.String() != "49624463-K" {
				t.Errorf("got %v", err)
			}
			if _, err := cert.ReadPFX(pfx, "prueba124"); !errors.Is(err, cert.ErrPassword) {
				t.Errorf("wrong password: %v", err)
			}
		})
	}
}
