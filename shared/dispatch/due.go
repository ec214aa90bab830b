package dispatch

import (
	"fmt"
	"strconv"

	"timbre/shared/store"
)

// DueParts name an envelope in due entries.
func DueParts(e store.EnvelopeID) []string {
	return append(ChainOf(e).Parts(), fmt.Sprintf("%010d", e.Number))
}

// ParseDue reads what DueParts wrote.
func ParseDue(parts []string) (store.EnvelopeID, error) {
	c, err := ParseChain(parts)
	if err != nil {
		return store.EnvelopeID{}, err
	}
	if len(parts) != 4 {
		return store.EnvelopeID{}, fmt.Errorf("dispatch: %q names no envelope", parts)
	}
	n, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil || n < 1 {
		return store.EnvelopeID{}, fmt.Errorf("dispatch: %q names no envelope", parts)
	}
	return c.Envelope(n), nil
}
