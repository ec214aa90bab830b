package format

import "strings"

// checkTime checks a date, a date with time, or a time. The SII writes them without a zone; the
// schema allows one, so documents of others may have it.
func (s *Simple) checkTime(text string) Fault {
	local, zoned := cutZone(text)
	date, clock := local, ""
	switch s.base {
	case baseDateTime:
		var found bool
		if date, clock, found = strings.Cut(local, "T"); !found {
			return BadDate
		}
	case baseTime:
		date, clock = "2000-01-01", local
	}
	if !isDate(date) || s.base != baseDate && !isClock(clock) {
		return BadDate
	}
	if s.outside(local, zoned) {
		return OutOfRange
	}
	return ""
}

// outside compares as text, which is by time since the forms are of fixed length. A zone moves a
// time by up to 14 hours: values at the ends of the range are then refused.
func (s *Simple) outside(local string, zoned bool) bool {
	if s.min == "" {
		return false
	}
	if zoned && s.base != baseTime {
		day := len("2000-01-01")
		return local[:day] <= s.min[:day] || local[:day] >= s.max[:day]
	}
	return local < s.min || local > s.max
}

// cutZone takes off Z or an offset of at most 14 hours.
func cutZone(s string) (string, bool) {
	if local, ok := strings.CutSuffix(s, "Z"); ok {
		return local, true
	}
	n := len(s) - len("+00:00")
	if n <= 0 || s[n] != '+' && s[n] != '-' || s[n+3] != ':' || !isDigits(s[n+1:n+3]+s[n+4:]) {
		return s, false
	}
	if n < len("00:00:00") || s[n:n+3] > s[n:n+1]+"14" || s[n+4:] > "59" || s[n+1:] > "14:00" {
		return s, false
	}
	return s[:n], true
}

// isDate is AAAA-MM-DD, a day that exists.
func isDate(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' || !isDigits(s[:4]+s[5:7]+s[8:]) {
		return false
	}
	year, month, day := number(s[:4]), number(s[5:7]), number(s[8:])
	return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// isClock is HH:MM:SS, perhaps with a fraction.
func isClock(s string) bool {
	s, fraction, found := strings.Cut(s, ".")
	if found && (fraction == "" || !isDigits(fraction)) {
		return false
	}
	if len(s) != 8 || s[2] != ':' || s[5] != ':' || !isDigits(s[:2]+s[3:5]+s[6:]) {
		return false
	}
	if s == "24:00:00" {
		return strings.Trim(fraction, "0") == ""
	}
	return s[:2] <= "23" && s[3:5] <= "59" && s[6:] <= "59"
}
