package exchange_test

import (
	"testing"

	"timbre/shared/exchange"
)

// BenchmarkReceived is one received DTE of 20 lines: parse, schema, signature, TED, and the rules. The target of parse, schema,
// signature and TED is 250 µs.
func BenchmarkReceived(b *testing.B) {
	document := append([]byte(latin1Declaration), issue(b, order{lines: 20})...)
	envelope := enclose(b, company, issue(b, order{lines: 20}))
	c := checker(b)
	for name, text := range map[string][]byte{"document": document, "envelope": envelope} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := exchange.Read(text)
				if err != nil {
					b.Fatal(err)
				}
				if r := c.Check(f); r.Documents[0].Checks.Worst() != exchange.Pass {
					b.Fatal(r.Documents[0].Checks)
				}
			}
		})
	}
}
