package dte

import "timbre/shared/rut"

// StampFields are what the TED repeats of its document, unescaped (FORMATS section 9).
type StampFields struct {
	RE    rut.RUT // RUTEmisor
	TD    Type    // TipoDTE
	Folio int64
	FE    string // FchEmis, as written
	RR    rut.RUT
	RSR   string // RznSocRecep, its first 40 characters
	MNT   string // MntTotal, as written
	IT1   string // NmbItem of the first line, its first 40 characters
}

// stampLength is the longest RSR and IT1 (XSD maxLength 40, in characters before escaping).
const stampLength = 40

// cut is the first characters of s; a blank left at the end stays, as real stamps have it.
func cut(s string, length int) string {
	for i := range s {
		if length == 0 {
			return s[:i]
		}
		length--
	}
	return s
}
