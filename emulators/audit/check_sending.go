package audit

import (
	"bytes"
	"cmp"
	"slices"
)

func (a *auditor) checkSending() {
	carried := map[id][]plan{}
	slices.SortFunc(a.plans, func(x, y plan) int {
		return cmp.Or(cmp.Compare(x.chain(), y.chain()), cmp.Compare(x.Number, y.Number))
	})
	for n, p := range a.plans {
		a.count("envelopes "+p.State, 1)
		first := n == 0 || a.plans[n-1].chain() != p.chain()
		if first && p.Number != 1 || !first && p.Number != a.plans[n-1].Number+1 {
			a.violate(ChainGapless, p.String(), "follows no envelope of its chain")
		}
		if p.State == "open" || p.State == "parked" {
			a.violate(NothingMoves, p.String(), "is still %s", p.State)
		}
		if p.State == "refused" {
			continue
		}
		for _, i := range p.ids() {
			carried[i] = append(carried[i], p)
		}
		a.checkBytes(p)
	}
	for i, plans := range carried {
		if len(plans) > 1 {
			a.violate(OnePlan, i.String(), "is carried by envelopes %v", plans)
			continue
		}
		if r := a.records[i]; r.Envelope != plans[0].Number {
			a.violate(OnePlan, i.String(), "names envelope %d, but %s carries it", r.Envelope, plans[0])
		}
	}
	for i := range a.outbox {
		if r := a.records[i]; r.Status != "blocked" && !a.sweepFinishes(i) {
			a.violate(EmptyOutbox, i.String(), "still waits, though it is %q", r.Status)
		}
	}
	a.checkUploads()
	for _, change := range []string{"overwritten", "deleted", "patched", "retention_denied"} {
		if n := a.archive[change]; n != 0 {
			a.violate(Untouched, "archive", "%d objects %s", n, change)
		}
	}
}

// checkBytes demands that an envelope holds the signed bytes of its documents.
func (a *auditor) checkBytes(p plan) {
	envelope, found := a.envelopes[p.archived()]
	if !found {
		if len(p.Tracks) > 0 {
			a.violate(AsArchived, p.String(), "has track ids, but is not in the archive")
		}
		return
	}
	for n, i := range p.ids() {
		signed := withoutDeclaration(a.file(i, p.Documents[n].Version))
		if len(signed) == 0 || !bytes.Contains(envelope, signed) {
			a.violate(AsArchived, p.String(), "does not hold the signed bytes of %s", i)
		}
	}
}

// withoutDeclaration is the element of an XML file alone.
func withoutDeclaration(xml []byte) []byte {
	if bytes.HasPrefix(xml, []byte("<?xml")) {
		_, xml, _ = bytes.Cut(xml, []byte("?>"))
	}
	return bytes.TrimSpace(xml)
}

// checkUploads compares the SII's envelopes with the archive.
func (a *auditor) checkUploads() {
	ours := map[string]string{}
	for name, xml := range a.envelopes {
		ours[Hash(xml)] = name
	}
	a.count("envelopes archived", len(a.envelopes))
	for _, u := range a.uploads {
		a.count("envelopes at the SII "+u.Channel+" "+u.State, 1)
		a.count("uploads that the SII saw", u.Sent)
		if ours[u.SHA256] == "" {
			a.violate(AsArchived, "track "+u.TrackID, "the SII has an envelope of %s that is not in the archive", u.Company)
		}
	}
}
