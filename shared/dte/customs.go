package dte

import (
	_ "embed"
	"strings"
	"sync"
)

// customsTable holds the codes of Chilean Customs that exports use, one list a row (Compendio de Normas
// Aduaneras, anexo 51, as published by public implementations in 2026-08).
//
//go:embed table/aduana.csv
var customsTable string

var customsLists = sync.OnceValue(func() map[string]map[string]bool {
	lists := map[string]map[string]bool{}
	for row := range strings.Lines(customsTable) {
		name, codes, _ := strings.Cut(strings.TrimSpace(row), ",")
		lists[name] = map[string]bool{}
		for code := range strings.SplitSeq(codes, "|") {
			lists[name][code] = true
		}
	}
	return lists
})

// isCustomsCode tells whether a code is in a list of Customs; leading zeros do not count.
func isCustomsCode(list, code string) bool {
	return customsLists()[list][strings.TrimLeft(code, "0")]
}

// customsFields are the fields of Aduana that hold a code, with the list.
var customsFields = []struct{ name, list string }{
	{"CodModVenta", "modalidad"},
	{"CodClauVenta", "clausula"},
	{"CodViaTransp", "via"},
	{"CodPtoEmbarque", "puerto"},
	{"CodPtoDesemb", "puerto"},
	{"CodUnidMedTara", "unidad"},
	{"CodUnidPesoBruto", "unidad"},
	{"CodUnidPesoNeto", "unidad"},
	{"CodPaisRecep", "pais"},
	{"CodPaisDestin", "pais"},
}

// containers are the packages (CodTpoBultos) that have a number and a seal.
var containers = map[string]bool{"73": true, "74": true, "75": true, "76": true, "78": true}
