package pollstatus

import (
	"time"

	"timbre/shared/sii"
)

// tally is what an envelope's state counts of a type, beside how many documents of it were sent.
type tally struct {
	sii.Count
	listed    bool
	documents int
}

// complete tells whether the counts account for each document.
func (t tally) complete() bool { return t.listed && t.Accepted+t.Remarks+t.Rejected == t.documents }

// acceptsAll tells whether the counts of this very envelope accept each document, so that what the SII registered
// under their folios is what it brought.
func (t tally) acceptsAll() bool { return t.complete() && t.Rejected == 0 }

// rejects tells whether documents that the SII says it does not have are rejected: a verdict that its reader
// answers with another document, so it waits where the SII may have them after all. At once if all were
// asked for and the counts reject as many; else if none turned up in the grace. Never against the SII's own
// word: counts that reject fewer, or an envelope that was accepted.
func (c *court) rejects(all []*accused, t tally) bool {
	missing, silent := 0, 0
	for _, a := range all {
		switch {
		case a.state == nil, a.state.Standing() == sii.Unknown:
			silent++
		case a.missing():
			missing++
		}
	}
	switch {
	case c.state.State == "", c.pending, c.state.State == stateRemarks, c.state.State == stateSlightRemarks:
		return false
	case t.complete() && t.Rejected < missing:
		return false
	case c.state.Class() != sii.Processed: // the content is in another envelope (RPT), which may be in process
		return c.since() >= alarmAfter
	case t.listed && silent == 0 && t.Rejected >= missing && !c.plan.MayBeTwice():
		return true
	}
	return c.since() >= c.cfg.grace()
}

// doubtful tells whether a document that the SII does not have may still turn up by another track.
func (c *court) doubtful() bool {
	return c.pending || c.plan.MayBeTwice() && c.since() < c.cfg.grace()
}

// since is for how long the envelope's state has been known.
func (c *court) since() time.Duration { return c.Now().Sub(c.plan.Verdict.At) }
