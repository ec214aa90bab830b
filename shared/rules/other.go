package rules

// Other is a row of the catalogue of rejections that no rule of one document can be.
type Other struct {
	Row  int
	SII  string
	What string
	// Kind says why: register (needs what only a register knows), envelope and signing (done there),
	// schema (the SII answers for the whole file), unknown (the document does not say), doubt (the
	// sources disagree), answer (no condition at all).
	Kind   string
	Reason string
}

// Others are the rows that are no rules, by number.
func Others() []Other {
	var out []Other
	for _, row := range rows("others") {
		out = append(out, Other{
			Row: readNumbers(row["row"])[0], SII: row["sii"], What: row["what"], Kind: row["kind"], Reason: row["reason"],
		})
	}
	return out
}
