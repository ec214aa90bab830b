package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// logged is an entry of a company's log.
type logged struct {
	number int64
	id     string // of the event
}

// readLogs reads log/{e}/{rut}/events/{n}.json.
func (b *books) readLogs(ctx context.Context, state bucket) error {
	b.logs = map[string][]logged{}
	return each(ctx, state, "log/", func(name string, e struct {
		ID string `json:"id"`
	}) error {
		parts := strings.Split(strings.TrimSuffix(name, ".json"), "/")
		if len(parts) != 5 {
			return fmt.Errorf("%s is no entry of a log", name)
		}
		if parts[3] != "events" {
			return nil
		}
		n, err := strconv.ParseInt(parts[4], 10, 64)
		company := parts[1] + "/" + parts[2]
		b.logs[company] = append(b.logs[company], logged{n, e.ID})
		return err
	})
}

// event is the id of a document's seq-th change (API.md: unique and stable).
func (i id) event(seq int) string {
	return fmt.Sprintf("%s.%s.%d.%d.%d", i.env, i.rut, i.kind, i.folio, seq)
}

// checkEvents compares what callers were told with what became of the documents.
func (a *auditor) checkEvents() {
	if !a.listened {
		return
	}
	known := map[string]bool{}
	for company, entries := range a.logs {
		for n, e := range entries { // listed in the order of their numbers
			if e.number != int64(n)+1 && len(a.told) == 0 { // else a batch may be on its way
				a.violate(LogWhole, company, "entry %d follows %d entries", e.number, n)
			}
			if known[e.id] {
				a.violate(LogWhole, company, "has %s twice", e.id)
			}
			known[e.id] = true
		}
		a.count("events logged", len(entries))
	}
	last := a.checkDeliveries()
	for i, r := range a.records {
		told := last[i]
		switch {
		case a.told[i]:
			a.count("documents whose change may be told later", 1)
			continue
		case told.Seq == r.Seq && (told.Status == r.Status || r.Seq == 0): // of the issue nobody is told
		default:
			a.violate(Told, i.String(), "is %s by its change %d; told was %q, change %d", r.Status, r.Seq, told.Status, told.Seq)
		}
		for seq := 1; seq <= r.Seq; seq++ {
			if !known[i.event(seq)] {
				a.violate(LogWhole, i.String(), "change %d of %d is not in the log", seq, r.Seq)
			}
		}
	}
}

// checkDeliveries tells the last event of each document; its events must first come in their order.
func (a *auditor) checkDeliveries() map[id]Delivery {
	last, seen := map[id]Delivery{}, map[string]bool{}
	a.count("webhooks taken", len(a.deliveries))
	documents := slices.DeleteFunc(slices.Clone(a.deliveries), func(d Delivery) bool { return d.Event != "document.status" })
	for _, d := range documents {
		i := d.document()
		if seen[d.ID] {
			a.count("webhooks taken again", 1)
			continue
		}
		if seen[d.ID] = true; d.Seq <= last[i].Seq {
			a.violate(ToldInOrder, i.String(), "change %d was told after %d", d.Seq, last[i].Seq)
			continue
		}
		if _, ours := a.records[i]; !ours {
			a.violate(Told, i.String(), "was told of, but there is no document")
		}
		last[i] = d
	}
	return last
}
