package caf

import (
	"time"

	"timbre/shared/dte"
)

// validMonths is how long folios live that give a right to fiscal credit (Res. Ex. SII 58 of 2017).
const validMonths = 6

// inForce is since when (FA) folios expire; those authorized before do not.
const inForce = "2018-07-01"

// expires holds the types to which Res. Ex. SII 58 of 2017 applies.
var expires = map[dte.Type]bool{
	dte.Factura: true, dte.LiquidacionFactura: true, dte.FacturaCompra: true, dte.NotaDebito: true, dte.NotaCredito: true,
}

// ExpiresOn is the last day on which a document may be signed under the authorization, midnight UTC;
// false if it does not expire, by its
// type or because it is older than the resolution. The SII answers CAF-3-517 when TmstFirma is more than six months after
// FA. Whether the last of those days counts is not documented, so we stop one day earlier.
func (a *Authorization) ExpiresOn() (time.Time, bool) {
	if !expires[a.Type] || a.AuthorizedOn.Format(time.DateOnly) < inForce {
		return time.Time{}, false
	}
	year, month, day := a.AuthorizedOn.Date()
	end := time.Date(year, month+validMonths, day, 0, 0, 0, 0, time.UTC)
	if end.Day() != day { // 31 August has no twin in February: the month's last day
		end = end.AddDate(0, 0, -end.Day())
	}
	return end.AddDate(0, 0, -1), true
}

// ExpiredAt tells whether the day of signing, taken in its own time zone, is past ExpiresOn.
func (a *Authorization) ExpiredAt(signing time.Time) bool {
	last, ok := a.ExpiresOn()
	return ok && signing.Format(time.DateOnly) > last.Format(time.DateOnly)
}
