package judge

import (
	"fmt"
	"strings"
)

// Levels of a finding, the middle figure of the SII's codes.
const (
	Slight = 1 // RLV, accepted with slight remarks
	Remark = 2 // RPR, accepted with remarks
	Reject = 3 // RCH, rejected
)

// Finding is one fault of a document or envelope.
type Finding struct {
	Code  string `json:"code,omitempty"` // as the SII prints it, e.g. DTE-3-505; empty: no code is known
	Rule  string `json:"rule"`           // our name of the rule
	Level int    `json:"level"`
	Line  int    `json:"line,omitempty"` // DET and REF findings name the line
	Text  string `json:"text"`           // Spanish
}

// Detail writes the finding as the result mail does: "(DTE-3-505) RECHAZO- …",
// with the line inside the code: "(DET L[1] -2-200) REPARO- …".
func (f Finding) Detail() string {
	kind := "REPARO"
	if f.Level == Reject {
		kind = "RECHAZO"
	}
	switch {
	case f.Code == "":
		return fmt.Sprintf("%s- %s", kind, f.Text)
	case f.Line > 0 && f.lineBound():
		return fmt.Sprintf("(%s L[%d] %s) %s- %s", f.Code[:3], f.Line, f.Code[3:], kind, f.Text)
	}
	return fmt.Sprintf("(%s) %s- %s", f.Code, kind, f.Text)
}

// lineBound says whether the SII writes the line inside the code: only sections
// DET and REF were seen with one (REJECTIONS §1).
func (f Finding) lineBound() bool {
	return strings.HasPrefix(f.Code, "DET-") || strings.HasPrefix(f.Code, "REF-")
}

// State is the document's state that findings lead to.
func State(findings []Finding) string {
	worst := 0
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	switch worst {
	case Reject:
		return "RCH"
	case Remark:
		return "RPR"
	case Slight:
		return "RLV"
	}
	return "DOK"
}

func reject(code, rule, format string, args ...any) Finding {
	return Finding{Code: code, Rule: rule, Level: Reject, Text: fmt.Sprintf(format, args...)}
}

func remark(code, rule, format string, args ...any) Finding {
	return Finding{Code: code, Rule: rule, Level: Remark, Text: fmt.Sprintf(format, args...)}
}

func slight(code, rule, format string, args ...any) Finding {
	return Finding{Code: code, Rule: rule, Level: Slight, Text: fmt.Sprintf(format, args...)}
}

func (f Finding) at(line int) Finding {
	f.Line = line
	return f
}

func anyRejects(findings []Finding) bool {
	for _, f := range findings {
		if f.Level == Reject {
			return true
		}
	}
	return false
}
