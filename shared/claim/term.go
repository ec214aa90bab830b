package claim

import (
	"time"
)

// Days is how long events can be entered: eight calendar days (corridos) from the moment at which the SII received
// the document (Ley 19.983, artículo 3; manual v1.2).
const Days = 8

// Reminders are how many days before the end a person is told, if nothing was entered.
var Reminders = []int{3, 1}

// Term is the time of a document.
type Term struct {
	Received time.Time // at the SII
	// Ends is until when the receiver should have answered, Closes the last moment at which the SII may still
	// take one. Where the clock is changed between, eight days of the calendar and 192 hours differ by an hour, and
	// the SII does not say which it counts: the earlier one is the deadline that is told, and only after the later
	// one is an answer too late for certain.
	Ends, Closes time.Time

	chile *time.Location
}

// TermOf is the term of a document that the SII received at a time. Chile is America/Santiago.
func TermOf(received time.Time, chile *time.Location) Term {
	received = received.In(chile)
	calendar, hours := received.AddDate(0, 0, Days), received.Add(Days*24*time.Hour)
	t := Term{Received: received, Ends: calendar, Closes: hours, chile: chile}
	if hours.Before(calendar) {
		t.Ends, t.Closes = hours, calendar
	}
	return t
}

// Over tells whether nothing can be entered any more.
func (t Term) Over(now time.Time) bool { return now.After(t.Closes) }

// Remind is when a person is told that so many days are left.
func (t Term) Remind(days int) time.Time { return t.Ends.AddDate(0, 0, -days) }

// Due is the last reminder whose time has come, by its days; false if there is none yet or the term has ended.
func (t Term) Due(now time.Time) (int, bool) {
	if !now.Before(t.Ends) {
		return 0, false
	}
	days, found := 0, false
	for _, d := range Reminders {
		if !now.Before(t.Remind(d)) && (!found || d < days) {
			days, found = d, true
		}
	}
	return days, found
}

// Next is when the term is to be looked at again: the next reminder, or its close; false if it is over.
func (t Term) Next(now time.Time) (time.Time, bool) {
	next := t.Closes
	for _, d := range Reminders {
		if at := t.Remind(d); at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next, !t.Over(now)
}

// Stamp is how the SII writes moments: local time of Chile without zone.
const Stamp = "02-01-2006 15:04:05"

// ParseStamp reads a moment of the SII. In the hour that the end of summer time repeats, the first one is meant, so
// that no deadline comes too late.
func ParseStamp(text string, chile *time.Location) (time.Time, error) {
	at, err := time.ParseInLocation(Stamp, text, chile)
	if err != nil {
		return time.Time{}, err
	}
	if earlier := at.Add(-time.Hour); earlier.Format(Stamp) == text {
		return earlier, nil
	}
	return at, nil
}
