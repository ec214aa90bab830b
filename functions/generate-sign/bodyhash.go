package generatesign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// hashBody is SHA-256 of a JSON text's meaning: members sorted, numbers by value, white space gone.
func hashBody(body []byte) (string, error) {
	var tree any
	if err := decodeExact(body, &tree); err != nil {
		return "", err
	}
	return hashTree(tree), nil
}

// hashRow is the hash of the single request that a row of a batch stands for.
func hashRow(company string, row []byte) (string, error) {
	var tree map[string]any
	if err := decodeExact(row, &tree); err != nil {
		return "", err
	}
	delete(tree, "idempotency_key")
	tree["company"] = company
	return hashTree(tree), nil
}

func decodeExact(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("hash the body: %w", err)
	}
	return nil
}

func hashTree(tree any) string {
	var text strings.Builder
	writeCanonical(&text, tree)
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:])
}

func writeCanonical(out *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		out.WriteByte('{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out.WriteString(strconv.Quote(name) + ":")
			writeCanonical(out, v[name])
			out.WriteByte(',')
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for _, item := range v {
			writeCanonical(out, item)
			out.WriteByte(',')
		}
		out.WriteByte(']')
	case string:
		out.WriteString(strconv.Quote(v))
	case json.Number:
		out.WriteString(canonicalNumber(v.String()))
	default: // true, false, null
		fmt.Fprint(out, v)
	}
}

// canonicalNumber writes a JSON number as digits without zeros at either end and a power of ten, so
// that 12.50, 12.5 and 1.25e1 are one. Exponents beyond any amount keep their text.
func canonicalNumber(text string) string {
	digits, negative := strings.CutPrefix(text, "-")
	mantissa, exponent := digits, 0
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(strings.TrimPrefix(digits[i+1:], "+")); err != nil {
			return text
		}
		mantissa = digits[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(significant)
	switch {
	case significant == "":
		return "0"
	case negative:
		significant = "-" + significant
	}
	return significant + "e" + strconv.Itoa(exponent)
}
