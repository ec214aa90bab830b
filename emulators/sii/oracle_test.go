package sii_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The oracle, a third hand's program, passes what the tests' own signer makes in
// a made world: worlds and signer are sound, not only agreed with the simulator.
func TestOraclePassesOurEnvelopes(t *testing.T) {
	t.Parallel()
	if os.Getenv("WITNESS") != "1" {
		t.Skip("starts Python; runs with WITNESS=1")
	}
	script := reference(t, "oracle", "verify_dte.py")
	b := newBench(t)
	data := b.envelopeOf(b.invoice(1), b.exemptInvoice(1), b.note(61, 1, 33, 1, 1), b.note(56, 1, 61, 1, 1)).write(t)
	boletas := b.boletasOf(b.boleta(1), b.boleta(2)).write(t)
	for name, data := range map[string][]byte{"envio.xml": data, "boletas.xml": boletas} {
		wantAccepted(t, b.send(b.company.RUT, data))
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		output, err := exec.CommandContext(t.Context(), "/usr/bin/python3", script, "-q", "--caf-keys", filepath.Join(b.world, "sii"), path).CombinedOutput()
		if err != nil {
			t.Errorf("oracle: %v\n%s", err, output)
		}
		t.Logf("oracle says of %s:\n%s", name, output)
	}
}
