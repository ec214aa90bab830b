package judge

import (
	"math/big"
	"strings"

	"github.com/beevik/etree"
)

// amount reads a number exactly; absent is zero. The schema has seen it before.
func amount(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(strings.TrimSpace(s))
	if !ok {
		return new(big.Rat)
	}
	return r
}

func amountAt(el *etree.Element, path string) *big.Rat { return amount(get(el, path)) }

func sum(values ...*big.Rat) *big.Rat {
	total := new(big.Rat)
	for _, v := range values {
		total.Add(total, v)
	}
	return total
}

func minus(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }

func times(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }

// percent is p per cent of a base.
func percent(base, p *big.Rat) *big.Rat {
	return new(big.Rat).Quo(times(base, p), big.NewRat(100, 1))
}

// pesos rounds half away from zero, as the SII's examples do.
func pesos(a *big.Rat) *big.Rat {
	half := big.NewRat(1, 2)
	if a.Sign() < 0 {
		return new(big.Rat).Neg(pesos(new(big.Rat).Neg(a)))
	}
	n := sum(a, half)
	return new(big.Rat).SetInt(new(big.Int).Quo(n.Num(), n.Denom()))
}

// within says whether two amounts differ by no more than limit.
func within(a, b, limit *big.Rat) bool {
	return new(big.Rat).Abs(minus(a, b)).Cmp(limit) <= 0
}

func show(a *big.Rat) string {
	return strings.TrimRight(strings.TrimRight(a.FloatString(4), "0"), ".")
}
