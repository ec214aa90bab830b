package dte

import (
	"fmt"
	"strings"

	"timbre/shared/rules"
)

// Level is how the SII would take a fault (package rules).
type Level = rules.Level

// Levels of faults.
const (
	LevelUnknown = rules.LevelUnknown
	LevelSlight  = rules.LevelSlight
	LevelRemark  = rules.LevelRemark
	LevelReject  = rules.LevelReject
)

// FieldError is one fault of a document.
type FieldError struct {
	// Path of the field as in the request: document.Detalle[2].PrcItem.
	Path string `json:"path"`
	// Code is stable, kebab-case English.
	Code string `json:"code"`
	// Detail is Spanish and says what to do.
	Detail string `json:"detail"`
	// SIICode is what the SII would answer, as HED-3-846; empty where it is not known.
	SIICode string `json:"sii_code,omitempty"`
	// Rule names the rule of package rules that is broken, if it is one of them.
	Rule string `json:"-"`
	// Level decides whether the fault refuses the document.
	Level Level `json:"-"`
}

func (e FieldError) Error() string { return e.Path + ": " + e.Code + ": " + e.Detail }

// Codes of faults that callers tell apart.
const (
	CodeTotalsDiffer = "totals-differ"
	CodeUnknownField = "unknown-field"
	CodeMissing      = "missing-field"
)

// Invalid says that a document is refused, with all its faults at once.
type Invalid struct{ Faults []FieldError }

func (e *Invalid) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Error()
	}
	return fmt.Sprintf("dte: %d faults: %s", len(e.Faults), strings.Join(texts, "; "))
}

// TotalsDiffer tells whether the totals expected by the caller are the only fault.
func (e *Invalid) TotalsDiffer() bool {
	for _, f := range e.Faults {
		if f.Code != CodeTotalsDiffer {
			return false
		}
	}
	return len(e.Faults) > 0
}
