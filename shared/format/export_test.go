package format

import "strings"

// Sample is a valid value of a type.
func (s *Simple) Sample() string {
	switch {
	case len(s.values) > 0:
		return s.values[len(s.values)-1]
	case s.pattern:
		return "60803000-K"
	}
	switch s.base {
	case baseString:
		return strings.Repeat("A", max(s.minLength, 1))
	case baseDate:
		return "2026-11-23"
	case baseDateTime:
		return "2026-11-23T10:11:12"
	case baseTime:
		return "10:11:12"
	case baseBase64:
		return "AQID BA=="
	}
	if s.min != "" {
		return s.min
	}
	if s.max != "" {
		return s.max
	}
	return "1"
}

// Edges are values at and beyond the limits of a type, good and bad.
func (s *Simple) Edges() []string {
	edges := []string{"", " ", "x", "0", "1", "-1", "-0", "+1", "01", "1.0", "1.", ".5", "1e3", "999999999999999999", "9999999999999999999", "0.000001", "0.0000001", "1.123456789"}
	edges = append(edges, s.values...)
	sample := s.Sample()
	edges = append(edges, sample+" ", " "+sample, sample+"x", strings.ToLower(sample))
	if s.maxLength > 0 {
		edges = append(edges, strings.Repeat("ñ", s.maxLength), strings.Repeat("ñ", s.maxLength+1), strings.Repeat("&", s.maxLength))
	}
	if s.minLength > 1 {
		edges = append(edges, strings.Repeat("1", s.minLength-1))
	}
	if s.digits > 0 {
		edges = append(edges, strings.Repeat("9", s.digits), strings.Repeat("9", s.digits+1), strings.Repeat("9", max(s.digits-s.places, 0))+"."+strings.Repeat("9", s.places))
	}
	for _, limit := range []string{s.min, s.max} {
		if limit != "" {
			edges = append(edges, limit, limit+"0", limit+"1", "-"+limit)
		}
	}
	return append(edges, s.odd()...)
}

func (s *Simple) odd() []string {
	switch s.base {
	case baseDate:
		return []string{"2026-02-29", "2024-02-29", "2026-2-1", "1999-12-31", "2050-12-31", "2051-01-01", "2026-11-23Z", "2026-11-23-03:00", "2026-11-23+14:00", "2026-11-23+14:01", "2026-11-23T00:00:00", "0000-01-01", "-2026-01-01", "2026-13-01", "2026-00-10", "23-11-2026"}
	case baseDateTime:
		return []string{"2026-11-23T24:00:00", "2026-11-23T24:00:01", "2026-11-23T23:59:60", "2026-11-23T10:11", "2026-11-23 10:11:12", "2026-11-23T10:11:12Z", "2026-11-23T10:11:12.5", "2026-11-23T10:11:12.", "2026-11-23T10:11:12-03:00", "1999-12-31T23:59:59", "2050-12-31T23:59:59", "2050-12-31T23:59:59.5", "2051-01-01T00:00:00", "2026-11-23T1:11:12"}
	case baseTime:
		return []string{"24:00:00", "23:59:59", "00:00:00", "23:59:60", "10:11", "10:11:12Z", "10:11:12.25", "25:00:00"}
	case baseBase64:
		return []string{"AQ==", "AR==", "AQI=", "AQJ=", "AQID", "AQI", "A===", "====", "AQ=", "AQ= =", "A Q = =", "AQ==AQ==", "\nAQID\n"}
	case baseLong, baseUnsignedLong:
		return []string{"9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616", " 1", "1 ", "+1"}
	}
	if s.pattern {
		return []string{"1-9", "10-8", "60803000-k", "60803000-K", "60.803.000-K", "-9", "1-", "12345678-90", "123456789-0", "608030 0-K"}
	}
	return nil
}

// Reload forgets the tables that were read.
func Reload() { loaded.roots = nil }
