package onboard

import (
	"timbre/shared/alert"
	"timbre/shared/dte"
	"timbre/shared/store"
)

// cafAlerts warns of CAFs that will expire, or have, with folios that nobody used.
func (s *service) cafAlerts(of store.Company, t stockAnswer) []alert.Alert {
	var all []alert.Alert
	for _, f := range t.CAFs {
		if f.Expires == nil || f.Unused == 0 {
			continue
		}
		l, passed := level(cafLevels, daysUntil(*f.Expires, s.today()))
		if !passed {
			continue
		}
		all = append(all, alert.CAFExpiring{
			Company: of, Type: dte.Type(t.Type), From: f.From, To: f.To, Unused: f.Unused, Expires: *f.Expires, Level: l,
		})
	}
	return all
}

// foliosLow warns of a type whose folios last for few days more at the present pace, or not at all.
func foliosLow(of store.Company, t stockAnswer) (alert.FoliosLow, bool) {
	a := alert.FoliosLow{Company: of, Type: dte.Type(t.Type), Remaining: t.Remaining}
	for _, f := range t.CAFs {
		a.Last = max(a.Last, f.To)
	}
	if t.RunOut != nil {
		a.RunOut = *t.RunOut
	}
	if t.Remaining == 0 {
		return a, t.Used > 0 // a type that was never used is missed by nobody
	}
	if t.DaysLeft == nil {
		return a, false
	}
	var low bool
	a.Level, low = level(folioLevels, *t.DaysLeft)
	return a, low
}
