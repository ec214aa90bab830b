package caf

import "encoding/base64"

// SecretForms are the ways in which a careless print would show the private key.
func (c *CAF) SecretForms() []string {
	var forms []string
	for _, n := range append(c.private.Primes, c.private.D) {
		forms = append(forms, n.String(), n.Text(16), base64.StdEncoding.EncodeToString(n.Bytes())[:40])
	}
	return forms
}
