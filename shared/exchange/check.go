package exchange

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"timbre/shared/caf"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// Result is the outcome of one check.
type Result string

// The results.
const (
	Pass Result = "pass"
	Warn Result = "warn" // worth a look; does not speak against the document
	Fail Result = "fail"
)

// worse is the worse of two results.
func (r Result) worse(o Result) Result {
	rank := map[Result]int{Pass: 0, Warn: 1, Fail: 2}
	if rank[o] > rank[r] {
		return o
	}
	return r
}

// Code names a check. Codes are stable.
type Code string

// Checks of a file or of a document.
const (
	CheckEncoding  Code = "encoding"  // bytes and declaration agree
	CheckNamespace Code = "namespace" // the SII's namespace is declared
	CheckIdentity  Code = "identity"  // what names it can be read: RUTs, type, folio
	CheckSchema    Code = "schema"

	CheckSignature       Code = "signature"
	CheckCertificate     Code = "certificate"      // it can be read
	CheckCertificateKey  Code = "certificate-key"  // it has the key that signed
	CheckCertificateTime Code = "certificate-time" // it was valid when signed
	CheckCertificateRUT  Code = "certificate-rut"  // it names a RUT

	CheckSender     Code = "caratula-sender"     // RutEnvia is who signed
	CheckReceiver   Code = "receiver"            // this company is meant
	CheckIssuer     Code = "issuer"              // the document is of the envelope's RutEmisor
	CheckResolution Code = "caratula-resolution" // NroResol is of this environment
	CheckSubtotals  Code = "caratula-subtotals"  // SubTotDTE counts the documents
	CheckRepeated   Code = "repeated-folio"      // no document stands twice in the file

	CheckTED            Code = "ted"             // there is one that can be read
	CheckFRMT           Code = "ted-frmt"        // the CAF's key stamped it
	CheckTEDFields      Code = "ted-fields"      // it repeats its document
	CheckTEDNames       Code = "ted-names"       // it repeats names of its document
	CheckFRMA           Code = "caf-frma"        // the SII signed the CAF
	CheckCAFRange       Code = "caf-range"       // the CAF covers issuer, type, folio and date
	CheckCAFEnvironment Code = "caf-environment" // of this environment
	CheckCAFAge         Code = "caf-age"         // not expired when signed

	CheckContent Code = "content" // amounts and the other rules of package rules
	CheckSII     Code = "sii"     // what the SII says of it: AtSII
)

// strict are the checks of what cryptography alone proves.
var strict = map[Code]bool{
	CheckSignature: true, CheckCertificate: true, CheckCertificateKey: true, CheckCertificateTime: true, CheckCertificateRUT: true,
	CheckTED: true, CheckFRMT: true, CheckTEDFields: true, CheckFRMA: true, CheckCAFRange: true, CheckCAFEnvironment: true,
}

// Check is one finding.
type Check struct {
	Code   Code   `json:"code"`
	Result Result `json:"result"`
	// Reason is Spanish.
	Reason string `json:"reason"`
	// Path of the field, where one is meant: Documento.Detalle[0].MontoItem.
	Path string `json:"path,omitempty"`
}

// Checks are the findings on one thing, in the order of checking.
type Checks []Check

// Of is the worst result of these codes, Pass where none was checked.
func (c Checks) Of(codes ...Code) Result {
	worst := Pass
	for _, check := range c {
		for _, code := range codes {
			if check.Code == code {
				worst = worst.worse(check.Result)
			}
		}
	}
	return worst
}

// Strict is the verdict of cryptography alone: the worst of the checks of signature, certificate and timbre. Warn is a
// signature that holds by a key whose owner is not known. A document always has these checks; a file without an outer
// signature (a bare DTE) has none, and passes.
func (c Checks) Strict() Result {
	worst := Pass
	for _, check := range c {
		if strict[check.Code] {
			worst = worst.worse(check.Result)
		}
	}
	return worst
}

func (c Checks) passed(code Code) bool {
	return slices.ContainsFunc(c, func(check Check) bool { return check.Code == code && check.Result == Pass })
}

// Worst is the worst of all results.
func (c Checks) Worst() Result {
	worst := Pass
	for _, check := range c {
		worst = worst.worse(check.Result)
	}
	return worst
}

func (c *Checks) add(code Code, result Result, reason string) {
	*c = append(*c, Check{Code: code, Result: result, Reason: reason})
}

// judge adds a check that passes or has this other result.
func (c *Checks) judge(code Code, ok bool, otherwise Result, passed, reason string) {
	if ok {
		c.add(code, Pass, passed)
		return
	}
	c.add(code, otherwise, reason)
}

// Report is what was found about a file.
type Report struct {
	File *File
	// Checks are of the file itself: its schema, its outer signature, its Caratula.
	Checks Checks
	// Signature is in which contexts the outer signature holds.
	Signature Contexts
	// Documents are in the order of File.Documents.
	Documents []DocumentReport
}

// DocumentReport is what was found about one document.
type DocumentReport struct {
	*Document
	Checks    Checks
	Signature Contexts
}

// Contexts are in which a signature was found to hold; both zero where it does not. Tried in this order: in place, cut out,
// with the SII's namespace alone, with none, with the SII's where it is missing.
type Contexts struct{ Digest, Info xmldsig.Context }

// Checker knows what a file is judged by.
type Checker struct {
	Company     rut.RUT         // that the mail was for
	Environment caf.Environment // empty: not judged
	Keys        caf.Keys        // of the SII
	// Zone is America/Santiago, in which TmstFirma is written; nil is UTC.
	Zone *time.Location
}

// Check judges all of a file.
func (c *Checker) Check(f *File) *Report {
	r := c.prove(f)
	for i := range r.Documents {
		if d := &r.Documents[i]; d.Checks.passed(CheckSchema) && d.content != nil {
			d.judgeContent()
		}
	}
	return r
}

// prove judges all but the amounts and rules, which only warn.
func (c *Checker) prove(f *File) *Report {
	r := &Report{File: f}
	r.Checks.judge(CheckEncoding, !f.Misdeclared, Warn, "codificación "+f.Encoding,
		"el archivo declara otra codificación que la que tiene; se leyó como "+f.Encoding)
	r.Checks.judge(CheckNamespace, f.doc.Root().Space != "" || f.Kind == ResultadoEnvio, Warn,
		"declara el espacio de nombres del SII", "no declara el espacio de nombres del SII")
	findings := f.validate(&r.Checks)
	for i, d := range f.Documents {
		document := DocumentReport{Document: d}
		c.document(f, &document, findings.of(f, i))
		r.Documents = append(r.Documents, document)
	}
	if f.Kind != DTE && f.Kind != ResultadoEnvio {
		c.outer(r)
	}
	return r
}

// outer judges the outer signature, and who sends what to whom.
func (c *Checker) outer(r *Report) {
	f := r.File
	var verified *xmldsig.Verified
	verified, r.Signature = c.signature(&r.Checks, f.set, f.signedAt())
	if r.Signature.Digest != 0 && r.Signature.Digest != xmldsig.InPlace {
		r.Checks.add(CheckSignature, Warn, "la firma exterior vale sólo fuera de su lugar")
	}
	switch {
	case f.Envelope != nil:
		c.envelope(r, verified)
	case f.Answer != nil:
		c.answer(r)
	}
	for i, signed := range f.inner() {
		var inner Checks
		c.signature(&inner, signed, innerSignedAt(signed))
		for _, check := range inner {
			check.Path = signed.Local + "[" + strconv.Itoa(i) + "]"
			r.Checks = append(r.Checks, check)
		}
	}
}

// signedAt is when the outer signature says that it was made.
func (f *File) signedAt() string {
	switch {
	case f.Envelope != nil:
		return f.Envelope.SignedAt
	case f.Answer != nil:
		return f.Answer.SignedAt
	}
	return f.set.At("Caratula", "TmstFirmaEnvio").Text() // AEC_v10.xsd
}

// innerSignedAt is the time in a receipt or a step of a cession.
func innerSignedAt(n *xmldsig.Node) string {
	for _, name := range []string{"TmstFirmaRecibo", "TmstFirma", "TmstCesion"} {
		if at := n.Child(name); at != nil {
			return at.Text()
		}
	}
	return ""
}

// answer judges whom an answer is for.
func (c *Checker) answer(r *Report) {
	a := r.File.Answer
	r.Checks.judge(CheckIdentity, a.err == nil, Fail, "la respuesta se puede leer", "hay RUT, números o fechas que no se pueden leer")
	r.Checks.judge(CheckReceiver, a.To == c.Company, Fail, "la respuesta es para esta empresa",
		fmt.Sprintf("la respuesta es para %s, no para esta empresa", a.To))
}
