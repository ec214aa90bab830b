package pollstatus

import (
	"context"
	"encoding/json"
	"fmt"

	"timbre/shared/event"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// undelivered answers the events after a number that the company's webhook did not take in three days.
func (h *Handler) undelivered(ctx context.Context, c store.Company, after int64, limit int) (serve.Reply, error) {
	page := UndeliveredList{Items: []UndeliveredItem{}, After: after}
	q := store.Query{Prefix: store.DeadLetterPrefix(c), Start: store.DeadLetter(c, after+1).String(), Limit: limit}
	for o, err := range h.State.List(ctx, q) {
		if err != nil {
			return serve.Reply{}, err
		}
		if len(page.Items) == limit {
			break
		}
		n, err := store.ParseNumber(o.Name)
		if err != nil {
			return serve.Reply{}, err
		}
		item, err := h.undeliveredItem(ctx, c, n)
		if err != nil {
			return serve.Reply{}, err
		}
		page.Items, page.After = append(page.Items, item), n
	}
	return serve.JSON(page)
}

func (h *Handler) undeliveredItem(ctx context.Context, c store.Company, n int64) (UndeliveredItem, error) {
	var letter event.DeadLetter
	if _, err := h.State.ReadJSON(ctx, store.DeadLetter(c, n), &letter); err != nil {
		return UndeliveredItem{}, err
	}
	entry, err := h.journal.Get(ctx, c, n)
	if err != nil {
		return UndeliveredItem{}, err
	}
	item := UndeliveredItem{EventItem: EventItem{Number: n}}
	item.Delivery.Attempts, item.Delivery.At, item.Delivery.Reason = letter.Attempts, letter.At.In(h.chile), letter.Reason
	if err := json.Unmarshal(entry.Body, &item.Notice); err != nil {
		return UndeliveredItem{}, fmt.Errorf("decode event %d of %s: %w", n, c.RUT, err)
	}
	return item, nil
}
