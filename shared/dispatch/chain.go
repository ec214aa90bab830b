package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"timbre/shared/rut"
	"timbre/shared/store"
)

// Chain is the run of envelopes of a company in one environment on one channel.
type Chain struct {
	store.Company
	Channel store.Channel
}

// ChainOf is the chain that an envelope belongs to.
func ChainOf(e store.EnvelopeID) Chain { return Chain{Company: e.Company, Channel: e.Channel} }

// ChainFor is the chain on which a document travels.
func ChainFor(d store.DocumentID) Chain {
	return Chain{Company: d.Company, Channel: store.ChannelOf(d.Type)}
}

// Envelope is the id of the chain's n-th envelope.
func (c Chain) Envelope(n int64) store.EnvelopeID {
	return store.EnvelopeID{Company: c.Company, Channel: c.Channel, Number: n}
}

// Parts name the chain in due entries.
func (c Chain) Parts() []string { return []string{string(c.Env), c.RUT.String(), string(c.Channel)} }

// ParseChain reads what Parts wrote.
func ParseChain(parts []string) (Chain, error) {
	if len(parts) < 3 {
		return Chain{}, fmt.Errorf("dispatch: %q names no chain", parts)
	}
	r, err := rut.Parse(parts[1])
	if err != nil {
		return Chain{}, fmt.Errorf("dispatch: %q: %w", parts, err)
	}
	c := Chain{Company: store.Company{Env: store.Environment(parts[0]), RUT: r}, Channel: store.Channel(parts[2])}
	if !c.Env.Valid() || c.Channel != store.DTE && c.Channel != store.Boleta {
		return Chain{}, fmt.Errorf("dispatch: %q names no chain", parts)
	}
	return c, nil
}

// Waiting lists the chains whose outbox is not empty.
func Waiting(ctx context.Context, b *store.Bucket) ([]Chain, error) {
	var chains []Chain
	for _, env := range []store.Environment{store.Certificacion, store.Produccion} {
		companies, err := b.Prefixes(ctx, store.OutboxRoot+string(env)+"/")
		if err != nil {
			return nil, err
		}
		for _, company := range companies {
			channels, err := b.Prefixes(ctx, company)
			if err != nil {
				return nil, err
			}
			for _, channel := range channels {
				c, err := ParseChain(strings.Split(strings.TrimPrefix(channel, store.OutboxRoot), "/"))
				if err != nil {
					return nil, err
				}
				chains = append(chains, c)
			}
		}
	}
	return chains, nil
}

// Last is the number of the chain's last plan, 0 if there is none. hint is a number that is known to
// exist (0: none known). As the numbers have no gaps, the last one is found by doubling and halving.
func Last(ctx context.Context, b *store.Bucket, c Chain, hint int64) (int64, error) {
	known, step := hint, int64(1)
	for {
		exists, err := planExists(ctx, b, c, known+step)
		if err != nil {
			return 0, err
		}
		if !exists {
			break
		}
		known, step = known+step, step*2
	}
	for step > 1 { // known exists, known+step does not
		step /= 2
		exists, err := planExists(ctx, b, c, known+step)
		if err != nil {
			return 0, err
		}
		if exists {
			known += step
		}
	}
	return known, nil
}

func planExists(ctx context.Context, b *store.Bucket, c Chain, n int64) (bool, error) {
	return b.Exists(ctx, store.Plan(c.Envelope(n)))
}

// isMissing tells whether an object is not there.
func isMissing(err error) bool { return errors.Is(err, store.ErrNotFound) }
