package dte

import (
	"fmt"
	"strings"
)

// Level is how the SII would take a fault (the middle digit of its codes, REJECTIONS section 2).
type Level int

// Levels of faults.
const (
	LevelUnknown Level = 0 // The SII states the rule; what it does about it is not known.
	LevelSlight  Level = 1 // Accepted with slight remarks (RLV).
	LevelRemark  Level = 2 // Accepted with remarks (RPR).
	LevelReject  Level = 3 // Rejected (RCH), or refused by the schema.
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
