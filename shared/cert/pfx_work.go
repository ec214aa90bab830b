package cert

import (
	"encoding/asn1"
	"errors"
)

// maxIterations bounds the key derivations of a PFX. Windows writes 2,000, OpenSSL 2,048, Java 10,000;
// the largest recommendation for PBKDF2 is 1.3 million.
const maxIterations = 2_000_000

var errWork = errors.New("too many iterations")

// checkWork refuses a PFX that asks for hours of key derivation. Everywhere in PKCS#12 the count
// is an INTEGER right after the salt, an OCTET STRING; other octet strings may hold more values.
func checkWork(der []byte, depth int) error {
	if depth > maxDepth {
		return errWork
	}
	afterBytes := false
	for v := range elements(der) {
		if afterBytes && v.Tag == asn1.TagInteger && v.Class == asn1.ClassUniversal && tooLarge(v.Bytes) {
			return errWork
		}
		afterBytes = v.Tag == asn1.TagOctetString && v.Class == asn1.ClassUniversal
		inner := v.FullBytes
		if afterBytes {
			inner = v.Bytes
		}
		if err := checkWork(inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func tooLarge(integer []byte) bool {
	n := 0
	for _, b := range integer {
		if n = n<<8 | int(b); n > maxIterations {
			return true
		}
	}
	return false
}
