package demo

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// save leaves each document, and each envelope as sent, as a file of dir.
func (i *issuer) save(ctx context.Context, dir string, rows []row) (int, error) {
	if err := os.RemoveAll(dir); err != nil {
		return 0, fmt.Errorf("empty %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // documents to be looked at
		return 0, fmt.Errorf("make %s: %w", dir, err)
	}
	files := map[string]string{} // name → path of the API
	for _, r := range rows {
		company, _, _ := strings.Cut(r.ID, "/")
		files[fmt.Sprintf("DTE-%s-T%dF%d.xml", company, r.Type, r.Folio)] = "/v1/documents/" + r.ID + "/xml"
		if r.TrackID != nil {
			files[fmt.Sprintf("EnvioDTE-%s-%s.xml", company, *r.TrackID)] = "/v1/documents/" + r.ID + "/envelope"
		}
	}
	for name, path := range files {
		content, err := i.client.Call(ctx, http.MethodGet, path, nil)
		if err != nil {
			return 0, fmt.Errorf("fetch %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { //nolint:gosec // documents to be looked at
			return 0, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return len(files), nil
}
