package xmldsig_test

import (
	"crypto/sha1"
	"encoding/base64"
)

func sha1Base64(b []byte) string {
	sum := sha1.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}
