package exchange_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/exchange"
	"timbre/shared/exchange/answer"
	"timbre/shared/rut"
)

// The code that answers each finding (FORMATS 13.1).
func TestReception(t *testing.T) {
	t.Parallel()
	one, note := issue(t, order{}), issue(t, order{kind: dte.FacturaExenta, folio: 5})
	good := enclose(t, company, one, note)
	signer := identity(t, "a-modern.pfx")
	changed := func(c ...change) []byte { return resign(t, good, "SetDTE", signer, c...) }
	forged := func(document []byte) []byte {
		return changed(change{string(one), string(withoutDeclaration(document))})
	}
	known := func(d *exchange.Document) bool { return d.Type == dte.Factura }
	ok := []answer.DocumentState{answer.DocumentOK, answer.DocumentOK}
	first := func(s answer.DocumentState) []answer.DocumentState {
		return []answer.DocumentState{s, answer.DocumentOK}
	}
	tests := []struct {
		name      string
		text      []byte
		arrival   exchange.Arrival
		state     answer.EnvelopeState
		documents []answer.DocumentState
	}{
		{"good", good, exchange.Arrival{}, answer.EnvelopeOK, ok},
		{"copy for the SII", enclose(t, rut.SII, one, note), exchange.Arrival{}, answer.EnvelopeReceiver, nil},
		{"schema", changed(change{"<NroResol>0", "<NroResol>x"}), exchange.Arrival{}, answer.EnvelopeSchema, nil},
		{"namespace", []byte(strings.ReplaceAll(string(good), ` xmlns="http://www.sii.cl/SiiDte"`, "")), exchange.Arrival{}, answer.EnvelopeSchema, nil},
		{"schema of a document", forged(forge(t, one, change{"<GiroRecep>", "<GiroX/><GiroRecep>"})), exchange.Arrival{}, answer.EnvelopeSchema, nil},
		{"signature", []byte(change{"<NroResol>0", "<NroResol>1"}.in(t, string(good))), exchange.Arrival{}, answer.EnvelopeSignature, nil},
		{"receiver", enclose(t, rut.MustParse("76192083-9"), one), exchange.Arrival{}, answer.EnvelopeReceiver, nil},
		{"repeated file", good, exchange.Arrival{Repeated: true}, answer.EnvelopeRepeated, nil},
		{"signed by another", changed(change{"<RutEnvia>" + signer.RUT.String(), "<RutEnvia>76192083-9"}), exchange.Arrival{}, answer.EnvelopeOther, nil},

		{"signature of a document", changed(change{"<QtyItem>3<", "<QtyItem>4<"}), exchange.Arrival{}, answer.EnvelopeOK, first(answer.DocumentSignature)},
		{"issuer", changed(change{"<RutEmisor>" + supplier.String(), "<RutEmisor>76192083-9"}), exchange.Arrival{}, answer.EnvelopeOK,
			[]answer.DocumentState{answer.DocumentIssuer, answer.DocumentIssuer}},
		{"receiver of a document", enclose(t, company, issue(t, order{receiver: "60803000-K"}), note), exchange.Arrival{}, answer.EnvelopeOK, first(answer.DocumentReceiver)},
		{"repeated document", good, exchange.Arrival{Known: known}, answer.EnvelopeOK, first(answer.DocumentRepeated)},
		{"stamp", forged(restamp(t, order{}, change{"<MNT>3570<", "<MNT>1<"})), exchange.Arrival{}, answer.EnvelopeOK, first(answer.DocumentOther)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.arrival.FileName, tt.arrival.Code, tt.arrival.ReceivedAt = "envio.xml", 3, time.Date(2026, 11, 20, 12, 0, 0, 0, chile)
			f := read(t, tt.text)
			got, answered := checker(t).Check(f).Reception(tt.arrival)
			if !answered || got.State != tt.state {
				t.Fatalf("answered %v with %d, want %d", answered, got.State, tt.state)
			}
			var states []answer.DocumentState
			for _, d := range got.Documents {
				states = append(states, d.State)
			}
			if diff := cmp.Diff(tt.documents, states); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
			if got.EnvelopeID != "SetDoc" || len(got.Digest) != 20 || got.Issuer != f.Envelope.Issuer {
				t.Errorf("answers %q %x", got.EnvelopeID, got.Digest)
			}
			wrote(t)(answer.WriteReceptions(head, []answer.Reception{got}, receiver(t), signedAt))
		})
	}
}

// Types that the schema of answers does not know are acknowledged with their envelope alone.
func TestReceptionOfOtherTypes(t *testing.T) {
	t.Parallel()
	boletas := checker(t).Check(read(t, enclose(t, company, issue(t, order{kind: dte.Boleta, receiver: company.String()}))))
	if _, answered := boletas.Reception(exchange.Arrival{}); answered {
		t.Error("an envelope of boletas is answered")
	}
	export := checker(t).Check(read(t, sample(t, "envio/EnvioDTE-762352915-exportacion1.xml")))
	if got, answered := export.Reception(exchange.Arrival{}); !answered || len(got.Documents) != 0 {
		t.Errorf("exports: answered %v, %d documents", answered, len(got.Documents))
	}
}

// What must never be answered: answers above all.
func TestNeverAnswered(t *testing.T) {
	t.Parallel()
	files := answers(t)
	files["bare document"] = append([]byte(latin1Declaration), issue(t, order{})...)
	files["the SII's mail"] = []byte("<RESULTADO_ENVIO/>")
	files["cession"] = sample(t, "aec/AEC-76399752-9-33-25568-SEQ-1.xml")
	files["no issuer"] = []byte(`<EnvioDTE><SetDTE><DTE/></SetDTE></EnvioDTE>`)
	for name, text := range files {
		if _, answered := checker(t).Check(read(t, text)).Reception(exchange.Arrival{}); answered {
			t.Errorf("%s is answered", name)
		}
	}
}
