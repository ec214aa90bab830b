package onboard

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"timbre/shared/company"
	"timbre/shared/store"
)

const (
	// paceDays is how many days back the pace is taken from.
	paceDays = 30
	day      = 24 * time.Hour
	// maxDays bounds a forecast, so that it stays a date.
	maxDays = 36_500
)

// The metadata of a document that tells its date and status in listings.
const (
	metaDate   = "date"
	metaStatus = "status"
)

// pace is how many folios were used in how many days.
type pace struct{ used, days int64 }

// within is how many folios are used in so many days.
func (p pace) within(days int64) int64 { return p.used * max(days, 0) / max(p.days, 1) }

// lasts is for how many whole days so many folios last; nil if none is used.
func (p pace) lasts(folios int64) *int64 {
	if p.used == 0 {
		return nil
	}
	days := min(folios*p.days/p.used, maxDays)
	return &days
}

// perDay is the pace with one decimal.
func (p pace) perDay() json.Number {
	tenths := p.used * 10 / max(p.days, 1)
	return json.Number(fmt.Sprintf("%d.%d", tenths/10, tenths%10))
}

// paceOf counts the documents of the last days by the dates of a listing. Folios are used from the lowest
// on, so that below a CAF whose documents are all older none is younger.
func (s *service) paceOf(ctx context.Context, series store.Series, cafs []company.CAF) (pace, error) {
	today := s.today()
	since := today.AddDate(0, 0, 1-paceDays).Format(time.DateOnly)
	first, used := today.Format(time.DateOnly), int64(0)
	for _, c := range slices.Backward(cafs) {
		older, younger, err := s.countDates(ctx, series, c, since, &first)
		if err != nil {
			return pace{}, err
		}
		used += younger
		if older > 0 {
			first = since
		}
		if older > 0 && younger == 0 {
			break
		}
	}
	return pace{used: used, days: daysBetween(first, today) + 1}, nil
}

// countDates counts the documents of a CAF before a day and since then; first becomes the day of the
// earliest of the younger ones.
func (s *service) countDates(ctx context.Context, series store.Series, c company.CAF, since string, first *string) (int64, int64, error) {
	var older, younger int64
	query := store.Query{
		Prefix: store.DocumentPrefix(series),
		Start:  store.Document(store.DocumentID{Series: series, Folio: c.From}).String(),
		End:    store.Document(store.DocumentID{Series: series, Folio: c.To + 1}).String(),
	}
	for o, err := range s.state.List(ctx, query) {
		if err != nil {
			return 0, 0, err
		}
		if o.Meta[metaDate] < since {
			older++
			continue
		}
		younger++
		*first = min(*first, o.Meta[metaDate])
	}
	return older, younger, nil
}

// daysBetween counts from the day of a date, AAAA-MM-DD, to another; negative if that comes before.
func daysBetween(date string, to time.Time) int64 {
	from, err := time.Parse(time.DateOnly, date)
	if err != nil { // no date was ever written so
		return 0
	}
	until := time.Date(to.Year(), to.Month(), to.Day(), 0, 0, 0, 0, time.UTC)
	return int64(until.Sub(from) / day)
}

// daysUntil counts from today to a date, AAAA-MM-DD.
func daysUntil(date string, today time.Time) int64 { return -daysBetween(date, today) }

// forecast spreads the pace over the CAFs from the lowest on: what is not used on the last day of a CAF
// is lost, what is left of all lasts until the run-out.
func (c *counter) forecast(p pace, today time.Time) {
	var lasting int64
	for i, f := range c.cafs {
		switch {
		case !f.usable:
			f.lost = f.unused
		case f.Expires != "":
			able := max(p.within(daysUntil(f.Expires, today)+1)-lasting, 0)
			f.lost = max(f.unused-able, 0)
		}
		lasting += f.unused - f.lost
		c.stock.Lost += f.lost
		c.stock.CAFs[i].Unused, c.stock.CAFs[i].Lost = f.unused, f.lost
	}
	c.stock.UsedRecently, c.stock.PerDay, c.stock.DaysLeft = p.used, p.perDay(), p.lasts(lasting)
	if c.stock.DaysLeft != nil {
		c.stock.RunOut = optional(today.AddDate(0, 0, int(*c.stock.DaysLeft)).Format(time.DateOnly))
	}
}
