package gcs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Options say where the emulator listens and keeps its objects. The zero value
// listens on a free port of the loopback and keeps them in memory.
type Options struct {
	Addr    string           // default 127.0.0.1:0
	Dir     string           // empty: memory only
	Buckets []Bucket         // exist from the start; their retention wins over what Dir remembers
	Dials   Dials            // first setting; changeable while it runs
	Seed    uint64           // of the faults that have a probability
	Now     func() time.Time // default time.Now
}

// Bucket names a bucket and how long its objects can neither be overwritten nor
// deleted (zero: no retention policy).
type Bucket struct {
	Name      string
	Retention time.Duration
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

// ParseBuckets reads a list such as
// "timbre-archive:retention=2190d,timbre-state". Durations are those of
// time.ParseDuration, and days ("30d").
func ParseBuckets(list string) ([]Bucket, error) {
	var out []Bucket
	for _, item := range strings.Split(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		b, err := parseBucket(item)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func parseBucket(item string) (Bucket, error) {
	name, rest, _ := strings.Cut(item, ":")
	if !bucketName.MatchString(name) {
		return Bucket{}, fmt.Errorf("bucket %q: not a bucket name", name)
	}
	if rest == "" {
		return Bucket{Name: name}, nil
	}
	value, ok := strings.CutPrefix(rest, "retention=")
	if !ok {
		return Bucket{}, fmt.Errorf("bucket %q: unknown option %q", name, rest)
	}
	period, err := parsePeriod(value)
	if err != nil {
		return Bucket{}, fmt.Errorf("bucket %q: retention: %w", name, err)
	}
	return Bucket{Name: name, Retention: period}, nil
}

func parsePeriod(s string) (time.Duration, error) {
	days, ok := strings.CutSuffix(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("days: %w", err)
	}
	return time.Duration(n) * 24 * time.Hour, nil
}
