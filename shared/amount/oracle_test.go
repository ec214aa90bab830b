package amount_test

import (
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"timbre/shared/amount"
)

// cases is 100,000 with WITNESS=1 and a short form else.
func cases() int {
	if os.Getenv("WITNESS") != "" {
		return 200_000
	}
	return 10_000
}

// randomNumber has up to 18 digits, up to places of them decimals, often near the ends and halves.
func randomNumber(r *rand.Rand, places int) string {
	n := r.Int64N([]int64{10, 1_000, 1_000_000, 1_000_000_000_000, 999_999_999_999_999_999}[r.IntN(5)])
	text := big.NewInt(n).String()
	scale := r.IntN(places + 1)
	for len(text) <= scale {
		text = "0" + text
	}
	if scale > 0 {
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	if r.IntN(4) == 0 && strings.Trim(text, "0.") != "" {
		text = "-" + text
	}
	return text
}

// agree fails unless got is want where want fits, and an error where it does not.
func agree(t *testing.T, what string, got amount.Decimal, err error, want decimal.Decimal) {
	t.Helper()
	_, tooLong := amount.Parse(want.String())
	fits := tooLong == nil
	if err == nil && (got.String() != want.String() || !fits) {
		t.Fatalf("%s = %s, oracle %s", what, got, want)
	}
	if err != nil && fits {
		t.Fatalf("%s: %v, oracle %s", what, err, want)
	}
}

func TestAgainstOracle(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range cases() {
		a, b, p := randomNumber(r, 6), randomNumber(r, 6), randomNumber(r, 2)
		da, db, dp := amount.MustParse(a), amount.MustParse(b), amount.MustParse(p)
		oa, ob, op := decimal.RequireFromString(a), decimal.RequireFromString(b), decimal.RequireFromString(p)
		places := r.IntN(7)

		product, err := amount.Product(places, da, db)
		agree(t, a+" × "+b, product, err, oa.Mul(ob).Round(int32(places)))
		triple, err := amount.Product(places, da, db, dp)
		agree(t, a+" × "+b+" × "+p, triple, err, oa.Mul(ob).Mul(op).Round(int32(places)))
		sum, err := da.Add(db)
		agree(t, a+" + "+b, sum, err, oa.Add(ob))
		difference, err := da.Sub(db)
		agree(t, a+" - "+b, difference, err, oa.Sub(ob))
		if !db.IsZero() {
			quotient, err := amount.Quotient(places, da, db)
			agree(t, a+" / "+b, quotient, err, ratio(oa, ob, places))
			portion, err := amount.Portion(places, da, dp, db)
			agree(t, a+" × "+p+" / "+b, portion, err, ratio(oa.Mul(op), ob, places))
		}
		if got := da.Cmp(db); got != oa.Cmp(ob) {
			t.Fatalf("Cmp(%s, %s) = %d", a, b, got)
		}
		if got := da.HalfAwayFromZero(places); got.String() != oa.Round(int32(places)).String() {
			t.Fatalf("%s at %d places is %s", a, places, got)
		}
	}
}

// ratio rounds a / b once, half away from zero, by exact fractions.
func ratio(a, b decimal.Decimal, places int) decimal.Decimal {
	scaled := new(big.Rat).Quo(a.Rat(), b.Rat())
	scaled.Mul(scaled, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)))
	half := big.NewRat(int64(scaled.Sign()), 2)
	scaled.Add(scaled, half)
	return decimal.NewFromBigInt(new(big.Int).Quo(scaled.Num(), scaled.Denom()), -int32(places))
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0", "-12.50", "1e3", "999999999999.999999", "1e-18", "5."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := amount.Parse(s)
		if err != nil {
			return
		}
		again, err := amount.Parse(d.String())
		if err != nil || again != d {
			t.Fatalf("%q reads as %s, which reads as %s, %v", s, d, again, err)
		}
		if want, err := decimal.NewFromString(s); err == nil && want.String() != d.String() {
			t.Fatalf("%q reads as %s, oracle %s", s, d, want)
		}
	})
}

func BenchmarkProduct(b *testing.B) {
	qty, price := amount.MustParse("12345.678901"), amount.MustParse("987654.321")
	for b.Loop() {
		if _, err := amount.Product(0, qty, price); err != nil {
			b.Fatal(err)
		}
	}
}
