package exchange_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/exchange"
	"timbre/shared/golden"
)

var (
	head = exchange.Head{
		From: company, To: supplier, ID: 7,
		Contact: exchange.Contact{Name: "María D'Amico Peña", Phone: "+56 2 2345 6789", Mail: "dte@ferreteria.invalid"},
	}
	invoice = exchange.Named{Type: dte.Factura, Folio: 1, IssueDate: "2026-11-20", Issuer: supplier, Receiver: company, Total: "3570"}
	waybill = exchange.Named{Type: dte.GuiaDespacho, Folio: 8, IssueDate: "2026-11-20", Issuer: supplier, Receiver: company, Total: "0"}
)

// receptions has every state.
func receptions() []exchange.Reception {
	all := []exchange.Reception{}
	for i, state := range []exchange.EnvelopeState{0, 1, 2, 3, 90, 91, 99} {
		all = append(all, exchange.Reception{
			FileName: "envío <1> & \"más\".xml", ReceivedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Code: int64(i + 1), EnvelopeID: "SetDoc",
			Digest: bytes.Repeat([]byte{byte(i)}, 20), Issuer: supplier, Receiver: company, State: state, Gloss: state.Gloss(),
		})
	}
	for _, state := range []exchange.DocumentState{0, 1, 2, 3, 4, 99} {
		all[0].Documents = append(all[0].Documents, exchange.DocumentReception{Named: invoice, State: state, Gloss: state.Gloss()})
	}
	return all
}

func decisions() []exchange.Decision {
	return []exchange.Decision{
		{Named: invoice, Code: 1, State: exchange.Accepted, Gloss: "DTE Aceptado OK"},
		{Named: waybill, Code: 1, State: exchange.AcceptedDiscrepantly, Gloss: "Faltó ½ kilo", Reason: -3},
		{Named: invoice, Code: 2, State: exchange.Rejected, Gloss: "Rechazado según Ley 19.983: mercadería no entregada", Reason: -1},
	}
}

func receipts() []exchange.Receipt {
	return []exchange.Receipt{{Named: invoice, Place: "Bodega Ñuñoa & patio"}, {Named: waybill, Place: "Bodega"}}
}

func receiver(tb testing.TB) *cert.Identity { return identity(tb, "b-modern.pfx") }

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

func answers(tb testing.TB) map[string][]byte {
	tb.Helper()
	must, signer := wrote(tb), receiver(tb)
	return map[string][]byte{
		"receptions": must(exchange.WriteReceptions(head, receptions(), signer, signedAt)),
		"decisions":  must(exchange.WriteDecisions(head, decisions(), signer, signedAt)),
		"receipts":   must(exchange.WriteReceipts(head, receipts(), signer, signedAt)),
	}
}

// What is written is read back the same by the supplier, who finds nothing wrong with it.
func TestAnswersReadBack(t *testing.T) {
	t.Parallel()
	signer := receiver(t)
	received := receipts()
	for i := range received {
		received[i].Signer, received[i].SignedAt = signer.RUT, "2026-11-20T10:11:12"
	}
	receiptHead := head
	receiptHead.ID = 0
	want := map[string]exchange.Answer{
		"receptions": {Head: head, SignedAt: "2026-11-20T10:11:12", Receptions: receptions()},
		"decisions":  {Head: head, SignedAt: "2026-11-20T10:11:12", Decisions: decisions()},
		"receipts":   {Head: receiptHead, SignedAt: "2026-11-20T10:11:12", Receipts: received},
	}
	c := checker(t)
	c.Company = supplier
	for name, text := range answers(t) {
		f := read(t, text)
		if diff := cmp.Diff(want[name], *f.Answer, cmpopts.IgnoreUnexported(exchange.Answer{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if r := c.Check(f); r.Checks.Worst() != exchange.Pass {
			t.Errorf("%s: %v", name, r.Checks)
		}
		if !f.Kind.IsAnswer() {
			t.Errorf("%s is no answer", name)
		}
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

func TestAnswersRefused(t *testing.T) {
	t.Parallel()
	signer := receiver(t)
	reception := func(change func(*exchange.Reception)) func() error {
		return func() error {
			r := receptions()[0]
			change(&r)
			_, err := exchange.WriteReceptions(head, []exchange.Reception{r}, signer, signedAt)
			return err
		}
	}
	decision := func(change func(*exchange.Decision)) func() error {
		return func() error {
			d := decisions()[2]
			change(&d)
			_, err := exchange.WriteDecisions(head, []exchange.Decision{d}, signer, signedAt)
			return err
		}
	}
	receipt := func(change func(*exchange.Receipt)) func() error {
		return func() error {
			r := receipts()[0]
			change(&r)
			_, err := exchange.WriteReceipts(head, []exchange.Receipt{r}, signer, signedAt)
			return err
		}
	}
	tests := []struct {
		name  string
		write func() error
		want  error
	}{
		{"nothing received", func() error { _, err := exchange.WriteReceptions(head, nil, signer, signedAt); return err }, exchange.ErrNothing},
		{"nothing decided", func() error { _, err := exchange.WriteDecisions(head, nil, signer, signedAt); return err }, exchange.ErrNothing},
		{"no receipt", func() error { _, err := exchange.WriteReceipts(head, nil, signer, signedAt); return err }, exchange.ErrNothing},
		{"expired", func() error {
			_, err := exchange.WriteDecisions(head, decisions(), identity(t, "x-expired.pfx"), signedAt)
			return err
		}, cert.ErrExpired},
		{"expired receipt", func() error {
			_, err := exchange.WriteReceipts(head, receipts(), identity(t, "x-expired.pfx"), signedAt)
			return err
		}, cert.ErrExpired},
		{"state of envelope", reception(func(r *exchange.Reception) { r.State = 4 }), exchange.ErrState},
		{"state of document", reception(func(r *exchange.Reception) { r.Documents[0].State = 5 }), exchange.ErrState},
		{"type", reception(func(r *exchange.Reception) { r.Documents[0].Type = dte.Boleta }), exchange.ErrType},
		{"code 0", reception(func(r *exchange.Reception) { r.Code = 0 }), exchange.ErrWritten},
		{"decimals", reception(func(r *exchange.Reception) { r.Documents[0].Total = "1.5" }), exchange.ErrWritten},
		{"markup in a total", decision(func(d *exchange.Decision) { d.Total = "1</MntTotal>" }), exchange.ErrWritten},
		{"export", decision(func(d *exchange.Decision) { d.Type = dte.FacturaExportacion }), exchange.ErrType},
		{"another issuer", decision(func(d *exchange.Decision) { d.Issuer = company }), exchange.ErrParties},
		{"another receiver", decision(func(d *exchange.Decision) { d.Receiver = supplier }), exchange.ErrParties},
		{"no reason", decision(func(d *exchange.Decision) { d.Gloss = " \n" }), exchange.ErrReason},
		{"state of decision", decision(func(d *exchange.Decision) { d.State = 3 }), exchange.ErrWritten},
		{"positive reason", decision(func(d *exchange.Decision) { d.Reason = 1 }), exchange.ErrWritten},
		{"receipt of a note", receipt(func(r *exchange.Receipt) { r.Type = dte.NotaCredito }), exchange.ErrType},
		{"receipt for another", receipt(func(r *exchange.Receipt) { r.Receiver = supplier }), exchange.ErrParties},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.write(); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// Free text of people becomes what ISO-8859-1 and the schema hold.
func TestAnswersText(t *testing.T) {
	t.Parallel()
	d := decisions()[2]
	d.Gloss = "“Ley 19.983” – n\u0303o\tentrego\u0301 日 " + strings.Repeat("ñ", 300)
	f := read(t, wrote(t)(exchange.WriteDecisions(head, []exchange.Decision{d}, receiver(t), signedAt)))
	want := `"Ley 19.983" - ño entregó ? `
	if got := f.Answer.Decisions[0].Gloss; !strings.HasPrefix(got, want) || len([]rune(got)) != 256 {
		t.Errorf("%q of %d characters", got, len([]rune(got)))
	}
}

// The answers in the eyes of programs that share no code with this one.
func TestAnswersWitnessed(t *testing.T) {
	t.Parallel()
	schemas := map[string]string{"receptions": "RespuestaEnvioDTE_v10.xsd", "decisions": "RespuestaEnvioDTE_v10.xsd", "receipts": "EnvioRecibos_v10.xsd"}
	oracle := golden.Reference(t, "oracle", "verify_dte.py")
	for name, text := range answers(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name+".xml")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			witness(t, "xmllint", "--nonet", "--noout", "--schema", golden.Reference(t, "sii", "schemas", schemas[name]), path)
			for i := range bytes.Count(text, []byte("<Signature ")) {
				witness(t, "xmlsec1", "--verify", "--insecure", "--enabled-key-data", "x509", "--id-attr:ID", "Resultado", "--id-attr:ID", "SetRecibos",
					"--id-attr:ID", "DocumentoRecibo", "--node-xpath", fmt.Sprintf("(//*[local-name()='Signature'])[%d]", i+1), path)
			}
			witness(t, oracle, "-q", "--caf-keys", golden.Reference(t, "testpki", "sii"), path)
		})
	}
}

func witness(t *testing.T, tool string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
	if filepath.Base(tool) == "verify_dte.py" {
		if err := exec.Command(tool, "--help").Run(); err != nil {
			t.Skip("the oracle does not run here (python3-lxml, python3-cryptography)")
		}
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(tool), err, out)
	}
}
