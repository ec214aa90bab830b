package amount_test

import (
	"encoding/json"
	"errors"
	"testing"

	"timbre/shared/amount"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, want string
		err      error
	}{
		{"0", "0", nil},
		{"-0", "0", nil},
		{"0.00", "0", nil},
		{"1", "1", nil},
		{"-12.50", "-12.5", nil},
		{"007.0", "7", nil},
		{"168.000000", "168", nil},
		{"0.000001", "0.000001", nil},
		{"999999999999.999999", "999999999999.999999", nil},
		{"999999999999999999", "999999999999999999", nil},
		{"1e3", "1000", nil},
		{"1.5E+2", "150", nil},
		{"25e-1", "2.5", nil},
		{"100e-2", "1", nil},
		{"0e9999", "0", nil},
		{"1e17", "100000000000000000", nil},
		{"1000000000000000000", "", amount.ErrRange},
		{"1e18", "", amount.ErrRange},
		{"1e-19", "", amount.ErrRange},
		{"1e9999", "", amount.ErrRange},
		{"12345678901234567.89", "", amount.ErrRange},
		{"0.1234567890123456789", "", amount.ErrRange},
		{"", "", amount.ErrSyntax},
		{"-", "", amount.ErrSyntax},
		{".5", "", amount.ErrSyntax},
		{"5.", "", amount.ErrSyntax},
		{"+5", "", amount.ErrSyntax},
		{"1e", "", amount.ErrSyntax},
		{"1e+", "", amount.ErrSyntax},
		{"1e++1", "", amount.ErrSyntax},
		{"1e99999", "", amount.ErrSyntax},
		{"1.2.3", "", amount.ErrSyntax},
		{"--1", "", amount.ErrSyntax},
		{"1,5", "", amount.ErrSyntax},
		{" 1", "", amount.ErrSyntax},
		{"NaN", "", amount.ErrSyntax},
		{"٣", "", amount.ErrSyntax},
		{"00000000000000000000000000000000000000000000000000000000000000000001", "", amount.ErrRange},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			got, err := amount.Parse(tt.in)
			if !errors.Is(err, tt.err) {
				t.Fatalf("Parse(%q) = %v, %v; want error %v", tt.in, got, err, tt.err)
			}
			if err == nil && got.String() != tt.want {
				t.Errorf("Parse(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

// The examples of FORMATS, section 6.
func TestProduct(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		places  int
		factors []string
		want    string
	}{
		{"IVA of 1350 is 257, not the even 256", 0, []string{"1350", "0.19"}, "257"},
		{"negative halves go away from zero", 0, []string{"-1350", "0.19"}, "-257"},
		{"line of case 2", 0, []string{"759", "5874"}, "4458366"},
		{"discount of case 2", 0, []string{"759", "5874", "0.1"}, "445837"},
		{"second discount of case 2", 0, []string{"703", "4925", "0.23"}, "796323"},
		{"global discount of case 4", 0, []string{"3711166", "0.22"}, "816457"},
		{"export to pesos", 0, []string{"30", "1100.9"}, "33027"},
		{"rounded once: 0.5 × 0.99", 0, []string{"0.5", "0.999999"}, "0"},
		{"twelve and six digits", 6, []string{"999999999999.999999", "1"}, "999999999999.999999"},
		{"tiny", 0, []string{"0.000001", "0.000001"}, "0"},
		{"exact at twelve places", 12, []string{"0.000001", "0.000001"}, "0.000000000001"},
		{"no factor", 0, nil, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var factors []amount.Decimal
			for _, f := range tt.factors {
				factors = append(factors, amount.MustParse(f))
			}
			got, err := amount.Product(tt.places, factors...)
			if err != nil || got.String() != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestQuotient(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ a, b, want string }{
		{"5980", "1.19", "5025"},
		{"4200", "1.19", "3529"},
		{"19990", "1.19", "16798"},
		{"905", "1.19", "761"},
		{"12720", "1.19", "10689"},
		{"1", "2", "1"},
		{"-1", "2", "-1"},
		{"0.000001", "3", "0"},
		{"999999999999999999", "1", "999999999999999999"},
	} {
		got, err := amount.Quotient(0, amount.MustParse(tt.a), amount.MustParse(tt.b))
		if err != nil || got.String() != tt.want {
			t.Errorf("%s / %s = %s, %v; want %s", tt.a, tt.b, got, err, tt.want)
		}
	}
	if _, err := amount.Quotient(0, amount.Int(1), amount.Int(0)); !errors.Is(err, amount.ErrRange) {
		t.Errorf("1 / 0: %v", err)
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	big := amount.MustParse("999999999999999999")
	if _, err := big.Add(amount.Int(1)); !errors.Is(err, amount.ErrRange) {
		t.Errorf("sum beyond 18 digits: %v", err)
	}
	if _, err := big.Add(amount.MustParse("0.5")); !errors.Is(err, amount.ErrRange) {
		t.Errorf("sum of 19 digits: %v", err)
	}
	if _, err := amount.Product(0, big, big, big); !errors.Is(err, amount.ErrRange) {
		t.Errorf("product of 54 digits: %v", err)
	}
	if _, err := amount.Product(0, big, big, big, big); !errors.Is(err, amount.ErrRange) {
		t.Errorf("four factors: %v", err)
	}
	if _, err := amount.FromInt(1_000_000_000_000_000_000); !errors.Is(err, amount.ErrRange) {
		t.Errorf("19 digits: %v", err)
	}
	if p, err := amount.MustParse("12.5").Percent(); err != nil || p.String() != "0.125" {
		t.Errorf("percent: %s, %v", p, err)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var v struct{ A, B amount.Decimal }
	if err := json.Unmarshal([]byte(`{"A":1350.10,"B":"0.000100"}`), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil || string(out) != `{"A":1350.1,"B":0.0001}` {
		t.Errorf("got %s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"x"}`), &v); !errors.Is(err, amount.ErrSyntax) {
		t.Errorf("bad number: %v", err)
	}
}
