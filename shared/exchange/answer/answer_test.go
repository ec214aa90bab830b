package answer_test

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
	"timbre/shared/exchange/answer"
	"timbre/shared/golden"
	"timbre/shared/rut"
)

var (
	signedAt = time.Date(2026, 11, 20, 10, 11, 12, 0, time.FixedZone("CLST", -3*3600))
	supplier = rut.MustParse("99928793-K")
	company  = rut.MustParse("99923634-0")

	head = answer.Head{
		From: company, To: supplier, ID: 7,
		Contact: answer.Contact{Name: "María D'Amico Peña", Phone: "+56 2 2345 6789", Mail: "dte@ferreteria.invalid"},
	}
	invoice = answer.Named{Type: dte.Factura, Folio: 1, IssueDate: "2026-11-20", Issuer: supplier, Receiver: company, Total: "3570"}
	waybill = answer.Named{Type: dte.GuiaDespacho, Folio: 8, IssueDate: "2026-11-20", Issuer: supplier, Receiver: company, Total: "0"}
)

// receptions has every state.
func receptions() []answer.Reception {
	all := []answer.Reception{}
	for i, state := range []answer.EnvelopeState{0, 1, 2, 3, 90, 91, 99} {
		all = append(all, answer.Reception{
			FileName: "envío <1> & \"más\".xml", ReceivedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Code: int64(i + 1), EnvelopeID: "SetDoc",
			Digest: bytes.Repeat([]byte{byte(i)}, 20), Issuer: supplier, Receiver: company, State: state, Gloss: state.Gloss(),
		})
	}
	for _, state := range []answer.DocumentState{0, 1, 2, 3, 4, 99} {
		all[0].Documents = append(all[0].Documents, answer.DocumentReception{Named: invoice, State: state, Gloss: state.Gloss()})
	}
	return all
}

func decisions() []answer.Decision {
	return []answer.Decision{
		{Named: invoice, Code: 1, State: answer.Accepted, Gloss: "DTE Aceptado OK"},
		{Named: waybill, Code: 1, State: answer.AcceptedDiscrepantly, Gloss: "Faltó ½ kilo", Reason: -3},
		{Named: invoice, Code: 2, State: answer.Rejected, Gloss: "Rechazado según Ley 19.983: mercadería no entregada", Reason: -1},
	}
}

func receipts() []answer.Receipt {
	return []answer.Receipt{{Named: invoice, Place: "Bodega Ñuñoa & patio"}, {Named: waybill, Place: "Bodega"}}
}

func identity(tb testing.TB, file string) *cert.Identity {
	tb.Helper()
	content, err := os.ReadFile(golden.Reference(tb, "testpki", "certs", file))
	if err != nil {
		tb.Fatal(err)
	}
	id, err := cert.ReadPFX(content, "prueba123")
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func receiver(tb testing.TB) *cert.Identity {
	tb.Helper()
	return identity(tb, "b-modern.pfx")
}

func read(tb testing.TB, text []byte) *exchange.File {
	tb.Helper()
	f, err := exchange.Read(text)
	if err != nil {
		tb.Fatal(err)
	}
	return f
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

func answers(tb testing.TB) map[string][]byte {
	tb.Helper()
	must, signer := wrote(tb), receiver(tb)
	return map[string][]byte{
		"receptions": must(answer.WriteReceptions(head, receptions(), signer, signedAt)),
		"decisions":  must(answer.WriteDecisions(head, decisions(), signer, signedAt)),
		"receipts":   must(answer.WriteReceipts(head, receipts(), signer, signedAt)),
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
	c := exchange.Checker{Company: supplier}
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

func TestAnswersRefused(t *testing.T) {
	t.Parallel()
	signer := receiver(t)
	reception := func(change func(*answer.Reception)) func() error {
		return func() error {
			r := receptions()[0]
			change(&r)
			_, err := answer.WriteReceptions(head, []answer.Reception{r}, signer, signedAt)
			return err
		}
	}
	decision := func(change func(*answer.Decision)) func() error {
		return func() error {
			d := decisions()[2]
			change(&d)
			_, err := answer.WriteDecisions(head, []answer.Decision{d}, signer, signedAt)
			return err
		}
	}
	receipt := func(change func(*answer.Receipt)) func() error {
		return func() error {
			r := receipts()[0]
			change(&r)
			_, err := answer.WriteReceipts(head, []answer.Receipt{r}, signer, signedAt)
			return err
		}
	}
	tests := []struct {
		name  string
		write func() error
		want  error
	}{
		{"nothing received", func() error { _, err := answer.WriteReceptions(head, nil, signer, signedAt); return err }, answer.ErrNothing},
		{"nothing decided", func() error { _, err := answer.WriteDecisions(head, nil, signer, signedAt); return err }, answer.ErrNothing},
		{"no receipt", func() error { _, err := answer.WriteReceipts(head, nil, signer, signedAt); return err }, answer.ErrNothing},
		{"expired", func() error {
			_, err := answer.WriteDecisions(head, decisions(), identity(t, "x-expired.pfx"), signedAt)
			return err
		}, cert.ErrExpired},
		{"expired receipt", func() error {
			_, err := answer.WriteReceipts(head, receipts(), identity(t, "x-expired.pfx"), signedAt)
			return err
		}, cert.ErrExpired},
		{"state of envelope", reception(func(r *answer.Reception) { r.State = 4 }), answer.ErrState},
		{"state of document", reception(func(r *answer.Reception) { r.Documents[0].State = 5 }), answer.ErrState},
		{"type", reception(func(r *answer.Reception) { r.Documents[0].Type = dte.Boleta }), answer.ErrType},
		{"code 0", reception(func(r *answer.Reception) { r.Code = 0 }), answer.ErrWritten},
		{"decimals", reception(func(r *answer.Reception) { r.Documents[0].Total = "1.5" }), answer.ErrWritten},
		{"markup in a total", decision(func(d *answer.Decision) { d.Total = "1</MntTotal>" }), answer.ErrWritten},
		{"export", decision(func(d *answer.Decision) { d.Type = dte.FacturaExportacion }), answer.ErrType},
		{"another issuer", decision(func(d *answer.Decision) { d.Issuer = company }), answer.ErrParties},
		{"another receiver", decision(func(d *answer.Decision) { d.Receiver = supplier }), answer.ErrParties},
		{"no reason", decision(func(d *answer.Decision) { d.Gloss = " \n" }), answer.ErrReason},
		{"state of decision", decision(func(d *answer.Decision) { d.State = 3 }), answer.ErrWritten},
		{"positive reason", decision(func(d *answer.Decision) { d.Reason = 1 }), answer.ErrWritten},
		{"receipt of a note", receipt(func(r *answer.Receipt) { r.Type = dte.NotaCredito }), answer.ErrType},
		{"receipt for another", receipt(func(r *answer.Receipt) { r.Receiver = supplier }), answer.ErrParties},
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
	f := read(t, wrote(t)(answer.WriteDecisions(head, []answer.Decision{d}, receiver(t), signedAt)))
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
