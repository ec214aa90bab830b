package exchange

// Standing is what the SII says of a document (getEstDte, getEstDteAv), in the terms of a caller that asked.
type Standing string

// The standings.
const (
	NotAsked     Standing = "not-asked"  // or without an answer that says something
	AtTheSII     Standing = "registered" // DOK and what notes did to it later: the SII holds this document
	OtherAtSII   Standing = "other-data" // DNK: it holds another one under this folio
	NotAtTheSII  Standing = "missing"    // FAU: not received, not yet, or refused
	VoidAtTheSII Standing = "void"       // FNA, FAN, EMP: the folio or the company is not authorised
)

var standings = map[Standing]Check{
	NotAsked:     {CheckSII, Warn, "no se sabe todavía si el SII tiene este documento", ""},
	AtTheSII:     {CheckSII, Pass, "el SII tiene este documento", ""},
	OtherAtSII:   {CheckSII, Fail, "el SII tiene otro documento con este folio", ""},
	NotAtTheSII:  {CheckSII, Fail, "el SII no tiene este documento (todavía)", ""},
	VoidAtTheSII: {CheckSII, Fail, "el SII no autoriza este folio o a este emisor", ""},
}

// AtSII is the second verdict, which no file can prove, as a check. An unknown standing is NotAsked.
func AtSII(s Standing) Check {
	if check, ok := standings[s]; ok {
		return check
	}
	return standings[NotAsked]
}
