package ted

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // FRMT is RSA-SHA1 by DTE_v10.xsd, TED/FRMT/@algoritmo
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"timbre/shared/caf"
	"timbre/shared/caf/flat"
	"timbre/shared/dte"
)

// Reasons why a stamp is not made or not believed.
var (
	ErrFolio  = errors.New("ted: the folio lies outside its CAF")
	ErrType   = errors.New("ted: the CAF is of another document type")
	ErrIssuer = errors.New("ted: the CAF is of another company")
	ErrDate   = errors.New("ted: stamped before the CAF was authorized")
	ErrText   = errors.New("ted: a text is blank or cannot be written in ISO-8859-1")
	ErrLength = errors.New("ted: longer than a line may be")
)

const (
	// maxText is the length of RSR and IT1 in characters before escaping (DTE_v10.xsd, DD/RSR and DD/IT1).
	maxText = 40
	// maxLine is where the SII's reader gives up a line (CHR-00002); the TED stands on one.
	maxLine = 4090
)

// Stamp writes the TED of a document under the CAF of its folio: flat, in ISO-8859-1. TSTED is the wall clock of at,
// which the caller gives in America/Santiago. RSR and IT1 are cut to 40 characters.
func Stamp(fields dte.StampFields, c *caf.CAF, at time.Time) ([]byte, error) {
	if err := admits(&c.Authorization, fields, at); err != nil {
		return nil, fmt.Errorf("stamp folio %d: %w", fields.Folio, err)
	}
	dd, err := writeDD(fields, c.Element(), at)
	if err != nil {
		return nil, fmt.Errorf("stamp folio %d: %w", fields.Folio, err)
	}
	digest := sha1.Sum(dd) //nolint:gosec // as above
	frmt, err := c.Sign(digest[:])
	if err != nil {
		return nil, fmt.Errorf("stamp folio %d: %w", fields.Folio, err)
	}
	text := bytes.Join([][]byte{
		[]byte(`<TED version="1.0">`), dd,
		[]byte(`<FRMT algoritmo="SHA1withRSA">` + base64.StdEncoding.EncodeToString(frmt) + `</FRMT></TED>`),
	}, nil)
	if len(text) >= maxLine {
		return nil, fmt.Errorf("stamp folio %d: %w: %d bytes", fields.Folio, ErrLength, len(text))
	}
	return text, nil
}

// admits tells whether the authorization may carry the document at that time. The SII refuses a folio outside the range,
// a CAF of another issuer or type, a time before FA, and an expired CAF (CAF-3-517).
func admits(a *caf.Authorization, fields dte.StampFields, at time.Time) error {
	if at.Format(time.DateOnly) < a.AuthorizedOn.Format(time.DateOnly) {
		return ErrDate
	}
	if a.ExpiredAt(at) {
		return caf.ErrExpired
	}
	return covers(a, fields)
}

func covers(a *caf.Authorization, fields dte.StampFields) error {
	if a.Issuer != fields.RE {
		return ErrIssuer
	}
	if a.Type != fields.TD {
		return ErrType
	}
	if !a.Contains(fields.Folio) {
		return ErrFolio
	}
	return nil
}

// writeDD writes the "datos del documento" in the order of DTE_v10.xsd, TED/DD.
func writeDD(fields dte.StampFields, element []byte, at time.Time) ([]byte, error) {
	out := make([]byte, 0, 512+len(element))
	out = append(out, "<DD>"...)
	for _, leaf := range []struct{ name, text string }{
		{"RE", fields.RE.String()},
		{"TD", fields.TD.String()},
		{"F", strconv.FormatInt(fields.Folio, 10)},
		{"FE", fields.FE},
		{"RR", fields.RR.String()},
		{"RSR", cut(fields.RSR)},
		{"MNT", fields.MNT},
		{"IT1", cut(fields.IT1)},
	} {
		var err error
		if out, err = appendLeaf(out, leaf.name, leaf.text); err != nil {
			return nil, err
		}
	}
	out = append(out, element...)
	return append(out, "<TSTED>"+at.Format(dte.TimeLayout)+"</TSTED></DD>"...), nil
}

// cut is the first 40 characters; a blank left at the end stays, as real stamps have it.
func cut(text string) string {
	count := 0
	for i := range text {
		if count == maxText {
			return text[:i]
		}
		count++
	}
	return text
}

var escapes = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&apos;"}

// appendLeaf writes one value with all five escapes, which FRMT covers as written. A value of blanks only would vanish
// when the verifier flattens the text, and a control character or one beyond ISO-8859-1 would not survive a reader.
func appendLeaf(out []byte, name, text string) ([]byte, error) {
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("%w: %s is blank", ErrText, name)
	}
	out = append(out, "<"+name+">"...)
	for _, r := range text {
		if r < ' ' || r > 0xFF {
			return nil, fmt.Errorf("%w: %U in %s", ErrText, r, name)
		}
		if escaped, ok := escapes[r]; ok {
			out = append(out, escaped...)
			continue
		}
		out = append(out, byte(r))
	}
	return append(out, "</"+name+">"...), nil
}

// Payload is the content of the PDF417: the flat TED, ISO-8859-1 bytes, for byte compaction mode.
func Payload(text []byte) []byte { return flat.Flatten(bytes.TrimSpace(text)) }
