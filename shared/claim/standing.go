package claim

import "time"

// Standing is where a document stands.
type Standing string

// The standings.
const (
	Pending  Standing = "pending"  // its receiver has said nothing yet
	Accepted Standing = "accepted" // ACD or ERM
	Claimed  Standing = "claimed"  // RCD, RFP or RFT
	// Silent: nothing was said within the eight days, so that it counts as accepted.
	Silent Standing = "silent"
)

// Standing judges a document at a time. A document whose term is not known never counts as accepted by silence.
func (h History) Standing(t Term, now time.Time) Standing {
	switch {
	case h.Find(claims...) != nil:
		return Claimed
	case h.Find(ACD, ERM) != nil:
		return Accepted
	case !t.Received.IsZero() && t.Over(now):
		return Silent
	}
	return Pending
}
