package exchange

import (
	"fmt"
	"strconv"

	"timbre/shared/caf"
	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// envelope judges the Caratula.
func (c *Checker) envelope(r *Report, v *xmldsig.Verified) {
	e := r.File.Envelope
	r.Checks.judge(CheckIdentity, e.err == nil, Fail, "la carátula se puede leer", "la carátula tiene RUT que faltan o no son válidos")
	switch e.Receiver {
	case c.Company:
		r.Checks.add(CheckReceiver, Pass, "el envío es para esta empresa")
	case rut.SII:
		r.Checks.add(CheckReceiver, Warn, "es la copia del envío que era para el SII")
	default:
		r.Checks.add(CheckReceiver, Fail, fmt.Sprintf("el envío es para %s, no para esta empresa", e.Receiver))
	}
	if v != nil && v.Certificate != nil && !v.Certificate.RUT.IsZero() {
		r.Checks.judge(CheckSender, v.Certificate.RUT == e.Sender, Fail, "RutEnvia es quien firmó",
			fmt.Sprintf("RutEnvia es %s, pero firmó %s", e.Sender, v.Certificate.RUT))
	}
	c.resolution(r)
	counted, repeated := count(r.File.Documents)
	r.Checks.judge(CheckSubtotals, sameCounts(counted, e.counts), Warn, "los subtotales son los documentos que vienen",
		"los subtotales de la carátula no son los documentos que vienen")
	r.Checks.judge(CheckRepeated, repeated == nil, Fail, "ningún documento viene dos veces", describeRepeated(repeated))
}

// resolution compares NroResol with the environment: it is 0 in certificación, and never in producción.
func (c *Checker) resolution(r *Report) {
	if c.Environment == "" {
		return
	}
	test := r.File.Envelope.ResolutionNumber == "0"
	r.Checks.judge(CheckResolution, test == (c.Environment == caf.Certificacion), Warn, "la resolución es de este ambiente",
		fmt.Sprintf("NroResol %q no es del ambiente %s", clip(r.File.Envelope.ResolutionNumber), c.Environment))
}

// count counts documents by type, and finds the first that stands twice.
func count(documents []*Document) (map[string]int, *Document) {
	type key struct {
		issuer rut.RUT
		kind   dte.Type
		folio  int64
	}
	counted, seen := map[string]int{}, map[key]bool{}
	var repeated *Document
	for _, d := range documents {
		counted[d.Type.String()]++
		k := key{d.Issuer, d.Type, d.Folio}
		if seen[k] && repeated == nil {
			repeated = d
		}
		seen[k] = true
	}
	return counted, repeated
}

func sameCounts(counted map[string]int, written map[string]string) bool {
	for kind, n := range counted {
		if written[kind] != strconv.Itoa(n) {
			return false
		}
	}
	return len(counted) == len(written)
}

func describeRepeated(d *Document) string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf("el documento %d/%d viene dos veces", d.Type, d.Folio)
}
