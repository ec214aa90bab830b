// Package world reads the folder that tells the simulator who exists: companies
// and their resolutions, signers, CAFs, the SII's CAF keys and the authorities
// of certificates. The layout is that of package authority.
package world

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"timbre/emulators/sii/pki"
	"timbre/emulators/sii/rut"
)

// Resolution is the SII's authorization of a company in one environment
// (carátula FchResol and NroResol).
type Resolution struct {
	Date   string `json:"fch_resol"`
	Number int    `json:"nro_resol"`
}

// Company is a registered issuer.
type Company struct {
	ID            string
	RUT           string
	Name          string
	Actecos       []int
	Branches      []int // CdgSIISucur; empty: not known
	Certification Resolution
	Production    *Resolution // nil: not authorized in production
	Signer        string      // RUT of its firmante
	Mail          string      // "Mail Contacto SII"; empty: the simulator makes one up
}

// World is everything that the simulator knows before the first request.
type World struct {
	Companies []Company
	Pool      pki.Pool
	SIIKeys   map[int]*rsa.PublicKey // by IDK
	CAFs      []CAF
}

// ErrIncomplete means that a folder lacks a part that every world has.
var ErrIncomplete = errors.New("world is incomplete")

type companyFile struct {
	ID       string `json:"id"`
	RUT      string `json:"rut"`
	Name     string `json:"razon_social"`
	Acteco   int    `json:"acteco"`
	FchResol string `json:"fch_resol"`
	NroResol int    `json:"nro_resol"`
	Signer   struct {
		RUT string `json:"rut"`
	} `json:"firmante"`
	Production *Resolution `json:"produccion"`
	Mail       string      `json:"mail_sii"`
	Branches   []int       `json:"sucursales"`
}

// Load reads a world folder.
func Load(dir string) (*World, error) {
	w := &World{SIIKeys: map[int]*rsa.PublicKey{}}
	for _, step := range []func(string) error{w.loadCompanies, w.loadPool, w.loadSIIKeys, w.loadCAFs} {
		if err := step(dir); err != nil {
			return nil, fmt.Errorf("load world %s: %w", dir, err)
		}
	}
	return w, nil
}

func (w *World) loadCompanies(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "companies.json"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	var rows []companyFile
	if err := json.Unmarshal(data, &rows); err != nil {
		return fmt.Errorf("companies.json: %w", err)
	}
	for _, row := range rows {
		if !rut.Valid(row.RUT) || !rut.Valid(row.Signer.RUT) {
			return fmt.Errorf("companies.json: %s: invalid RUT %q or %q", row.ID, row.RUT, row.Signer.RUT)
		}
		w.Companies = append(w.Companies, row.company())
	}
	return nil
}

func (row companyFile) company() Company {
	c := Company{
		ID: row.ID, RUT: row.RUT, Name: row.Name, Signer: row.Signer.RUT, Production: row.Production, Mail: row.Mail, Branches: row.Branches,
		Certification: Resolution{Date: row.FchResol, Number: row.NroResol},
	}
	if row.Acteco != 0 {
		c.Actecos = []int{row.Acteco}
	}
	return c
}

func (w *World) loadPool(dir string) error {
	roots, err := certificates(filepath.Join(dir, "ca", "root.pem"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	w.Pool.Roots = roots
	w.Pool.Intermediates, err = certificates(filepath.Join(dir, "ca", "intermediate.pem"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func certificates(path string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return pki.ParsePEM(data)
}

// loadSIIKeys reads sii/<IDK>.pub: 100 must exist, 300 only matters to production.
func (w *World) loadSIIKeys(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "sii", "*.pub"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		idk, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".pub"))
		if err != nil {
			return fmt.Errorf("sii key %s: name is not an IDK", path)
		}
		if w.SIIKeys[idk], err = publicKey(path); err != nil {
			return fmt.Errorf("sii key %s: %w", path, err)
		}
	}
	if w.SIIKeys[100] == nil {
		return fmt.Errorf("%w: no sii/100.pub", ErrIncomplete)
	}
	return nil
}

func publicKey(path string) (*rsa.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return key, nil
}
