package store

import (
	"fmt"
	"strconv"
	"strings"

	"timbre/shared/rut"
)

// Names of the archive bucket from which a lost state bucket is made again (docs/adr/0004).

// KeptOrder holds what a version of a document was made of, and for which request.
func KeptOrder(d DocumentID, version int) Name {
	return Name{fmt.Sprintf("%s%d.json", KeptOrderPrefix(d), version)}
}

// KeptOrderPrefix is where the orders of a folio stand, one for each version.
func KeptOrderPrefix(d DocumentID) string { return "orders/" + d.path() + "/" }

// KeptPlan holds a plan as it was when its envelope was signed.
func KeptPlan(e EnvelopeID) Name {
	return Name{fmt.Sprintf("%s%010d.json", KeptPlanPrefix(e.Company, e.Channel), e.Number)}
}

// KeptPlanPrefix is where the plans of a chain stand.
func KeptPlanPrefix(c Company, ch Channel) string { return fmt.Sprintf("plans/%s/%s/", c.path(), ch) }

// KeptReservation holds until when a folio was kept for a request.
func KeptReservation(d DocumentID, k RequestKey) Name {
	return Name{fmt.Sprintf("reserved/%s/%s.json", d.path(), k)}
}

// KeptVoid holds why the folios from..to are void.
func KeptVoid(s Series, from, to int64) Name {
	return Name{fmt.Sprintf("voided/%s/%010d-%010d.json", s.path(), from, to)}
}

// KeptCompany holds a company's configuration as it was after its n-th change.
func KeptCompany(r rut.RUT, n int64) Name {
	return Name{fmt.Sprintf("%s%010d.json", KeptCompanyPrefix(r), n)}
}

// KeptCompanyPrefix is where the configurations of a company stand, in the order of their changes.
func KeptCompanyPrefix(r rut.RUT) string { return KeptCompanies + r.String() + "/" }

// KeptCompanies is where the configurations of all companies stand.
const KeptCompanies = "companies/"

// ParseKeptReservation reads what KeptReservation wrote.
func ParseKeptReservation(name string) (DocumentID, RequestKey, error) {
	d, err := ParseDocument(name)
	if err != nil {
		return d, "", err
	}
	key := strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".json")
	return d, RequestKey(key), nil
}

// ParseKeptVoid reads what KeptVoid wrote.
func ParseKeptVoid(name string) (Series, int64, int64, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 5 {
		return Series{}, 0, 0, fmt.Errorf("store: %s names no void folios", name)
	}
	series, err := ParseSeries(parts[1], parts[2], parts[3])
	if err != nil {
		return Series{}, 0, 0, fmt.Errorf("store: %s: %w", name, err)
	}
	low, high, _ := strings.Cut(strings.TrimSuffix(parts[4], ".json"), "-")
	from, fromErr := strconv.ParseInt(low, 10, 64)
	to, toErr := strconv.ParseInt(high, 10, 64)
	if fromErr != nil || toErr != nil || from < 1 || to < from {
		return Series{}, 0, 0, fmt.Errorf("store: %s names no void folios", name)
	}
	return series, from, to, nil
}

// The roots of the archive below which a company's folders stand, {root}{environment}/{rut}/.
const (
	SignedRoot          = "dte/"
	KeptOrderRoot       = "orders/"
	KeptPlanRoot        = "plans/"
	KeptReservationRoot = "reserved/"
	KeptVoidRoot        = "voided/"
	ReceivedRoot        = "received/"
)

// Below is a company's folder below a root.
func Below(root string, c Company) string { return root + c.path() + "/" }

// ParseVersion reads the version out of a name that SignedDTE or KeptOrder made.
func ParseVersion(name string) (int, error) {
	base := name[strings.LastIndexByte(name, '/')+1:]
	number, _, _ := strings.Cut(base, ".")
	v, err := strconv.Atoi(number)
	if err != nil || v < 1 {
		return 0, fmt.Errorf("store: %s names no version", name)
	}
	return v, nil
}

// SentEnvelopePrefix is where the envelopes of a chain stand as they were sent.
func SentEnvelopePrefix(c Company, ch Channel) string {
	return fmt.Sprintf("envelopes/%s/%s/", c.path(), ch)
}
