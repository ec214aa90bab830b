package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"timbre/emulators/sii/authority"
	"timbre/shared/golden"
)

// firm is a company of a world.
type firm struct {
	ID, RUT     string
	RznSoc      string `json:"razon_social"`
	Giro        string
	Acteco      int
	Direccion   string
	Comuna      string
	Ciudad      string
	FchResol    string `json:"fch_resol"`
	NroResol    int    `json:"nro_resol"`
	PFX         string
	PFXPassword string `json:"pfx_password"`
}

// worldOf is the reference folder's fake PKI with all its forms of PFX, else a throw-away world.
func worldOf(t *testing.T) (string, []firm, []string) {
	t.Helper()
	world, forms := filepath.Join(golden.ReferenceDir(), "testpki"), []string{"legacy", "modern", "chain"}
	if _, err := os.Stat(world); err != nil {
		t.Logf("no %s: only the modern form of PFX is tried, on a throw-away world", world)
		world, forms = t.TempDir(), []string{"modern"}
		check(t, authority.Make(world, authority.Options{Types: []int{33, 34, 56, 61}, Folios: 100}))
	}
	var firms []firm
	check(t, json.Unmarshal(file(t, world, "companies.json"), &firms))
	return world, firms, forms
}

func file(t *testing.T, parts ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	check(t, err)
	return content
}

func (s *stack) onboard(t *testing.T, world string, f firm) {
	t.Helper()
	s.register(t, f)
	for _, kind := range []string{"33", "34", "56", "61"} {
		files, err := filepath.Glob(filepath.Join(world, "caf", f.ID, kind+"-1-100*.xml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("world %s has no CAF of type %s: %v", world, kind, err)
		}
		s.call(t, "onboard", http.MethodPost, "/v1/companies/"+f.RUT+"/cafs", file(t, files[0]))
	}
}

func (s *stack) register(t *testing.T, f firm) {
	t.Helper()
	s.call(t, "onboard", http.MethodPut, "/v1/companies/"+f.RUT, map[string]any{
		"RznSoc": f.RznSoc, "GiroEmis": f.Giro, "Acteco": []string{strconv.Itoa(f.Acteco)}, "DirOrigen": f.Direccion,
		"CmnaOrigen": f.Comuna, "CiudadOrigen": f.Ciudad, "active": "certificacion", "certificacion": map[string]any{"FchResol": f.FchResol, "NroResol": f.NroResol},
	})
}

func (s *stack) certify(t *testing.T, world string, f firm, form string) {
	t.Helper()
	pfx := file(t, world, "certs", f.ID+"-"+form+".pfx")
	s.call(t, "onboard", http.MethodPut, "/v1/companies/"+f.RUT+"/certificate", map[string]any{"pfx": pfx, "password": f.PFXPassword})
}

func factura(kind int) map[string]any {
	return map[string]any{
		"Encabezado": map[string]any{
			"IdDoc": map[string]any{"TipoDTE": kind, "FmaPago": 1},
			"Receptor": map[string]any{
				"RUTRecep": "60803000-K", "RznSocRecep": "Señor D'Amico & Cía. \"Ñuble\"", "GiroRecep": "Gobierno",
				"DirRecep": "Teatinos 120", "CmnaRecep": "Santiago",
			},
		},
		"Detalle": []map[string]any{{"NmbItem": "Pan d'azúcar & \"harina\"", "QtyItem": 3, "PrcItem": 1350}},
	}
}

// TestFirstLight goes from JSON to "accepted" for every company with every form of PFX, over real HTTP
// and the official Google clients; each exempt, and an annulled invoice beside it.
func TestFirstLight(t *testing.T) {
	world, firms, forms := worldOf(t)
	s := startStack(t, world)
	var issued []shown
	for _, f := range firms {
		for i, form := range forms {
			if i == 0 {
				s.onboard(t, world, f)
			}
			s.certify(t, world, f, form)
			issued = append(issued, s.issue(t, f.ID+form, f.RUT, factura(33)))
		}
		issued = append(issued, s.issue(t, f.ID+"exempt", f.RUT, factura(34)))
		note, annulled := factura(61), issued[len(issued)-2]
		note["Referencia"] = map[string]any{
			"NroLinRef": 1, "TpoDocRef": 33, "FolioRef": annulled.Folio, "FchRef": annulled.IssueDate, "CodRef": 1, "RazonRef": "Anula",
		}
		issued = append(issued, s.issue(t, f.ID+"note", f.RUT, note))
	}
	for _, d := range issued {
		if got := s.verdict(t, d.ID); got.Status != "accepted" || got.TrackID == nil {
			t.Errorf("%s is %s, the SII said %s", d.ID, got.Status, got.SII)
		}
	}
	s.nothingOverwritten(t)
	s.simulatorAgrees(t, issued)
}

func (s *stack) nothingOverwritten(t *testing.T) {
	t.Helper()
	stats := s.gcs.Stats()
	for _, name := range []string{"overwritten", "patched", "deleted", "retention_denied"} {
		if n := stats.Get("timbre-archive", name); n != 0 {
			t.Errorf("archive: %d %s", n, name)
		}
	}
	if stats.Get("timbre-archive", "created") == 0 {
		t.Error("archive: nothing was created")
	}
}

// simulatorAgrees compares with the fake SII's own registry: each document once, none rejected.
func (s *stack) simulatorAgrees(t *testing.T, issued []shown) {
	t.Helper()
	answer, err := http.Get(s.sii.ControlURL + "/_control/documents") //nolint:noctx // the test's own server
	check(t, err)
	defer answer.Body.Close() //nolint:errcheck // decoded below
	var registry []struct {
		Issuer, State string
		Type          int
		Folio         int64
	}
	check(t, json.NewDecoder(answer.Body).Decode(&registry))
	states := map[string]string{}
	for _, d := range registry {
		id := fmt.Sprintf("%s/%d/%d", d.Issuer, d.Type, d.Folio)
		if states[id] != "" {
			t.Errorf("the SII holds %s twice", id)
		}
		states[id] = d.State
	}
	for _, d := range issued {
		if states[d.ID] != "DOK" {
			t.Errorf("the SII holds %s as %q", d.ID, states[d.ID])
		}
	}
	if len(registry) != len(issued) {
		t.Errorf("the SII holds %d documents, %d were issued", len(registry), len(issued))
	}
}
