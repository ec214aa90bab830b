package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// caller is what was answered to one key of a company.
type caller struct {
	environment, company, key string
	accepted, refused         []Entry
}

// request is the name under which the key's request stands.
func (c *caller) request() string {
	sum := sha256.Sum256([]byte(c.key))
	return c.environment + "/" + c.company + "/" + hex.EncodeToString(sum[:])
}

func callers(entries []Entry) []*caller {
	var all []*caller
	byKey := map[string]*caller{}
	for _, e := range entries {
		name := strings.Join([]string{e.Environment, e.Company, e.Key}, "/")
		c := byKey[name]
		if c == nil {
			c = &caller{environment: e.Environment, company: e.Company, key: e.Key}
			byKey[name] = c
			all = append(all, c)
		}
		if e.Status/100 == 2 {
			c.accepted = append(c.accepted, e)
		} else {
			c.refused = append(c.refused, e)
		}
	}
	return all
}

func (a *auditor) checkCallers() {
	atSII := map[id]judged{}
	for _, j := range a.judged {
		atSII[j.id()] = j
	}
	for _, c := range callers(a.entries) {
		a.count("keys that callers used", 1)
		r, bound := a.requests[c.request()]
		if len(c.accepted) == 0 {
			if bound {
				a.violate(RefusalTraces, c.key, "was refused with %d, but holds %s: %s", c.refused[0].Status, r.id(), c.refused[0].Refusal)
			}
			a.count("keys refused", 1)
			continue
		}
		a.count("keys answered 2xx", 1)
		a.count("answers 2xx", len(c.accepted))
		if !bound {
			a.violate(AnswerStands, c.key, "was answered %s, but no request is stored", c.accepted[0].ID)
			continue
		}
		a.checkAnswers(c, r.id(), atSII)
	}
}

// checkAnswers compares all answers to a key with the one document that it has.
func (a *auditor) checkAnswers(c *caller, bound id, atSII map[id]judged) {
	r, found := a.records[bound]
	if !found {
		a.violate(AnswerStands, c.key, "was answered %s, but there is no document", c.accepted[0].ID)
		return
	}
	stored := Hash([]byte(r.Answer))
	for _, e := range c.accepted {
		switch {
		case e.ID != bound.public():
			a.violate(AnswerStands, c.key, "was answered %s, but holds %s", e.ID, bound.public())
		case e.Answer != stored:
			a.violate(ReplayEqual, c.key, "an answer about %s is not the stored one", e.ID)
		}
		a.checkTotal(c.key, e, bound, atSII)
	}
}

func (a *auditor) checkTotal(key string, e Entry, bound id, atSII map[id]judged) {
	if e.Total == "" {
		return
	}
	if signed := element(a.file(bound, a.records[bound].Version), "MntTotal"); signed != e.Total {
		a.violate(ContentOfCaller, key, "ordered %s, signed was %s as %s", e.Total, signed, bound)
	}
	if j, found := atSII[bound]; found && j.Total != e.Total {
		a.violate(ContentOfCaller, key, "ordered %s, the SII has %s as %s", e.Total, j.Total, bound)
	}
}

// element is the text of the first element of a name.
func element(xml []byte, name string) string {
	_, rest, found := strings.Cut(string(xml), "<"+name+">")
	text, _, closed := strings.Cut(rest, "</"+name+">")
	if !found || !closed {
		return ""
	}
	return text
}

// violate notes a broken rule.
func (a *auditor) violate(rule Rule, subject, format string, args ...any) {
	a.report.Violations = append(a.report.Violations, Violation{rule, subject, fmt.Sprintf(format, args...)})
}
