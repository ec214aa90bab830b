package dte

import (
	"encoding/json"
	"errors"
	"strconv"

	"timbre/shared/format"
)

// Resolve makes an order of a request: everything filled in and computed, so that the same bytes can
// be written now or later. All faults come at once, in an *Invalid, the only error there is. What the
// SII would accept with slight remarks, or may not mind, comes back as warnings.
func Resolve(r Request) (*Order, []FieldError, error) {
	d, err := read(&r)
	if err != nil {
		return nil, nil, err
	}
	d.fill()
	d.calculate()
	d.applyExpected()
	d.writeTotals()
	d.check()
	warnings, refusals := d.weigh()
	if len(refusals) == 0 && d.broken {
		// Every unreadable number has a fault of its own; should one not, what was not computed must not pass.
		refusals = []FieldError{{
			Path: base, Code: "unreadable-number", Level: LevelReject,
			Detail: "un número del documento no se pudo leer",
		}}
	}
	if len(refusals) > 0 {
		return nil, warnings, &Invalid{Faults: refusals}
	}
	return d.order(), warnings, nil
}

// read binds the JSON to the format of its type.
func read(r *Request) (*draft, error) {
	t, fault := typeOf(r.Document)
	if fault != nil {
		return nil, &Invalid{Faults: []FieldError{*fault}}
	}
	d := &draft{typ: t, kind: kinds[t], req: r}
	doc, findings, err := format.ReadJSON(format.Root(d.kind.root), r.Document, base)
	if err != nil {
		return nil, unreadable()
	}
	d.doc = doc
	d.found(findings)
	d.refuseSigned()
	d.cleanTexts(doc, base)
	return d, nil
}

func unreadable() error {
	return &Invalid{Faults: []FieldError{{
		Path: base, Code: "unreadable-json", Level: LevelReject,
		Detail: "document no es un objeto JSON",
	}}}
}

// typeOf reads the type alone, which decides the format of the rest.
func typeOf(document []byte) (Type, *FieldError) {
	path := at("Encabezado.IdDoc.TipoDTE")
	var head struct {
		Encabezado struct {
			IdDoc struct { //nolint:revive // the SII's name
				TipoDTE json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(document, &head); err != nil {
		var syntax *json.SyntaxError
		if len(document) == 0 || errors.As(err, &syntax) {
			return 0, &FieldError{Path: base, Code: "unreadable-json", Detail: "document no es un objeto JSON", Level: LevelReject}
		}
	}
	text := string(head.Encabezado.IdDoc.TipoDTE)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	if text == "" {
		return 0, &FieldError{Path: path, Code: CodeMissing, Detail: "falta el tipo de documento: 33, 34, 61…", Level: LevelReject, Rule: "type-missing"}
	}
	t, err := ParseType(text)
	if err != nil {
		return 0, &FieldError{Path: path, Code: "unknown-type", Detail: "no es un tipo de documento electrónico conocido", Level: LevelReject, Rule: "type-unknown"}
	}
	return t, nil
}

// made are the parts that only signing can make.
var made = []string{"TED", "TmstFirma"}

func (d *draft) refuseSigned() {
	for _, name := range made {
		if d.doc.Child(name) != nil {
			d.reject(at(name), CodeUnknownField, "este campo lo hace el servicio al firmar; no se recibe")
			d.doc.Remove(name)
		}
	}
}

// weigh parts the faults into warnings and refusals (API.md, allow_remarks and strict_remarks).
func (d *draft) weigh() ([]FieldError, []FieldError) {
	var warnings, refusals []FieldError
	for _, f := range d.merge() {
		refuses := f.Level == LevelReject || d.req.StrictRemarks || f.Level == LevelRemark && !d.req.AllowRemarks
		if refuses {
			refusals = append(refusals, f)
		} else {
			warnings = append(warnings, f)
		}
	}
	return warnings, refusals
}

func (d *draft) order() *Order {
	return &Order{doc: d.doc, typ: d.typ, trace: d.trace}
}
