package exchange_test

import (
	"bytes"
	"crypto/sha1"
	"strings"
	"testing"

	"timbre/shared/cert"
	"timbre/shared/xmldsig"
)

const latin1Declaration = `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n"

// change is a replacement that must be possible, once.
type change struct{ from, to string }

func (c change) in(tb testing.TB, text string) string {
	tb.Helper()
	if !strings.Contains(text, c.from) {
		tb.Fatalf("nothing to change: %q", c.from)
	}
	return strings.Replace(text, c.from, c.to, 1)
}

// resign changes what the signature beside an element covers, and signs anew: what a forger with a certificate can do. The text
// is a file with its declaration.
func resign(tb testing.TB, text []byte, element string, signer *cert.Identity, changes ...change) []byte {
	tb.Helper()
	signed := string(text)
	for _, c := range changes {
		signed = c.in(tb, signed)
	}
	end := strings.LastIndex(signed, "</"+element+">") + len("</"+element+">")
	start := end + strings.Index(signed[end:], "<Signature")
	rest := start + strings.Index(signed[start:], "</Signature>") + len("</Signature>")
	doc, err := xmldsig.Parse([]byte(signed), xmldsig.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	node := doc.Root().Child(element)
	id, _ := node.Attr("ID")
	signature, err := xmldsig.Sign(signer, sha1.Sum(node.Canonical()), "#"+id, xmldsig.Both)
	if err != nil {
		tb.Fatal(err)
	}
	return []byte(signed[:start] + string(signature) + signed[rest:])
}

// forge changes a DTE and signs it anew.
func forge(tb testing.TB, document []byte, changes ...change) []byte {
	tb.Helper()
	return resign(tb, append([]byte(latin1Declaration), document...), "Documento", identity(tb, "a-modern.pfx"), changes...)
}

// restamp changes DD of a DTE and stamps it anew with the key of its CAF.
func restamp(tb testing.TB, o order, changes ...change) []byte {
	tb.Helper()
	document := string(issue(tb, o))
	start, end := strings.Index(document, "<DD>"), strings.Index(document, "</DD>")+len("</DD>")
	dd := document[start:end]
	for _, c := range changes {
		dd = c.in(tb, dd)
	}
	digest := sha1.Sum([]byte(dd))
	frmt, err := o.authorization(tb).Sign(digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	old := between(document[end:], `<FRMT algoritmo="SHA1withRSA">`, `</FRMT>`)
	return forge(tb, []byte(document), change{document[start:end], dd}, change{old, base64Of(frmt)})
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	inside, _, _ := strings.Cut(rest, to)
	return inside
}

// withoutDeclaration is the <DTE> of a file.
func withoutDeclaration(text []byte) []byte { return bytes.TrimPrefix(text, []byte(latin1Declaration)) }
