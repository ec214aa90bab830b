package judge

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding/charmap"
)

// Faults that keep an envelope from being read. They are upload errors (STATUS 7).
var (
	ErrCharset   = errors.New("CHR-00001: Invalid Character Set")
	ErrLine      = errors.New("CHR-00002: Line too long")
	ErrMalformed = errors.New("XML mal formado")
	//lint:ignore ST1005 the SII's own words, which its answer repeats
	ErrCharacter = errors.New("Invalid Character")
)

// Envelope is an EnvioDTE (or EnvioBOLETA) as uploaded.
type Envelope struct {
	Root      *etree.Element
	Cover     Cover
	Documents []*Document
}

// declaration is line 1. The SII's upload refuses single quotes and any other
// encoding (Instructivo Técnico: "la primera línea debe indicar el encoding").
var declaration = regexp.MustCompile(`^<\?xml version="1\.0" encoding="(?i:ISO-8859-1)"( standalone="(yes|no)")?\s*\?>`)

// Read parses an uploaded file. The bytes are ISO-8859-1 whatever they hold: a
// file in UTF-8 reads as garbage and its signatures fail, as at the SII.
func Read(data []byte) (*Envelope, error) {
	if !declaration.Match(data) {
		return nil, ErrCharset
	}
	decoded, err := charmap.ISO8859_1.NewDecoder().Bytes(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCharset, err)
	}
	text := string(decoded[bytes.Index(decoded, []byte("?>"))+2:])
	if i := strings.IndexFunc(text, control); i >= 0 {
		return nil, fmt.Errorf("%w: posición %d", ErrCharacter, i)
	}
	doc, err := parse(text)
	if err != nil {
		return nil, err
	}
	e := &Envelope{Root: doc}
	set := doc.SelectElement("SetDTE")
	if set == nil {
		return e, nil // the schema check names the fault
	}
	if cover := set.SelectElement("Caratula"); cover != nil {
		e.Cover = readCover(cover)
	}
	e.Documents, err = readDocuments(text, set)
	return e, err
}

// control says whether a character has no place in a DTE (Instructivo Técnico,
// juego de caracteres): ISO-8859-1 leaves U+007F to U+009F unused.
func control(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r <= 0x9f
}

// maxDepth is far above what the SII's schemas nest.
const maxDepth = 64

// parse reads XML and refuses what encoding/xml lets pass: a DTD, a second root,
// text outside the root, an attribute given twice.
func parse(text string) (*etree.Element, error) {
	doc := etree.NewDocument()
	doc.ReadSettings.PreserveDuplicateAttrs = true
	doc.ReadSettings.MaxDepth = maxDepth
	if err := doc.ReadFromString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	roots := 0
	for _, token := range doc.Child {
		switch t := token.(type) {
		case *etree.Element:
			roots++
		case *etree.Directive:
			return nil, fmt.Errorf("%w: DTD", ErrMalformed)
		case *etree.CharData:
			if strings.TrimSpace(t.Data) != "" {
				return nil, fmt.Errorf("%w: texto fuera de la raíz", ErrMalformed)
			}
		}
	}
	if roots != 1 {
		return nil, fmt.Errorf("%w: %d raíces", ErrMalformed, roots)
	}
	return doc.Root(), tidyAttributes(doc.Root())
}

// tidyAttributes normalizes attribute values as XML 1.0 §3.3.3 asks (encoding/xml
// does not) and refuses repeated attributes.
func tidyAttributes(el *etree.Element) error {
	seen := map[string]bool{}
	for i, a := range el.Attr {
		if seen[a.FullKey()] {
			return fmt.Errorf("%w: atributo %q repetido", ErrMalformed, a.FullKey())
		}
		seen[a.FullKey()] = true
		el.Attr[i].Value = strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(a.Value)
	}
	for _, child := range el.ChildElements() {
		if err := tidyAttributes(child); err != nil {
			return err
		}
	}
	return nil
}

var (
	documentStart = regexp.MustCompile(`<DTE[\s>]`)
	documentEnd   = "</DTE>"
)

// cutDocuments finds the text of each <DTE>…</DTE>, byte for byte.
func cutDocuments(text string) []string {
	var found []string
	for {
		at := documentStart.FindStringIndex(text)
		if at == nil {
			return found
		}
		text = text[at[0]:]
		end := strings.Index(text, documentEnd)
		if end < 0 {
			return found
		}
		found = append(found, text[:end+len(documentEnd)])
		text = text[end+len(documentEnd):]
	}
}

// readDocuments pairs each DTE of the tree with its own text. A comment or CDATA
// that hides a start tag would break the pairing, so such a file is refused.
func readDocuments(text string, set *etree.Element) ([]*Document, error) {
	placed := set.SelectElements("DTE")
	cut := cutDocuments(text)
	if len(cut) != len(placed) {
		return nil, fmt.Errorf("%w: %d DTE en el texto, %d en SetDTE", ErrMalformed, len(cut), len(placed))
	}
	documents := make([]*Document, len(cut))
	for i, fragment := range cut {
		alone, err := parse(fragment)
		if err != nil {
			return nil, fmt.Errorf("DTE %d: %w", i+1, err)
		}
		documents[i] = readDocument(fragment, alone, placed[i])
	}
	return documents, nil
}
