package supplier

import "path/filepath"

// SignAs signs as the person of a company of the world, for tests that write a customer's answers.
func SignAs(world, id, rut, uri, canonical string) (string, error) {
	s, err := loadSigner(filepath.Join(world, "certs", id), rut)
	if err != nil {
		return "", err
	}
	return s.signature(uri, canonical)
}
