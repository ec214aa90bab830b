package exchange_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/exchange"
	"timbre/shared/exchange/answer"
)

var head = answer.Head{From: company, To: supplier, ID: 7}

func receiver(tb testing.TB) *cert.Identity {
	tb.Helper()
	return identity(tb, "b-modern.pfx")
}

// wrote is an answer that must have been written.
func wrote(tb testing.TB) func([]byte, error) []byte {
	tb.Helper()
	return func(text []byte, err error) []byte {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return text
	}
}

// answers are one of each, from company to supplier.
func answers(tb testing.TB) map[string][]byte {
	tb.Helper()
	invoice := answer.Named{Type: dte.Factura, Folio: 1, IssueDate: "2026-11-20", Issuer: supplier, Receiver: company, Total: "3570"}
	reception := answer.Reception{
		FileName: "envío.xml", ReceivedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Code: 1, EnvelopeID: "SetDoc",
		Digest: make([]byte, 20), Issuer: supplier, Receiver: company, Documents: []answer.DocumentReception{{Named: invoice}},
	}
	decision := answer.Decision{Named: invoice, Code: 2, State: answer.Rejected, Gloss: "mercadería no entregada, Ley 19.983", Reason: -1}
	must, signer := wrote(tb), receiver(tb)
	return map[string][]byte{
		"receptions": must(answer.WriteReceptions(head, []answer.Reception{reception}, signer, signedAt)),
		"decisions":  must(answer.WriteDecisions(head, []answer.Decision{decision}, signer, signedAt)),
		"receipts":   must(answer.WriteReceipts(head, []answer.Receipt{{Named: invoice, Place: "Bodega"}}, signer, signedAt)),
	}
}

// Answers that were changed or are for another company do not pass.
func TestAnswerChecks(t *testing.T) {
	t.Parallel()
	c := checker(t)
	c.Company = supplier
	all := answers(t)
	tests := []struct {
		name, answer string
		change       change
		want         []exchange.Code
	}{
		{"state", "decisions", change{"<EstadoDTE>2<", "<EstadoDTE>0<"}, codes(exchange.CheckSignature)},
		{"schema", "decisions", change{"<EstadoDTE>2<", "<EstadoDTE>7<"}, codes(exchange.CheckSchema, exchange.CheckSignature)},
		{"number", "receptions", change{"<CodEnvio>1<", "<CodEnvio>x<"}, codes(exchange.CheckSchema, exchange.CheckSignature, exchange.CheckIdentity)},
		{"receipt", "receipts", change{"<Recinto>Bodega<", "<Recinto>Patio<"}, codes(exchange.CheckSignature)},
		{"receipt unsigned", "receipts", change{between(string(all["receipts"]), "</DocumentoRecibo>", "</Recibo>"), ""},
			codes(exchange.CheckSchema, exchange.CheckSignature)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.Check(read(t, []byte(tt.change.in(t, string(all[tt.answer])))))
			if diff := cmp.Diff(tt.want, failing(r.Checks, exchange.Fail)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := checker(t).Check(read(t, all["decisions"])).Checks.Of(exchange.CheckReceiver); got != exchange.Fail {
		t.Errorf("an answer to another company: %s", got)
	}
}
