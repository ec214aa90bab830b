package audit

import (
	"slices"
	"strings"
)

func (a *auditor) checkFolios() {
	keys := map[string][]id{} // documents by company and key
	for i, c := range a.claims {
		a.count("claims "+c.State, 1)
		if !c.used() {
			continue
		}
		owner := i.env + "/" + i.rut + "/" + c.Key
		if _, found := a.records[i]; found || len(a.signed[i]) > 0 {
			keys[owner] = append(keys[owner], i)
		}
		a.checkClaim(i, owner)
	}
	for owner, used := range keys {
		if len(used) > 1 {
			a.violate(OneFolioPerKey, owner, "uses %d folios: %v", len(used), used)
		}
	}
	a.checkRequests()
	a.checkSigned()
	a.checkFree()
}

// checkClaim follows a held claim to its document.
func (a *auditor) checkClaim(i id, owner string) {
	r, bound := a.requests[owner]
	// A sweep sees nothing below the mark.
	if a.sweepFinishes(i) {
		a.count("claims that a sweep will finish", 1)
		return
	}
	switch {
	case !bound:
		a.violate(Finished, i.String(), "is claimed, but no request has it")
	case r.id() != i:
		a.violate(Finished, i.String(), "is claimed for a key that has %s", r.id())
	}
	if _, found := a.records[i]; !found {
		a.violate(Finished, i.String(), "is claimed, but has no document")
	}
}

// sweepFinishes tells whether a folio has no document yet, and a sweep is announced that will see to it.
func (a *auditor) sweepFinishes(i id) bool {
	_, found := a.records[i]
	return !found && a.covered[i.series] && i.folio >= a.marks[i.series]
}

func (a *auditor) checkRequests() {
	owners := map[id][]string{}
	for owner, r := range a.requests {
		i := r.id()
		if len(owners[i]) > 0 {
			a.violate(OneKeyPerFolio, i.String(), "belongs to %s and to %v", owner, owners[i])
		}
		owners[i] = append(owners[i], owner)
		c, claimed := a.claims[i]
		if claimed && c.State == "reserved" || r.Expires != nil && !c.used() {
			continue // a reservation, running or over
		}
		if !c.used() || !strings.HasSuffix(owner, "/"+c.Key) {
			a.violate(OneKeyPerFolio, i.String(), "is bound to %s, but its claim says %q of %q", owner, c.State, c.Key)
		}
	}
	a.count("requests", len(a.requests))
	for i, r := range a.records {
		if !slices.Contains(owners[i], i.env+"/"+i.rut+"/"+r.Key) {
			a.violate(OneKeyPerFolio, i.String(), "is the document of %q, but bound to %q", r.Key, owners[i])
		}
		if r.Tombstone != "" {
			a.count("tombstones", 1)
		}
	}
	a.count("documents", len(a.records))
}

func (a *auditor) checkSigned() {
	for i, versions := range a.signed {
		a.count("signed files", len(versions))
		r, found := a.records[i]
		switch {
		case a.sweepFinishes(i):
			continue
		case !found:
			a.violate(Finished, i.String(), "is signed, but has no document")
			continue
		}
		if len(versions) != r.Version {
			a.violate(OneSignedFile, i.String(), "has %d signed files, but is at version %d", len(versions), r.Version)
		}
		for version, xml := range versions {
			got := element(xml, "RUTEmisor") + "/" + element(xml, "TipoDTE") + "/" + element(xml, "Folio")
			if r.Tombstone == "" && got != i.public() {
				a.violate(OneSignedFile, i.String(), "file %s is document %s", version, got)
			}
		}
	}
	for i := range a.records {
		if len(a.signed[i]) == 0 {
			a.violate(OneSignedFile, i.String(), "has no signed file")
		}
	}
}

// checkFree lists what may be given out below the highest folio of each series, and finds what is lost: a
// free claim that no hint names and no sweep will see any more, a folio that nobody claimed below the mark
// from which sweeps and cursors begin.
func (a *auditor) checkFree() {
	highest, lowest := map[series]int64{}, map[series]int64{}
	for i, c := range a.claims {
		highest[i.series] = max(highest[i.series], i.folio)
		if low, found := lowest[i.series]; !found || i.folio < low {
			lowest[i.series] = i.folio
		}
		if c.State == "free" && !a.freed[i] && i.folio < a.marks[i.series] {
			a.violate(NoLostFolio, i.String(), "is free, no hint tells, and the mark stands at %d", a.marks[i.series])
		}
		if c.State == "free" {
			a.report.Free = append(a.report.Free, i.String()+" (given back)")
		}
	}
	for s, last := range highest {
		for folio := lowest[s]; folio < last; folio++ {
			i := id{s, folio}
			if _, claimed := a.claims[i]; claimed || !a.authorized(i) {
				continue
			}
			a.count("folios that nobody claimed yet", 1)
			a.report.Free = append(a.report.Free, i.String()+" (never claimed)")
			if folio < a.marks[s] {
				a.violate(NoLostFolio, i.String(), "was never claimed, but the mark stands at %d", a.marks[s])
			}
		}
	}
}

// authorized tells whether a CAF of the company covers a folio.
func (a *auditor) authorized(i id) bool {
	for _, c := range a.cafs[i.env+"/"+i.rut] {
		if c.Type == i.kind && max(c.From, c.First) <= i.folio && i.folio <= c.To {
			return true
		}
	}
	return false
}
