package caf

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // FRMA is RSA-SHA1 by DTE_v10.xsd, CAF/FRMA/@algoritmo
	"fmt"
	"math/big"
	"strconv"
	"time"

	"timbre/shared/caf/flat"
	"timbre/shared/dte"
	"timbre/shared/rut"
)

// Authorization is the public half of a CAF, the element <CAF> that goes into each TED.
type Authorization struct {
	Issuer       rut.RUT   // RE
	Name         string    // RS, at most 40 characters
	Type         dte.Type  // TD
	From, To     int64     // RNG/D and RNG/H, both inclusive
	AuthorizedOn time.Time // FA: midnight UTC of the day
	IDK          int       // which of the SII's keys signed it

	key     *rsa.PublicKey // RSAPK
	element []byte         // <CAF>…</CAF> flattened, ISO-8859-1
	signed  []byte         // <DA>…</DA> of element
	frma    []byte
}

// ReadAuthorization passes the element <CAF> in a flattened text. It checks the form only: see Verify.
func ReadAuthorization(r *flat.Reader) *Authorization {
	start := r.Offset()
	r.Open("CAF", `version="1.0"`)
	a := &Authorization{}
	a.readDA(r)
	a.frma = r.Base64("FRMA", `algoritmo="SHA1withRSA"`)
	r.Close("CAF")
	a.element = r.Since(start)
	return a
}

// readDA passes the "datos de autorización" in the order of DTE_v10.xsd, TED/DD/CAF/DA.
func (a *Authorization) readDA(r *flat.Reader) {
	start := r.Offset()
	r.Open("DA")
	a.Issuer = parsed(r, r.Text("RE"), rut.Parse)
	a.Name = r.Text("RS")
	a.Type = dte.Type(r.Int("TD"))
	r.Open("RNG")
	a.From, a.To = r.Int("D"), r.Int("H")
	r.Close("RNG")
	a.AuthorizedOn = parsed(r, r.Leaf("FA"), parseDate)
	r.Open("RSAPK")
	a.key = &rsa.PublicKey{N: modulus(r, r.Base64("M")), E: exponent(r, r.Base64("E"))}
	r.Close("RSAPK")
	a.IDK = int(r.Int("IDK"))
	r.Close("DA")
	a.signed = r.Since(start)
}

func parsed[T any](r *flat.Reader, text string, parse func(string) (T, error)) T {
	if r.Err() != nil {
		var none T
		return none
	}
	value, err := parse(text)
	if err != nil {
		r.Fail(err)
	}
	return value
}

func parseDate(text string) (time.Time, error) { return time.Parse(time.DateOnly, text) }

// maxModulus bounds RSAPK/M in bits; a larger one in a stranger's TED would only cost time.
const maxModulus = 4096

func modulus(r *flat.Reader, bytes []byte) *big.Int {
	if len(bytes) > maxModulus/8 {
		r.Fail(fmt.Errorf("%w: modulus of %d bytes", flat.ErrSyntax, len(bytes)))
		return new(big.Int)
	}
	return new(big.Int).SetBytes(bytes)
}

// exponent is RSAPK/E, 3 in practice.
func exponent(r *flat.Reader, bytes []byte) int {
	e := new(big.Int).SetBytes(bytes)
	if e.BitLen() > 31 {
		r.Fail(fmt.Errorf("%w: exponent of %d bits", flat.ErrSyntax, e.BitLen()))
		return 0
	}
	return int(e.Int64())
}

// Verify checks FRMA: the SII's key of the IDK signed the flattened DA (FORMATS: RSASSA-PKCS1-v1_5 with SHA-1).
func (a *Authorization) Verify(keys Keys) error {
	key := keys[a.IDK]
	if key == nil {
		return fmt.Errorf("%w: %d", ErrUnknownIDK, a.IDK)
	}
	digest := sha1.Sum(a.signed) //nolint:gosec // as above
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA1, digest[:], a.frma); err != nil {
		return ErrFRMA
	}
	return nil
}

// Public is the key that verifies FRMT of the documents stamped under this authorization.
func (a *Authorization) Public() crypto.PublicKey { return a.key }

// Element is <CAF>…</CAF> without blanks between the tags, in ISO-8859-1, as it goes into a TED.
func (a *Authorization) Element() []byte { return append([]byte(nil), a.element...) }

// Contains tells whether the folio lies in the range.
func (a *Authorization) Contains(folio int64) bool { return a.From <= folio && folio <= a.To }

// Overlaps tells whether both authorize some same folio.
func (a *Authorization) Overlaps(b *Authorization) bool {
	return a.Issuer == b.Issuer && a.Type == b.Type && a.Environment() == b.Environment() && a.From <= b.To && b.From <= a.To
}

// Environment is the world in which the SII takes these folios, by IDK; empty for an IDK that no world has.
func (a *Authorization) Environment() Environment { return environmentByIDK[a.IDK] }

// CheckFor reports why the authorization may not serve a company in an environment.
func (a *Authorization) CheckFor(company rut.RUT, environment Environment) error {
	if a.Issuer != company {
		return fmt.Errorf("%w: %s", ErrCompany, a.Issuer)
	}
	if a.Environment() != environment {
		return fmt.Errorf("%w: IDK %d is of %s", ErrEnvironment, a.IDK, a.Environment())
	}
	return nil
}

// describe names the authorization without anything secret.
func (a *Authorization) describe() string {
	return "CAF " + a.Issuer.String() + " type " + strconv.Itoa(int(a.Type)) + " folios " +
		strconv.FormatInt(a.From, 10) + "-" + strconv.FormatInt(a.To, 10) + " IDK " + strconv.Itoa(a.IDK)
}
