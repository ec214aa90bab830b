package pollstatus

import (
	"context"
	"errors"
	"slices"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/sii"
)

// States of a document in its envelope (WEBSERVICES §7).
const (
	stateRejected      = "RCH"
	stateRemarks       = "RPR"
	stateSlightRemarks = "RLV"
)

func remarked(d sii.Reviewed) bool { return d.State == stateRemarks || d.State == stateSlightRemarks }

// reviewed is what the envelope's state says of one document. A detail may lack the type; it is taken for
// the plan's only document of that folio, and for none if there are two.
func (c *court) reviewed(item dispatch.Item) (sii.Reviewed, bool) {
	for _, d := range c.state.Details {
		if d.Folio == item.Folio && (d.Type == item.Type || d.Type == 0 && c.only(item.Folio)) {
			return d, true
		}
	}
	return sii.Reviewed{}, false
}

func (c *court) only(folio int64) bool {
	n := 0
	for _, i := range c.plan.Documents {
		if i.Folio == folio {
			n++
		}
	}
	return n == 1
}

// complete tells whether the details name exactly those documents of a type that the counts do not accept
// as they are, so that the rest is accepted.
func (c *court) complete(t dte.Type, count sii.Count, n int) bool {
	rejected, remarks := 0, 0
	for _, i := range c.plan.Documents {
		d, named := c.reviewed(i)
		switch {
		case i.Type != t || !named:
		case d.State == stateRejected:
			rejected++
		case remarked(d):
			remarks++
		}
	}
	return count.Rejected == rejected && count.Remarks == remarks && count.Accepted == n-rejected-remarks
}

// byDetails decides documents by what the boletas' service says of each, and counts those that stay
// undecided. A rejection is believed when the SII does not hold the document by another envelope. That service cannot be
// asked for a signature: a document that was received before is ours only if its bytes went out more than once.
func (c *court) byDetails(ctx context.Context, all []*accused) (int, error) {
	var doubtful, decided []*accused
	for _, a := range all {
		d, named := c.reviewed(a.item)
		switch {
		case !named:
			a.verdict = event.StatusAccepted
		case remarked(d):
			a.verdict = event.StatusAcceptedRemarks
		default:
			doubtful = append(doubtful, a)
		}
	}
	silent := c.askEach(ctx, doubtful, true)
	for _, a := range doubtful {
		switch {
		case a.state == nil: // the SII did not answer
		case c.otherData(a.item):
			a.verdict = event.StatusRejected
		case a.state.Standing() == sii.Registered && c.plan.SentOnce(): // somebody else's twin, or not: people must look
		case a.state.Standing() == sii.Registered:
			a.verdict = event.StatusAccepted
		case a.missing() && !c.doubtful():
			a.verdict = event.StatusRejected
		}
	}
	for _, a := range all {
		if a.verdict != "" {
			decided = append(decided, a)
		}
	}
	err := each(ctx, decided, writesAtOnce, func(ctx context.Context, a *accused) error {
		return c.sentence(ctx, a, a.verdict)
	})
	return len(all) - len(decided), errors.Join(err, silent)
}

// codeOtherData says that the folio was received before with other data (live 2026).
const codeOtherData = "DTE-3-101"

// otherData tells whether the SII itself says that another document stands under the folio.
func (c *court) otherData(item dispatch.Item) bool {
	d, _ := c.reviewed(item)
	return slices.ContainsFunc(d.Reasons, func(r sii.Reason) bool { return r.Code == codeOtherData })
}

// detailsOf are the reasons with what they mean.
func detailsOf(d sii.Reviewed) []document.Detail {
	all := make([]document.Detail, 0, len(d.Reasons))
	for _, r := range d.Reasons {
		all = append(all, dispatch.Explain(r.Code, r.Level, r.Text))
	}
	if len(all) == 0 {
		all = append(all, dispatch.Explain(d.State, 0, d.Glosa))
	}
	return all
}
