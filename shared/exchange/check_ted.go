package exchange

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"golang.org/x/text/encoding/charmap"

	"timbre/shared/caf"
	"timbre/shared/dte"
	"timbre/shared/ted"
	"timbre/shared/xmldsig"
)

// proofs are what package ted proves of a stamp, each on its own.
var proofs = []struct {
	code           Code
	errs           []error
	passed, failed string
}{
	{CheckFRMT, []error{ted.ErrFRMT}, "el timbre fue hecho con la clave del CAF", "el timbre (FRMT) no fue hecho con la clave del CAF, o cambió después"},
	{CheckFRMA, []error{caf.ErrFRMA, caf.ErrUnknownIDK}, "el SII firmó el CAF", "el CAF no está firmado por el SII"},
	{CheckCAFRange, []error{ted.ErrFolio, ted.ErrType, ted.ErrIssuer, ted.ErrDate}, "el CAF cubre emisor, tipo, folio y fecha",
		"el CAF es de otro emisor, tipo, rango de folios o fecha"},
}

// stamp judges the TED and the CAF in it.
func (c *Checker) stamp(f *File, r *DocumentReport) {
	element := r.content.Child("TED")
	if element == nil {
		r.Checks.add(CheckTED, Fail, "el documento no trae timbre (TED)")
		return
	}
	text, err := latin1(element, f.Encoding)
	if err != nil {
		r.Checks.add(CheckTED, Fail, "el timbre tiene caracteres que no existen en ISO-8859-1")
		return
	}
	stamped, err := ted.Verify(text, c.Keys)
	if errors.Is(err, ted.ErrMalformed) {
		r.Checks.add(CheckTED, Fail, "el timbre no tiene la forma del SII")
		return
	}
	told := err == nil
	for _, p := range proofs {
		held := true
		for _, e := range p.errs {
			held = held && !errors.Is(err, e)
		}
		told = told || !held
		r.Checks.judge(p.code, held, Fail, p.passed, p.failed)
	}
	r.Checks.judge(CheckTED, told, Fail, "el timbre se puede leer", "el timbre no vale") // no reason may pass for want of a name
	if err == nil {
		c.stamped(r, stamped)
	}
}

// stamped compares a stamp that holds with its document and with where it is used.
func (c *Checker) stamped(r *DocumentReport, s *ted.Stamped) {
	r.differences(s)
	if c.Environment != "" {
		r.Checks.judge(CheckCAFEnvironment, s.CAF.CheckFor(r.Issuer, c.Environment) == nil, Fail, "el CAF es de este ambiente",
			fmt.Sprintf("el CAF es del ambiente %s", cmp.Or(string(s.CAF.Environment()), "desconocido")))
	}
	if at, err := wallClock(r.SignedAt, time.UTC); err == nil {
		r.Checks.judge(CheckCAFAge, !s.CAF.ExpiredAt(at), Warn, "el CAF estaba vigente al firmar", "el CAF tenía más de seis meses al firmar")
	}
}

// differences compares what the stamp repeats. Names only warn: issuers cut and write them in their own ways.
func (r *DocumentReport) differences(s *ted.Stamped) {
	document := dte.StampFields{
		RE: r.Issuer, TD: r.Type, Folio: r.Folio, FE: r.IssueDate, RR: r.Receiver,
		RSR: cmp.Or(r.ReceiverName, s.RSR), MNT: r.Total, IT1: text(r.content.Child("Detalle"), "NmbItem"),
	}
	fields, names := true, true
	for _, d := range s.Differences(document) {
		reason := fmt.Sprintf("el timbre dice %s «%s», el documento «%s»", d.Name, clip(d.Stamp), clip(d.Document))
		if d.Name == "RSR" || d.Name == "IT1" {
			names = false
			r.Checks.add(CheckTEDNames, Warn, reason)
			continue
		}
		fields = false
		r.Checks.add(CheckTEDFields, Fail, reason)
	}
	if fields {
		r.Checks.add(CheckTEDFields, Pass, "el timbre repite los datos del documento")
	}
	if names {
		r.Checks.add(CheckTEDNames, Pass, "el timbre repite los nombres del documento")
	}
}

// latin1 is an element as it was before it went through UTF-8: FRMT and FRMA cover ISO-8859-1.
func latin1(n *xmldsig.Node, encoding string) ([]byte, error) {
	if encoding != "UTF-8" {
		return n.Source(), nil
	}
	return charmap.ISO8859_1.NewEncoder().Bytes(n.Source())
}
