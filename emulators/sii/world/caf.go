package world

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding/charmap"
)

// CAF is an authorization of folios (Código de Autorización de Folios).
type CAF struct {
	RUT      string
	Name     string
	Type     int
	From, To int
	Date     string // FA, AAAA-MM-DD
	IDK      int
	Key      *rsa.PublicKey // RSAPK
}

// Covers says whether the CAF authorizes a folio.
func (c CAF) Covers(rut string, kind, folio int) bool {
	return c.RUT == rut && c.Type == kind && c.From <= folio && folio <= c.To
}

// ParseCAF reads the CAF element of a file or of a TED.
func ParseCAF(el *etree.Element) (CAF, error) {
	da := el.SelectElement("DA")
	if da == nil {
		return CAF{}, fmt.Errorf("CAF without DA")
	}
	text := func(path string) string {
		if found := da.FindElement(path); found != nil {
			return strings.TrimSpace(found.Text())
		}
		return ""
	}
	caf := CAF{RUT: text("RE"), Name: text("RS"), Date: text("FA")}
	for path, to := range map[string]*int{"TD": &caf.Type, "RNG/D": &caf.From, "RNG/H": &caf.To, "IDK": &caf.IDK} {
		n, err := strconv.Atoi(text(path))
		if err != nil {
			return CAF{}, fmt.Errorf("CAF: %s is not a number", path)
		}
		*to = n
	}
	key, err := cafKey(text("RSAPK/M"), text("RSAPK/E"))
	caf.Key = key
	return caf, err
}

func cafKey(modulus, exponent string) (*rsa.PublicKey, error) {
	n, err := base64.StdEncoding.DecodeString(modulus)
	if err != nil {
		return nil, fmt.Errorf("CAF: RSAPK/M: %w", err)
	}
	e, err := base64.StdEncoding.DecodeString(exponent)
	if err != nil {
		return nil, fmt.Errorf("CAF: RSAPK/E: %w", err)
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if key.N.BitLen() < 512 || key.N.BitLen() > 4096 || key.E < 3 || len(e) > 4 {
		return nil, fmt.Errorf("CAF: RSAPK is no usable key")
	}
	return key, nil
}

// loadCAFs reads caf/<id>/*.xml. Files of other folders (caf/x of broken
// examples) belong to nobody and are left alone; so are keys: only the public
// part matters to the SII.
func (w *World) loadCAFs(dir string) error {
	for _, c := range w.Companies {
		paths, err := filepath.Glob(filepath.Join(dir, "caf", c.ID, "*.xml"))
		if err != nil {
			return err
		}
		for _, path := range paths {
			caf, err := readCAF(path)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			w.CAFs = append(w.CAFs, caf)
		}
	}
	return nil
}

var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*\?>`)

// readCAF decodes Latin-1 whatever the declaration says: CAF files name no
// encoding, or the wrong one, and are ISO-8859-1 all the same.
func readCAF(path string) (CAF, error) {
	file, err := os.Open(path)
	if err != nil {
		return CAF{}, err
	}
	defer file.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(charmap.ISO8859_1.NewDecoder().Reader(file))
	if err != nil {
		return CAF{}, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(declaration.ReplaceAll(data, nil)); err != nil {
		return CAF{}, err
	}
	el := doc.FindElement("/AUTORIZACION/CAF")
	if el == nil {
		return CAF{}, fmt.Errorf("no AUTORIZACION/CAF")
	}
	return ParseCAF(el)
}
