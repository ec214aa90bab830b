package onboard

import (
	"context"
	"slices"
	"time"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/folio"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// maxFreeListed bounds the list of free folios in an answer.
const maxFreeListed = 1000

// metaState is the metadata of a claim that tells its folio.State in listings.
const metaState = "state"

// folios counts the stock of every type for which the company has a CAF.
func (s *service) folios(ctx context.Context, r rut.RUT, environment string) (foliosAnswer, error) {
	c, e, err := s.loadIn(ctx, r, environment)
	if err != nil {
		return foliosAnswer{}, err
	}
	answer := foliosAnswer{Company: r, Environment: e, Types: []stockAnswer{}}
	for _, t := range dte.Types() {
		cafs := c.In(e).CAFsOf(t)
		if len(cafs) == 0 {
			continue
		}
		stock, err := s.stock(ctx, store.Series{Company: store.Company{Env: e, RUT: r}, Type: t}, cafs)
		if err != nil {
			return foliosAnswer{}, err
		}
		answer.Types = append(answer.Types, stock)
	}
	return answer, nil
}

// stock counts the folios of a series from the listing of its claims.
func (s *service) stock(ctx context.Context, series store.Series, cafs []company.CAF) (stockAnswer, error) {
	day := s.today().Format(time.DateOnly)
	stock := stockAnswer{Type: int(series.Type), Name: series.Type.Name(), FreeFolios: []int64{}, CAFs: presentCAFs(series.Env, cafs)}
	usable := slices.DeleteFunc(slices.Clone(cafs), func(c company.CAF) bool { return !c.UsableOn(day) })
	count := counter{stock: &stock, usable: usable}
	for o, err := range s.state.List(ctx, store.Query{Prefix: store.ClaimPrefix(series)}) {
		if err != nil {
			return stockAnswer{}, err
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return stockAnswer{}, err
		}
		count.claim(id.Folio, folio.State(o.Meta[metaState]))
	}
	count.finish()
	return stock, nil
}

// counter goes over the claims of a series in the order of their folios.
type counter struct {
	stock  *stockAnswer
	usable []company.CAF // in the order of their folios
	taken  []int64       // folios of usable CAFs that may not be taken any more
	free   []int64       // folios of usable CAFs that were claimed in vain
}

func (c *counter) claim(n int64, state folio.State) {
	usable := slices.ContainsFunc(c.usable, func(u company.CAF) bool { return u.First <= n && n <= u.To })
	switch state {
	case folio.Free:
		c.stock.Free++
		if len(c.stock.FreeFolios) < maxFreeListed {
			c.stock.FreeFolios = append(c.stock.FreeFolios, n)
		}
		if usable {
			c.free = append(c.free, n)
		}
		return
	case folio.Void:
		c.stock.Voided++
	case folio.Reserved:
		c.stock.Reserved++
	default:
		c.stock.Used++
	}
	if usable {
		c.taken = append(c.taken, n)
	}
}

// finish tells what remains and which folio comes next: a free one, else the lowest that nobody claimed.
func (c *counter) finish() {
	for _, u := range c.usable {
		c.stock.Remaining += u.To - u.First + 1
		if u.Expires != "" && (c.stock.Expires == nil || u.Expires < *c.stock.Expires) {
			c.stock.Expires = optional(u.Expires)
		}
	}
	c.stock.Remaining -= int64(len(c.taken))
	if len(c.free) > 0 {
		c.stock.Next = &c.free[0]
		return
	}
	c.stock.Next = c.lowest()
}

func (c *counter) lowest() *int64 {
	for _, u := range c.usable {
		for n := u.First; n <= u.To; n++ {
			if _, taken := slices.BinarySearch(c.taken, n); !taken {
				return &n
			}
		}
	}
	return nil
}
