package exchange_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/exchange"
)

// Amounts that do not add up are told by path, and only warned of.
func TestAmounts(t *testing.T) {
	t.Parallel()
	plain := issue(t, order{})
	exempt := issue(t, order{kind: dte.FacturaExenta})
	boleta := issue(t, order{kind: dte.Boleta})
	tests := []struct {
		name string
		text []byte
		want []string
	}{
		{"net", append([]byte(latin1Declaration), plain...), nil},
		{"exempt", append([]byte(latin1Declaration), exempt...), nil},
		{"gross", append([]byte(latin1Declaration), boleta...), nil},
		{"line", forge(t, plain, change{"<PrcItem>1000<", "<PrcItem>1001<"}), []string{"Detalle[0].MontoItem"}},
		{"line to a peso", forge(t, plain, change{"<PrcItem>1000<", "<PrcItem>1000.3<"}), nil},
		{"lines and net", forge(t, plain, change{"<QtyItem>3<", "<QtyItem>2<"}, change{"<MontoItem>3000<", "<MontoItem>2000<"}), []string{"Encabezado.Totales"}},
		{"IVA", forge(t, plain, change{"<TasaIVA>19<", "<TasaIVA>18<"}), []string{"Encabezado.Totales.IVA"}},
		{"gross lines", forge(t, boleta, change{"<QtyItem>3<", "<QtyItem>2<"}, change{"<MontoItem>3000<", "<MontoItem>2000<"}), []string{"Encabezado.Totales"}},
		{"too large to judge", forge(t, plain, change{"<QtyItem>3<", "<QtyItem>999999999999.999999<"}, change{"<PrcItem>1000<", "<PrcItem>999999999999.999999<"}), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, c := range checker(t).Check(read(t, tt.text)).Documents[0].Checks {
				if c.Code == exchange.CheckContent && c.Result != exchange.Pass {
					got = append(got, c.Path)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
