package xmldsig

import (
	"fmt"
	"strings"
)

// Code says in one stable word why an input was refused.
type Code string

// Codes of SyntaxError.
const (
	CodeEncoding    Code = "encoding"            // unknown encoding, or bytes that it does not have
	CodeCharacter   Code = "character"           // a character that XML 1.0 does not allow
	CodeDeclaration Code = "declaration"         // bad XML declaration, or one not at the start
	CodeDoctype     Code = "doctype"             // a DTD, never read
	CodeName        Code = "name"                // no name where one must stand, or a bad one
	CodeTag         Code = "tag"                 // malformed tag, or an end tag of another element
	CodeAttribute   Code = "attribute"           // malformed attribute
	CodeDuplicate   Code = "duplicate-attribute" // one attribute twice in a tag
	CodeNamespace   Code = "namespace"           // prefix without a namespace, or a forbidden declaration
	CodeEntity      Code = "entity"              // unknown entity or bad character reference
	CodeText        Code = "text"                // "]]>" in text
	CodeComment     Code = "comment"             // malformed comment
	CodeInstruction Code = "instruction"         // malformed processing instruction
	CodeEnd         Code = "end"                 // the input ends too early, or has no root
	CodeAfterRoot   Code = "after-root"          // text or a second root outside the root
	CodeLimit       Code = "limit"               // one of the Limits; Detail names it
)

// SyntaxError says where and why Parse refused an input.
type SyntaxError struct {
	Code   Code
	Offset int // in bytes of the input
	Line   int // from 1
	Detail string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("xml: line %d: %s: %s", e.Line, e.Code, e.Detail)
}

func (p *parser) fail(at int, code Code, detail string) error {
	return &SyntaxError{Code: code, Offset: at, Line: lineAt(p.src, at), Detail: detail}
}

func (p *parser) tooMuch(at int, what string) error {
	return p.fail(at, CodeLimit, "too much: "+what)
}

// lineAt is the line, from 1, of an offset.
func lineAt(src string, offset int) int {
	return 1 + strings.Count(src[:min(offset, len(src))], "\n")
}

// clip keeps hostile input out of error texts.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
