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

// stock counts the folios of a series from the listing of its claims, and tells how long they last.
func (s *service) stock(ctx context.Context, series store.Series, cafs []company.CAF) (stockAnswer, error) {
	count := newCounter(series, cafs, s.today().Format(time.DateOnly))
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
	pace, err := s.paceOf(ctx, series, cafs)
	if err != nil {
		return stockAnswer{}, err
	}
	count.forecast(pace, s.today())
	return count.stock, nil
}

// counter goes over the claims of a series in the order of their folios.
type counter struct {
	stock stockAnswer
	cafs  []*counted
	taken []int64 // folios of usable CAFs that may not be taken any more
	free  []int64 // folios of usable CAFs that were claimed in vain
}

// counted is a CAF while its folios are counted.
type counted struct {
	company.CAF
	usable       bool
	unused, lost int64
}

// newCounter takes the CAFs in the order of their folios.
func newCounter(series store.Series, cafs []company.CAF, day string) *counter {
	c := &counter{stock: stockAnswer{Type: int(series.Type), Name: series.Type.Name(), FreeFolios: []int64{}}}
	for _, f := range cafs {
		c.cafs = append(c.cafs, &counted{CAF: f, usable: f.UsableOn(day), unused: f.To - f.First + 1})
		c.stock.CAFs = append(c.stock.CAFs, stockCAF{cafAnswer: presentCAF(series.Env, f)})
	}
	return c
}

func (c *counter) claim(n int64, state folio.State) {
	of := c.covering(n)
	usable := of != nil && of.usable
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
	if of != nil {
		of.unused--
	}
	if usable {
		c.taken = append(c.taken, n)
	}
}

func (c *counter) covering(n int64) *counted {
	i := slices.IndexFunc(c.cafs, func(f *counted) bool { return f.First <= n && n <= f.To })
	if i < 0 {
		return nil
	}
	return c.cafs[i]
}

// finish tells what remains and which folio comes next: a free one, else the lowest that nobody claimed.
func (c *counter) finish() {
	for _, f := range c.cafs {
		if !f.usable {
			continue
		}
		c.stock.Remaining += f.unused
		if f.Expires != "" && (c.stock.Expires == nil || f.Expires < *c.stock.Expires) {
			c.stock.Expires = optional(f.Expires)
		}
	}
	c.stock.Next = c.lowest()
	if len(c.free) > 0 {
		c.stock.Next = &c.free[0]
	}
}

func (c *counter) lowest() *int64 {
	for _, f := range c.cafs {
		if !f.usable {
			continue
		}
		for n := f.First; n <= f.To; n++ {
			if _, taken := slices.BinarySearch(c.taken, n); !taken {
				return &n
			}
		}
	}
	return nil
}
