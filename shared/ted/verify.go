package ted

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // FRMT is RSA-SHA1 by DTE_v10.xsd, TED/FRMT/@algoritmo
	"errors"
	"fmt"
	"time"

	"timbre/shared/caf"
	"timbre/shared/caf/flat"
	"timbre/shared/dte"
	"timbre/shared/rut"
)

// Reasons why a TED is not believed, besides those of caf.
var (
	ErrMalformed = errors.New("ted: not a TED")
	ErrFRMT      = errors.New("ted: FRMT is not the signature of DD by the key of its CAF")
)

// maxTED bounds a TED before flattening; real ones have about 1 kB.
const maxTED = 32 << 10

// Stamped is what a verified TED says.
type Stamped struct {
	dte.StampFields
	CAF *caf.Authorization
	// At is TSTED as a wall clock: local time of Chile, here with the zone UTC.
	At time.Time
}

// Verify reads <TED>…</TED>, as it stands in a document, in ISO-8859-1, and proves it: FRMT by the key in its CAF, FRMA by
// the SII's key, and that the CAF covers the folio. All that is wrong is reported; then nothing is answered.
func Verify(text []byte, keys caf.Keys) (*Stamped, error) {
	if len(text) > maxTED {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(text))
	}
	s, dd, frmt, err := read(Payload(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := errors.Join(verifyFRMT(s.CAF, dd, frmt), s.CAF.Verify(keys), covers(s.CAF, s.StampFields)); err != nil {
		return nil, err
	}
	return s, nil
}

func verifyFRMT(a *caf.Authorization, dd, frmt []byte) error {
	digest := sha1.Sum(dd) //nolint:gosec // as above
	if err := rsa.VerifyPKCS1v15(a.Public().(*rsa.PublicKey), crypto.SHA1, digest[:], frmt); err != nil {
		return ErrFRMT
	}
	return nil
}

// read passes a flat TED: what it says, the bytes of DD, and FRMT.
func read(text []byte) (*Stamped, []byte, []byte, error) {
	r := flat.NewReader(text)
	r.Open("TED", `version="1.0"`)
	start := r.Offset()
	s := readDD(r)
	dd := r.Since(start)
	frmt := r.Base64("FRMT", `algoritmo="SHA1withRSA"`)
	r.Close("TED")
	r.End()
	return s, dd, frmt, r.Err()
}

// readDD passes the "datos del documento" in the order of DTE_v10.xsd, TED/DD.
func readDD(r *flat.Reader) *Stamped {
	s := &Stamped{}
	r.Open("DD")
	s.RE = readRUT(r, "RE")
	s.TD = dte.Type(r.Int("TD"))
	s.Folio = r.Int("F")
	s.FE = r.Leaf("FE")
	s.RR = readRUT(r, "RR")
	s.RSR = r.Text("RSR")
	s.MNT = r.Leaf("MNT")
	s.IT1 = r.Text("IT1")
	s.CAF = caf.ReadAuthorization(r)
	at, err := time.Parse(dte.TimeLayout, r.Leaf("TSTED"))
	if err != nil {
		r.Fail(err)
	}
	s.At = at
	r.Close("DD")
	return s
}

func readRUT(r *flat.Reader, name string) rut.RUT {
	parsed, err := rut.Parse(r.Leaf(name))
	if err != nil {
		r.Fail(err)
	}
	return parsed
}

// Difference is a value of the TED that is not its document's.
type Difference struct{ Name, Stamp, Document string }

// Differences compares the stamp with the document that carries it; names are compared by their first 40 characters.
func (s *Stamped) Differences(document dte.StampFields) []Difference {
	var all []Difference
	for _, d := range []Difference{
		{"RE", s.RE.String(), document.RE.String()},
		{"TD", s.TD.String(), document.TD.String()},
		{"F", fmt.Sprint(s.Folio), fmt.Sprint(document.Folio)},
		{"FE", s.FE, document.FE},
		{"RR", s.RR.String(), document.RR.String()},
		{"RSR", s.RSR, cut(document.RSR)},
		{"MNT", s.MNT, document.MNT},
		{"IT1", s.IT1, cut(document.IT1)},
	} {
		if d.Stamp != d.Document {
			all = append(all, d)
		}
	}
	return all
}

// Find cuts the one <TED>…</TED> out of the text of a document.
func Find(document []byte) ([]byte, error) {
	start, end := bytes.Index(document, []byte("<TED")), bytes.Index(document, []byte("</TED>"))
	if start < 0 || end < start {
		return nil, fmt.Errorf("%w: none in the document", ErrMalformed)
	}
	end += len("</TED>")
	if bytes.Contains(document[end:], []byte("<TED")) {
		return nil, fmt.Errorf("%w: more than one in the document", ErrMalformed)
	}
	return document[start:end], nil
}
