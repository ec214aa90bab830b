package received

import (
	"fmt"
	"slices"

	"timbre/shared/exchange"
)

// CheckRepeat tells whether the document was sent more than once.
const CheckRepeat exchange.Code = "repeat"

// Checks are all findings on a variant: those of its document, what the register knows, and what the SII says.
func (r *Record) Checks(v *Variant) exchange.Checks {
	return append(slices.Clone(v.Checks), r.repeat(v), exchange.AtSII(v.Standing()))
}

// repeat compares a variant with the others: the same document in other bytes (re-indented, other namespace
// declarations) is worth a look, another document under the same key is not to be believed.
func (r *Record) repeat(v *Variant) exchange.Check {
	same, other := 0, 0
	for i := range r.Variants {
		o := &r.Variants[i]
		switch {
		case o.SHA256 == v.SHA256:
		case o.Receiver == v.Receiver && o.IssueDate == v.IssueDate && o.Total == v.Total:
			same++
		default:
			other++
		}
	}
	switch {
	case other > 0:
		return exchange.Check{
			Code: CheckRepeat, Result: exchange.Fail,
			Reason: fmt.Sprintf("llegaron otros %d archivos con este folio y otra fecha, monto o receptor", other),
		}
	case same > 0:
		return exchange.Check{
			Code: CheckRepeat, Result: exchange.Warn,
			Reason: fmt.Sprintf("el mismo documento llegó también escrito de otra manera (%d)", same),
		}
	case v.Again > 0:
		return exchange.Check{
			Code: CheckRepeat, Result: exchange.Pass, Reason: fmt.Sprintf("los mismos bytes llegaron otras %d veces", v.Again),
		}
	}
	return exchange.Check{Code: CheckRepeat, Result: exchange.Pass, Reason: "llegó una vez"}
}
