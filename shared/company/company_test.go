package company_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/store"
)

var (
	companyA = rut.MustParse("99928793-K")
	signerA  = rut.MustParse("49624463-K")
)

func put(t *testing.T, b *store.Bucket, c company.Company) {
	t.Helper()
	if _, err := b.CreateJSON(t.Context(), store.CompanyConfig(c.RUT), c, nil); err != nil {
		t.Fatal(err)
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	state := store.NewBucket(store.NewMemory())
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d := company.NewDirectory(state, func() time.Time { return now })
	if _, err := d.Load(t.Context(), companyA); !errors.Is(err, company.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	put(t, state, company.Company{RUT: companyA, RznSoc: "first", Active: store.Certificacion})
	name := func(load func() (*company.Company, error)) string {
		t.Helper()
		c, err := load()
		if err != nil {
			t.Fatal(err)
		}
		return c.RznSoc
	}
	cached := func() (*company.Company, error) { return d.Load(t.Context(), companyA) }
	if got := name(cached); got != "first" {
		t.Errorf("a company that was unknown a moment ago: %q", got)
	}
	rename := func(to string) {
		t.Helper()
		_, err := store.Update(t.Context(), state, store.CompanyConfig(companyA), func(c *company.Company) error {
			c.RznSoc = to
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	rename("second")
	if got := name(func() (*company.Company, error) { return d.Reload(t.Context(), companyA) }); got != "second" {
		t.Errorf("reloaded: %q", got)
	}
	rename("third")
	now = now.Add(30 * time.Second)
	if got := name(cached); got != "third" {
		t.Errorf("after thirty seconds: %q", got)
	}
	put(t, state, company.Company{RUT: rut.MustParse("99923634-0")})
	all, err := d.List(t.Context())
	if err != nil || len(all) != 2 || all[1] != companyA {
		t.Errorf("companies %v, %v", all, err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	c := company.Company{Active: store.Produccion}
	cases := map[string]struct {
		want store.Environment
		err  error
	}{
		"": {store.Produccion, nil}, "certificacion": {store.Certificacion, nil}, "produccion": {store.Produccion, nil},
		"Produccion": {"", company.ErrEnvironment}, "maullin": {"", company.ErrEnvironment},
	}
	for name, want := range cases {
		if got, err := c.Environment(name); got != want.want || !errors.Is(err, want.err) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if b := c.In(store.Certificacion); b == nil || b.Certificate != nil {
		t.Errorf("block that is not there: %+v", b)
	}
}

func TestCAFsOf(t *testing.T) {
	t.Parallel()
	b := company.Block{CAFs: []company.CAF{
		{Type: dte.Factura, From: 101, To: 200, Authorized: "2026-11-02", Expires: "2027-05-01"},
		{Type: dte.Boleta, From: 1, To: 50, Authorized: "2026-11-02"},
		{Type: dte.Factura, From: 1, To: 100, Authorized: "2026-05-02", Expires: "2026-11-01"},
	}}
	got := b.CAFsOf(dte.Factura)
	if len(got) != 2 || got[0].From != 1 || got[1].From != 101 {
		t.Fatalf("%+v", got)
	}
	if got[0].Overlaps(got[1]) || !got[0].Overlaps(company.CAF{Type: dte.Factura, From: 100, To: 101}) || got[0].Overlaps(b.CAFs[1]) {
		t.Error("overlaps")
	}
	usable := map[string][2]bool{
		"2026-05-01": {false, false}, "2026-05-02": {true, false}, "2026-11-01": {true, false},
		"2026-11-02": {false, true}, "2027-05-01": {false, true}, "2027-05-02": {false, false},
	}
	for day, want := range usable {
		if now := [2]bool{got[0].UsableOn(day), got[1].UsableOn(day)}; now != want {
			t.Errorf("%s: %v, want %v", day, now, want)
		}
	}
	if !b.CAFs[1].UsableOn("2099-01-01") {
		t.Error("a CAF that does not expire has expired")
	}
}

// TestJSON fixes how a configuration is stored.
func TestJSON(t *testing.T) {
	t.Parallel()
	c := company.Company{
		RUT: companyA, RznSoc: "Panadería Ñuñoa & Hijos Ltda.", GiroEmis: "Pan", Acteco: []string{"107100"},
		DirOrigen: "Irarrázaval 3000", CmnaOrigen: "Ñuñoa", Active: store.Certificacion, NamespaceForm: "both",
		Blocks: map[store.Environment]*company.Block{store.Certificacion: {
			FchResol: "2024-01-02",
			Certificate: &company.Certificate{
				Secret: company.Secret{Name: company.CertificateSecret(store.Certificacion, companyA), Version: "1"}, SHA256: "ab", Subject: "José", Signer: signerA,
				NotBefore: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2029, 1, 2, 0, 0, 0, 0, time.UTC),
			},
			CAFs: []company.CAF{{
				Secret: company.Secret{Name: company.CAFSecret(store.Certificacion, companyA, dte.Factura), Version: "2"}, Type: dte.Factura,
				From: 1, To: 100, First: 58, Authorized: "2026-11-02", Expires: "2027-05-01", SHA256: "cd",
			}},
		}},
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "company.json", append(text, '\n'))
	var back company.Company
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back, cmp.Comparer(func(a, b rut.RUT) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// counting counts the reads of secrets.
type counting struct {
	company.MemorySecrets
	reads int
}

func (c *counting) Access(ctx context.Context, name, version string) ([]byte, error) {
	c.reads++
	return c.MemorySecrets.Access(ctx, name, version)
}

func TestVault(t *testing.T) {
	t.Parallel()
	pfx, err := os.ReadFile(golden.Reference(t, "testpki", "certs", "a-modern.pfx"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(golden.Reference(t, "testpki", "caf", "a", "33-1-100.xml"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := company.ReadSIIKeys(golden.Reference(t, "testpki", "sii"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := &company.MemorySecrets{}
	content, err := company.EncodePFX(pfx, "prueba123")
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := company.EncodePFX(pfx, "otra-clave")
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, data []byte) company.Secret {
		t.Helper()
		version, err := secrets.Add(t.Context(), name, data)
		if err != nil {
			t.Fatal(err)
		}
		return company.Secret{Name: name, Version: version}
	}
	good, bad, odd := add("c", content), add("c", wrong), add("c", []byte("marker-of-a-secret"))
	stamp := add("f", file)
	vault := company.NewVault(secrets, keys)

	identity, err := vault.Identity(t.Context(), &company.Certificate{Secret: good, Signer: signerA})
	if err != nil {
		t.Fatal(err)
	}
	again, err := vault.Identity(t.Context(), &company.Certificate{Secret: good, Signer: signerA})
	if err != nil || again != identity || identity.RUT != signerA {
		t.Errorf("RUT %s, kept %v, %v", identity.RUT, again == identity, err)
	}
	if _, err := vault.Identity(t.Context(), &company.Certificate{Secret: good, Signer: companyA}); !errors.Is(err, cert.ErrOtherRUT) {
		t.Errorf("another signer: %v", err)
	}
	if _, err := vault.Identity(t.Context(), &company.Certificate{Secret: bad, Signer: signerA}); !errors.Is(err, cert.ErrPassword) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := vault.Identity(t.Context(), &company.Certificate{Secret: odd, Signer: signerA}); err == nil || strings.Contains(err.Error(), "marker") {
		t.Errorf("a secret of another form: %v", err)
	}
	if _, err := vault.Identity(t.Context(), &company.Certificate{Secret: company.Secret{Name: "c", Version: "9"}}); !errors.Is(err, company.ErrSecret) {
		t.Errorf("a version that is not there: %v", err)
	}
	c, err := vault.CAF(t.Context(), company.CAF{Secret: stamp})
	if err != nil || c.Issuer != companyA || c.To != 100 {
		t.Errorf("CAF %v, %v", c, err)
	}
	if _, err := company.NewVault(secrets, caf.SIIKeys()).CAF(t.Context(), company.CAF{Secret: stamp}); !errors.Is(err, caf.ErrFRMA) {
		t.Errorf("a CAF that the SII did not sign: %v", err)
	}
}

func TestPasswordsDoNotPrint(t *testing.T) {
	t.Parallel()
	secrets := &company.MemorySecrets{}
	version, err := secrets.Add(t.Context(), company.IMAPSecret(companyA), []byte("marker"))
	if err != nil {
		t.Fatal(err)
	}
	password, err := company.NewVault(secrets, nil).Password(t.Context(), company.Secret{Name: company.IMAPSecret(companyA), Version: version})
	if err != nil || string(password) != "marker" {
		t.Fatalf("%q, %v", string(password), err)
	}
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "password", password, "inside", struct{ P company.Password }{password})
	fmt.Fprintf(&out, "%v %s %q %x %#v %d", password, password, password, password, password, password)
	if strings.Contains(out.String(), "marker") || strings.Contains(out.String(), "6d61726b6572") || !strings.Contains(out.String(), "[redacted]") {
		t.Error(out.String())
	}
}

func TestVaultReadsASecretOnce(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(golden.Reference(t, "testpki", "caf", "a", "33-1-100.xml"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := company.ReadSIIKeys(golden.Reference(t, "testpki", "sii"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := &counting{}
	version, err := secrets.Add(t.Context(), "f", file)
	if err != nil {
		t.Fatal(err)
	}
	vault := company.NewVault(secrets, keys)
	for range 5 {
		if _, err := vault.CAF(t.Context(), company.CAF{Secret: company.Secret{Name: "f", Version: version}}); err != nil {
			t.Fatal(err)
		}
	}
	if secrets.reads != 1 {
		t.Errorf("%d reads of one version", secrets.reads)
	}
}

// TestVaultAfterASecretWasMadeAnew: the company was deleted and registered again, so that versions count from 1.
func TestVaultAfterASecretWasMadeAnew(t *testing.T) {
	t.Parallel()
	keys, err := company.ReadSIIKeys(golden.Reference(t, "testpki", "sii"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := &company.MemorySecrets{}
	vault := company.NewVault(secrets, keys)
	var refs []company.CAF
	for _, name := range []string{"33-1-100.xml", "34-1-100.xml"} {
		file, err := os.ReadFile(golden.Reference(t, "testpki", "caf", "a", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := secrets.Delete(t.Context(), "f"); err != nil {
			t.Fatal(err)
		}
		version, err := secrets.Add(t.Context(), "f", file)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, company.CAF{Secret: company.Secret{Name: "f", Version: version}, SHA256: fmt.Sprintf("%x", sha256.Sum256(file))})
		c, err := vault.CAF(t.Context(), refs[len(refs)-1])
		if err != nil || !strings.HasPrefix(name, c.Type.String()) {
			t.Errorf("%s opens as %+v, %v", name, c, err)
		}
	}
	if refs[0].Secret != refs[1].Secret {
		t.Errorf("versions %v and %v, want one name", refs[0].Secret, refs[1].Secret)
	}
	if c, err := company.NewVault(secrets, keys).CAF(t.Context(), refs[0]); err == nil {
		t.Errorf("another CAF was opened: %+v", c)
	}
}

func TestReadSIIKeys(t *testing.T) {
	t.Parallel()
	keys, err := company.ReadSIIKeys("")
	if err != nil || !keys[100].Equal(caf.SIIKeys()[100]) || !keys[300].Equal(caf.SIIKeys()[300]) {
		t.Errorf("the SII's own: %v", err)
	}
	if _, err := company.ReadSIIKeys(t.TempDir()); err == nil {
		t.Error("a folder without keys is taken")
	}
	pem, err := os.ReadFile(golden.Reference(t, "testpki", "sii", "100.pub"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "100.pub"), pem, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err = company.ReadSIIKeys(dir)
	if err != nil || keys[100].Equal(caf.SIIKeys()[100]) || !keys[300].Equal(caf.SIIKeys()[300]) {
		t.Errorf("one of two replaced: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "300.pub"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := company.ReadSIIKeys(dir); err == nil {
		t.Error("a broken key is taken")
	}
}
