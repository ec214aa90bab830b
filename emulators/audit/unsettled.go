package audit

import (
	"context"
	"fmt"
	"strings"
)

// Open is what has not come to its end.
type Open struct {
	Claims    int // without document
	Documents int // without verdict, or waiting though not blocked
	Envelopes int // neither refused nor decided
	Events    int // that callers are still to be told
}

// Nothing tells whether all has come to its end.
func (o Open) Nothing() bool { return o == Open{} }

func (o Open) String() string {
	return fmt.Sprintf("%d claims, %d documents, %d envelopes, %d events", o.Claims, o.Documents, o.Envelopes, o.Events)
}

// ends are the states in which a document rests.
var ends = map[string]bool{"accepted": true, "accepted_with_remarks": true, "rejected": true, "blocked": true}

// Statuses counts the documents in each state, by one listing.
func Statuses(ctx context.Context, s Sources) (map[string]int, error) {
	documents, err := bucket{s.Storage, orDefault(s.State, "timbre-state")}.list(ctx, "doc/")
	counts := map[string]int{}
	for _, o := range documents {
		counts[o.meta["status"]]++
	}
	return counts, err
}

// Unsettled looks, by listings, at what still moves. It is cheap beside Run, and proves nothing.
func Unsettled(ctx context.Context, s Sources) (Open, error) {
	state := bucket{s.Storage, orDefault(s.State, "timbre-state")}
	documents, err := state.list(ctx, "doc/")
	if err != nil {
		return Open{}, err
	}
	var open Open
	made := map[id]bool{}
	for _, o := range documents {
		i, err := parseID(o.name)
		if err != nil {
			return Open{}, err
		}
		if made[i] = true; !ends[o.meta["status"]] {
			open.Documents++
		}
	}
	claims, err := state.list(ctx, "claims/")
	if err != nil {
		return Open{}, err
	}
	covered, _, err := announced(ctx, state, s.Announced)
	if err != nil {
		return Open{}, err
	}
	if len(s.Deliveries) > 0 && !s.Announced {
		if open.Events, err = untold(ctx, state); err != nil {
			return Open{}, err
		}
	}
	for _, o := range claims {
		i, err := parseID(o.name)
		if err != nil {
			return Open{}, err
		}
		if o.meta["state"] == "held" && !made[i] && !covered[i.series] {
			open.Claims++
		}
	}
	return open, each(ctx, state, "envelopes/", func(_ string, p plan) error {
		if p.State != "done" && p.State != "refused" {
			open.Envelopes++
		}
		return nil
	})
}

// untold counts what notify is to look at.
func untold(ctx context.Context, state bucket) (int, error) {
	entries, err := state.list(ctx, "due/")
	n := 0
	for _, o := range entries {
		if parts := strings.Split(o.name, "/"); len(parts) > 3 && parts[2] == "notify" {
			n++
		}
	}
	return n, err
}

// announced are the series that a sweep is announced for, and the documents whose changes notify is to tell.
func announced(ctx context.Context, state bucket, asked bool) (map[series]bool, map[id]bool, error) {
	covered, told := map[series]bool{}, map[id]bool{}
	if !asked {
		return covered, told, nil
	}
	entries, err := state.list(ctx, "due/")
	if err != nil {
		return nil, nil, err
	}
	for _, o := range entries { // due/{minute}/generate-sign/{e}/{rut}/{type}, due/{minute}/notify/document/{e}/{rut}/{type}/{folio}/…
		parts := strings.Split(o.name, "/")
		switch {
		case len(parts) == 6 && parts[2] == "generate-sign":
			s, err := parseSeries(strings.Join(parts[2:], "/"))
			if err != nil {
				return nil, nil, err
			}
			covered[s] = true
		case len(parts) > 8 && parts[2] == "notify" && parts[3] == "document":
			i, err := parseID(strings.Join(parts[3:8], "/"))
			if err != nil {
				return nil, nil, err
			}
			told[i] = true
		}
	}
	return covered, told, nil
}
