package audit

import (
	"slices"
	"strings"
)

func (a *auditor) checkVerdicts() {
	atSII := map[id][]judged{}
	for _, j := range a.judged {
		atSII[j.id()] = append(atSII[j.id()], j)
		a.count("judged by the SII "+j.State, 1)
		if _, ours := a.records[j.id()]; !ours {
			a.violate(Unknown, j.id().String(), "was judged under track id %s", j.TrackID)
		}
	}
	for i, all := range atSII {
		held := slices.DeleteFunc(slices.Clone(all), func(j judged) bool { return j.State == "RCH" })
		forgetful := !slices.ContainsFunc(all, func(j judged) bool { return !a.forgetful(j) })
		if len(all) > 1 && (!forgetful || len(held) > 1) {
			a.violate(OnceAtSII, i.String(), "was judged %d times: %v", len(all), all)
		}
		if len(held) > 0 {
			atSII[i] = held
		}
	}
	for i, r := range a.records {
		a.count("documents "+r.Status, 1)
		a.checkVerdict(i, r, atSII[i])
	}
}

// checkVerdict compares a document's state with the registry's.
func (a *auditor) checkVerdict(i id, r record, all []judged) {
	var j judged
	if len(all) > 0 {
		j = all[0]
	}
	verdict := verdicts[j.State]
	held := verdict != "" && verdict != "rejected"
	switch {
	case r.accepted() && !held:
		a.violate(FalseGreen, i.String(), "is reported %s; the registry says %q", r.Status, j.State)
	case r.accepted() && r.Status != verdict:
		a.violate(Verdict, i.String(), "is reported %s; the registry says %s", r.Status, j.State)
	case r.Status == "rejected" && held:
		a.violate(FalseRed, i.String(), "is reported rejected; the registry says %s", j.State)
	case r.Status == "blocked":
		if held {
			a.violate(FalseRed, i.String(), "is reported blocked; the registry says %s", j.State)
		}
	case !r.accepted() && r.Status != "rejected":
		a.violate(Verdict, i.String(), "is still %s; the registry says %q", r.Status, j.State)
	}
	known := slices.ContainsFunc(r.Tracks, func(t string) bool { return sameTrack(t, j.TrackID) })
	switch {
	case j.TrackID == "" || known:
	case a.forgetful(j):
		a.count("boletas whose track id the SII never told", 1)
	default:
		a.violate(RightTrack, i.String(), "knows track ids %v, the SII judged it under %s", r.Tracks, j.TrackID)
	}
}

// forgetful tells whether a document came by the service that does not know a file again, so that nobody learns
// the track id of an upload whose answer was lost.
func (a *auditor) forgetful(j judged) bool {
	return slices.ContainsFunc(a.uploads, func(u upload) bool {
		return u.Channel == "boleta" && sameTrack(u.TrackID, j.TrackID)
	})
}

// sameTrack compares track ids as numbers: the SII writes them with and without leading zeros.
func sameTrack(a, b string) bool { return strings.TrimLeft(a, "0") == strings.TrimLeft(b, "0") }
