package authority

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
	_ "time/tzdata" // Chile's calendar must exist in a container without zones
)

// Password opens every PFX of a made world.
const Password = "prueba123"

// Signer is the natural person whose certificate signs for a company.
type Signer struct {
	RUT  string `json:"rut"`
	Name string `json:"nombre"`
}

// Company is one row of companies.json.
type Company struct {
	ID          string `json:"id"`
	RUT         string `json:"rut"`
	Name        string `json:"razon_social"`
	Activity    string `json:"giro"`
	Acteco      int    `json:"acteco"`
	Address     string `json:"direccion"`
	Comuna      string `json:"comuna"`
	City        string `json:"ciudad"`
	FchResol    string `json:"fch_resol"`
	NroResol    int    `json:"nro_resol"`
	Signer      Signer `json:"firmante"`
	PFX         string `json:"pfx"`
	PFXPassword string `json:"pfx_password"`
}

// Options of a world; the zero value makes the usual one.
type Options struct {
	Companies []Company // default: three with accents, ñ, & and apostrophe
	Types     []int     // document types that get a CAF
	Folios    int       // CAFs cover 1 to Folios; default 1000
	Now       time.Time // default: the present
}

// cafTypes are the document types of the SII that use CAFs.
var cafTypes = []int{33, 34, 39, 41, 43, 46, 52, 56, 61, 110, 111, 112}

// ErrExists means that the folder already holds a world.
var ErrExists = errors.New("folder already holds a world")

// DefaultCompanies are the three companies of a world made without a list.
func DefaultCompanies() []Company {
	return []Company{
		company("a", 76400123, "Panadería Ñandú & Hijos Ltda.", "Elaboración y venta de pan", 107100,
			"Avda. Irarrázaval 2450", 15333111, "Inés Ñancupil Müller"),
		company("b", 77500456, "Ferretería O'Higgins y Cía. S.A.", "Ferretería, pinturas & vidrios", 475201,
			"Calle Copiapó 77", 12666222, "Matías D'Amico Peña"),
		company("c", 76900789, `Comercial "El Pingüino" de Artículos Eléctricos y Electrónicos SpA`, "Venta al por mayor", 466900,
			"Pasaje Ñuble 9", 10999333, "Ángela Núñez Güell"),
	}
}

// Make writes a new world into dir. It refuses a folder that has one.
func Make(dir string, o Options) error {
	if _, err := os.Stat(filepath.Join(dir, "companies.json")); err == nil {
		return fmt.Errorf("make world %s: %w", dir, ErrExists)
	}
	o = o.withDefaults()
	keys, err := newKeys(o)
	if err != nil {
		return fmt.Errorf("make world: %w", err)
	}
	files, err := keys.files()
	if err != nil {
		return fmt.Errorf("make world: %w", err)
	}
	if err := addCAFs(files, keys, o); err != nil {
		return fmt.Errorf("make world: %w", err)
	}
	// companies.json goes last: its presence says that the world is whole.
	list, err := json.MarshalIndent(keys.companies, "", " ")
	if err != nil {
		return fmt.Errorf("make world: %w", err)
	}
	if err := writeAll(dir, files); err != nil {
		return fmt.Errorf("make world: %w", err)
	}
	return writeFile(filepath.Join(dir, "companies.json"), append(list, '\n'))
}

func (o Options) withDefaults() Options {
	if o.Companies == nil {
		o.Companies = DefaultCompanies()
	}
	if o.Types == nil {
		o.Types = cafTypes
	}
	if o.Folios == 0 {
		o.Folios = 1000
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	return o
}

func addCAFs(files map[string][]byte, keys *keys, o Options) error {
	day, err := chileanDay(o.Now)
	if err != nil {
		return err
	}
	made := make([][]byte, len(keys.companies)*len(o.Types))
	err = together(len(made), func(i int) error {
		c, kind := keys.companies[i/len(o.Types)], o.Types[i%len(o.Types)]
		var err error
		made[i], err = writeCAF(keys.sii[100], CAFOrder{RUT: c.RUT, Name: c.Name, Type: kind, From: 1, To: o.Folios, Day: day, IDK: 100})
		return err
	})
	if err != nil {
		return err
	}
	for i, c := range keys.companies {
		for j, kind := range o.Types {
			files[cafPath(c.ID, kind, 1, o.Folios)] = made[i*len(o.Types)+j]
		}
	}
	return nil
}

// together runs n tasks side by side and joins their errors.
func together(n int, task func(i int) error) error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = task(i) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func cafPath(id string, kind, from, to int) string {
	return filepath.Join("caf", id, fmt.Sprintf("%d-%d-%d.xml", kind, from, to))
}

// chileanDay is the calendar day in Santiago: CAFs are dated by it.
func chileanDay(t time.Time) (string, error) {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return "", fmt.Errorf("load zone: %w", err)
	}
	return t.In(zone).Format(time.DateOnly), nil
}

func writeAll(dir string, files map[string][]byte) error {
	for name, data := range files {
		if err := writeFile(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write world: %w", err)
	}
	// Keys of a made world open nothing outside it, yet stay private by habit.
	return os.WriteFile(path, data, 0o600)
}

func company(id string, number int, name, activity string, acteco int, address string, signer int, signerName string) Company {
	return Company{
		ID: id, RUT: withDigit(number), Name: name, Activity: activity, Acteco: acteco,
		Address: address, Comuna: "Ñuñoa", City: "Santiago", FchResol: "2024-01-02", NroResol: 0,
		Signer: Signer{RUT: withDigit(signer), Name: signerName},
		PFX:    filepath.Join("certs", id+"-modern.pfx"), PFXPassword: Password,
	}
}

func serial(i int) string { return strconv.Itoa(i) }
