package authority_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/pki"
	"timbre/emulators/sii/world"
)

func TestMadeWorldLoads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := authority.Make(dir, authority.Options{}); err != nil {
		t.Fatal(err)
	}
	w, err := world.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(w.Companies), 3; got != want {
		t.Errorf("companies: got %d, want %d", got, want)
	}
	if got, want := len(w.CAFs), 3*12; got != want {
		t.Errorf("CAFs: got %d, want %d", got, want)
	}
	for _, caf := range w.CAFs {
		if caf.Key.N.BitLen() != 512 || caf.Key.E != 3 || caf.From != 1 || caf.To != 1000 {
			t.Errorf("CAF %d of %s: %d bits, e=%d, %d-%d", caf.Type, caf.RUT, caf.Key.N.BitLen(), caf.Key.E, caf.From, caf.To)
		}
	}
	for _, c := range w.Companies {
		checkPFX(t, dir, w, c)
	}
	t.Run("form of a CAF", func(t *testing.T) { checkForm(t, dir) })
	if err := authority.Make(dir, authority.Options{}); !errors.Is(err, authority.ErrExists) {
		t.Errorf("second Make: got %v, want ErrExists", err)
	}
}

func checkPFX(t *testing.T, dir string, w *world.World, c world.Company) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "certs", c.ID+"-modern.pfx"))
	if err != nil {
		t.Fatal(err)
	}
	_, cert, err := pkcs12.Decode(data, authority.Password)
	if err != nil {
		t.Fatal(err)
	}
	if got := pki.SignerRUT(cert); got != c.Signer {
		t.Errorf("RUT of %s's signer: got %q, want %q", c.ID, got, c.Signer)
	}
	if err := w.Pool.Trust(cert, time.Now()); err != nil {
		t.Errorf("certificate of %s: %v", c.ID, err)
	}
	if err := w.Pool.Trust(cert, time.Now().AddDate(5, 0, 0)); !errors.Is(err, pki.ErrExpired) {
		t.Errorf("certificate of %s in five years: got %v, want ErrExpired", c.ID, err)
	}
}
