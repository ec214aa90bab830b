package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Company is one entry of a world's companies.json.
type Company struct {
	ID          string `json:"id"`
	RUT         string `json:"rut"`
	RznSoc      string `json:"razon_social"`
	Giro        string `json:"giro"`
	Acteco      int    `json:"acteco"`
	Direccion   string `json:"direccion"`
	Comuna      string `json:"comuna"`
	Ciudad      string `json:"ciudad"`
	FchResol    string `json:"fch_resol"`
	NroResol    int    `json:"nro_resol"`
	PFX         string `json:"pfx"`
	PFXPassword string `json:"pfx_password"`
	// MailSII is where the fake SII sends result mails; empty: its own choice.
	MailSII string `json:"mail_sii"`

	// mailbox is where they arrive, nil if there is none.
	mailbox *mailbox
}

// readCompanies reads a world's companies.
func readCompanies(world string) ([]Company, error) {
	text, err := os.ReadFile(filepath.Join(world, "companies.json"))
	if err != nil {
		return nil, fmt.Errorf("read the world: %w", err)
	}
	var all []Company
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("read the companies of world %s: %w", world, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("world %s has no company", world)
	}
	return all, nil
}

// onboard makes a company known to the product as its operator would; doing it again is harmless.
func (c Company) onboard(ctx context.Context, client *Client, world string) error {
	path := "/v1/companies/" + c.RUT
	config := map[string]any{
		"RznSoc": c.RznSoc, "GiroEmis": c.Giro, "Acteco": []string{strconv.Itoa(c.Acteco)},
		"DirOrigen": c.Direccion, "CmnaOrigen": c.Comuna, "CiudadOrigen": c.Ciudad, "active": "certificacion",
		"certificacion": map[string]any{"FchResol": c.FchResol, "NroResol": c.NroResol},
	}
	if c.mailbox != nil {
		settings, err := c.mailbox.settings()
		if err != nil {
			return err
		}
		config["intercambio"] = settings
	}
	answer, err := client.Call(ctx, http.MethodPut, path, config)
	if err != nil {
		return err
	}
	if err := c.mailbox.tell(ctx, client, path, answer); err != nil {
		return err
	}
	pfx, err := os.ReadFile(filepath.Join(world, c.PFX))
	if err != nil {
		return fmt.Errorf("read the certificate of %s: %w", c.ID, err)
	}
	certificate := map[string]any{"pfx": pfx, "password": c.PFXPassword}
	if _, err := client.Call(ctx, http.MethodPut, path+"/certificate", certificate); err != nil {
		return err
	}
	cafs, err := c.cafs(world)
	if err != nil {
		return err
	}
	for _, file := range cafs {
		if _, err := client.Call(ctx, http.MethodPost, path+"/cafs", file.content); err != nil {
			return fmt.Errorf("%s: %w", file.path, err)
		}
	}
	return nil
}

// cafFile is a CAF with the folios that its name and content tell.
type cafFile struct {
	path, kind string
	from, to   int
	content    []byte
}

// cafs reads a company's CAFs; of those that overlap the widest is kept.
func (c Company) cafs(world string) ([]cafFile, error) {
	paths, err := filepath.Glob(filepath.Join(world, "caf", c.ID, "*.xml"))
	if err != nil {
		return nil, err
	}
	var all []cafFile
	for _, path := range paths {
		file, err := readCAF(path)
		if err != nil {
			return nil, err
		}
		all = append(all, file)
	}
	slices.SortStableFunc(all, func(a, b cafFile) int { return (b.to - b.from) - (a.to - a.from) })
	var kept []cafFile
	for _, file := range all {
		if !slices.ContainsFunc(kept, file.overlaps) {
			kept = append(kept, file)
		}
	}
	return kept, nil
}

func (f cafFile) overlaps(o cafFile) bool {
	return f.kind == o.kind && f.from <= o.to && o.from <= f.to
}

var folioRange = regexp.MustCompile(`<TD>\s*(\d+)\s*</TD>\s*<RNG>\s*<D>\s*(\d+)\s*</D>\s*<H>\s*(\d+)\s*</H>`)

func readCAF(path string) (cafFile, error) {
	content, err := os.ReadFile(path) //nolint:gosec // a file of the world that the user named
	if err != nil {
		return cafFile{}, fmt.Errorf("read a CAF: %w", err)
	}
	found := folioRange.FindSubmatch(bytes.TrimSpace(content))
	if found == nil {
		return cafFile{}, fmt.Errorf("%s names no folios", path)
	}
	from, errFrom := strconv.Atoi(string(found[2]))
	to, errTo := strconv.Atoi(string(found[3]))
	if errFrom != nil || errTo != nil {
		return cafFile{}, fmt.Errorf("%s names no folios", path)
	}
	return cafFile{path: path, kind: string(found[1]), from: from, to: to, content: content}, nil
}
