package crash

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

// crossed are the uploads that went over the wire.
type crossed struct {
	mu      sync.Mutex
	uploads []crossing
}

type crossing struct {
	documents int
	from, to  time.Time
}

// note keeps a call if it was an upload.
func (c *crossed) note(what string, body []byte, from time.Time) {
	if what != "upload" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uploads = append(c.uploads, crossing{bytes.Count(body, []byte("<TED ")), from, time.Now()})
}

func (c *crossed) all() []crossing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.uploads)
}
