package exchange_test

import (
	"bytes"
	"errors"
	"testing"

	"timbre/shared/exchange"
	"timbre/shared/exchange/answer"
)

func seeds(f *testing.F) {
	f.Helper()
	f.Add([]byte(`<EnvioDTE><SetDTE><Caratula/><DTE/></SetDTE></EnvioDTE>`))
	f.Add([]byte(`<AEC><DocumentoAEC><Cesiones><DTECedido><DocumentoDTECedido><DTE><Documento/></DTE></DocumentoDTECedido></DTECedido></Cesiones></DocumentoAEC></AEC>`))
	f.Add([]byte(`<RESULTADO_ENVIO/>`))
	f.Add(enclose(f, company, issue(f, order{}), issue(f, order{folio: 2, form: "sii"})))
	f.Add(signedAsDeclared(f))
	for _, text := range answers(f) {
		f.Add(text)
	}
	for _, path := range []string{"aec/AEC-76399752-9-33-25568-SEQ-1.xml", "dte/DTE-60910000-1-33-2336600.xml", "attacks/billion-laughs-1.xml"} {
		f.Add(sample(f, path))
	}
}

// Nothing makes the reader or the checks panic; what is read is in the input, what is not has a reason.
func FuzzRead(f *testing.F) {
	seeds(f)
	c := checker(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := exchange.Read(text)
		if err != nil {
			var q *exchange.Quarantine
			if !errors.As(err, &q) || q.Code == "" || q.Reason == "" {
				t.Fatalf("no reason: %v", err)
			}
			return
		}
		for _, d := range file.Documents {
			if !bytes.Contains(text, d.Bytes) {
				t.Error("a document that is not in the input")
			}
		}
		r := c.Check(file)
		if len(r.Documents) != len(file.Documents) {
			t.Error("a document without a report")
		}
		if reception, answered := r.Reception(exchange.Arrival{}); answered && reception.State == answer.EnvelopeOK && r.Checks.Worst() == exchange.Fail {
			t.Error("an envelope that fails is answered as good")
		}
	})
}

// A changed document passes only if what is signed did not change: then it says the same.
func FuzzForge(f *testing.F) {
	document := append([]byte(latin1Declaration), issue(f, order{})...)
	c := checker(f)
	want := c.Check(read(f, document)).Documents[0].Named
	f.Add(200, byte('x'), false)
	f.Add(1500, byte('<'), true)
	f.Fuzz(func(t *testing.T, at int, b byte, insert bool) {
		if at < 0 || at >= len(document) {
			return
		}
		changed := bytes.Clone(document)
		changed[at] = b
		if insert {
			changed = append(bytes.Clone(document[:at]), append([]byte{b}, document[at:]...)...)
		}
		file, err := exchange.Read(changed)
		if err != nil {
			return
		}
		for _, d := range c.Check(file).Documents {
			if d.Checks.Strict() == exchange.Pass && d.Named != want {
				t.Errorf("%q at %d: passes as %+v", b, at, d.Named)
			}
		}
	})
}
