package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// batch sends many orders of one company in one request, and again until each row has its answer.
func (c *callers) batch(ctx context.Context, rows int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	waiting := map[string]order{}
	company := c.company(c.cluster.dice.below(len(c.cluster.companies)))
	for range rows {
		n := int(c.orders.Add(1))
		o := invoice(fmt.Sprintf("pedido-%06d", n), company, 33+n%2, n) // boletas may not be among others
		waiting[o.key] = o
	}
	c.rows.Add(int64(rows))
	for {
		if err := c.sendBatch(ctx, company, waiting); err != nil {
			return err
		}
		if len(waiting) == 0 {
			return nil
		}
		c.unheard.Add(1)
		if !c.rest(ctx) {
			return nil
		}
	}
}

// sendBatch sends what waits and takes out what was answered.
func (c *callers) sendBatch(ctx context.Context, company string, waiting map[string]order) error {
	var keys []string
	var documents []object
	for key, o := range waiting {
		keys = append(keys, key)
		documents = append(documents, object{"idempotency_key": key, "reference": key, "document": o.document})
	}
	// The product wants the company before the documents, as encoding/json orders them.
	status, text, err := c.post(ctx, "/v1/batches", object{"company": company, "documents": documents}, "")
	if err != nil || status != http.StatusOK {
		return nil //nolint:nilerr // asked again
	}
	var answer struct {
		Results []struct {
			Index    int             `json:"index"`
			Status   int             `json:"status"`
			Document json.RawMessage `json:"document"`
			Problem  json.RawMessage `json:"problem"`
		} `json:"results"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil //nolint:nilerr // cut off by a death; asked again
	}
	for _, r := range answer.Results {
		if r.Status/100 != 2 && !final(r.Status, r.Problem) {
			continue
		}
		if err := c.note(waiting[keys[r.Index]], r.Status, slices.Concat(r.Document, r.Problem)); err != nil {
			return err
		}
		delete(waiting, keys[r.Index])
	}
	return nil
}
