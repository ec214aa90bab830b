package sii_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/sii"
)

// soap puts a recorded inner document into an answer.
func soap(op, document string) http.HandlerFunc {
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(document)
	return says(http.StatusOK, `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r>`+
		`<`+op+`Return>`+escaped+`</`+op+`Return></r></e:Body></e:Envelope>`)
}

func TestEnvelopeState(t *testing.T) {
	t.Parallel()
	live := func(name string) string { return fixture(t, "estup", name) }
	tests := map[string]struct {
		document string
		state    string
		class    sii.Class
		counts   []sii.Count
		code     string
	}{
		"live EPR": {
			live("epr-33-4docs-1reparo.live-certificacion-2026-06-14.inner.xml"), "EPR", sii.Processed,
			[]sii.Count{{Type: dte.Factura, Informed: 4, Accepted: 3, Remarks: 1}}, "",
		},
		"two types, parts missing": {
			`<R><RESP_BODY><TIPO_DOCTO>33</TIPO_DOCTO><INFORMADOS> 2 </INFORMADOS><ACEPTADOS>2</ACEPTADOS>` +
				`<TIPO_DOCTO>34</TIPO_DOCTO><INFORMADOS>1</INFORMADOS><RECHAZADOS>1</RECHAZADOS></RESP_BODY><RESP_HDR><ESTADO>EPR</ESTADO></RESP_HDR></R>`,
			"EPR", sii.Processed,
			[]sii.Count{{Type: dte.Factura, Informed: 2, Accepted: 2}, {Type: dte.FacturaExenta, Informed: 1, Rejected: 1}}, "",
		},
		"EPR without counts": {"<R><H><ESTADO>EPR</ESTADO></H></R>", "EPR", sii.Processed, nil, ""},
		"state in the body":  {"<R><RESP_HDR><ESTADO>0</ESTADO></RESP_HDR><RESP_BODY><ESTADO>RSC</ESTADO></RESP_BODY></R>", "RSC", sii.RefusedDocuments, nil, ""},
		"not yet":            {"<R><H><ESTADO>-11</ESTADO><ERR_CODE>2</ERR_CODE></H></R>", "-11", sii.Pending, nil, "2"},
		"permission":         {"<R><H><ESTADO>106</ESTADO><GLOSA>Usuario sin permiso de envio</GLOSA></H></R>", "106", sii.RefusedCompany, nil, ""},
		"cover":              {"<R><H><ESTADO>RCT</ESTADO></H></R>", "RCT", sii.RefusedCompany, nil, ""},
		"lost":               {"<R><H><ESTADO>VOF</ESTADO></H></R>", "VOF", sii.Lost, nil, ""},
		"in process":         {"<R><H><ESTADO>PRD</ESTADO></H></R>", "PRD", sii.Pending, nil, ""},
		"unheard of":         {"<R><H><ESTADO>XYZ</ESTADO></H></R>", "XYZ", sii.Pending, nil, ""},
		"any prefix, latin":  {`<?xml version="1.0" encoding="ISO-8859-1"?><x:R xmlns:x="u"><x:H><x:ESTADO>REC</x:ESTADO></x:H></x:R>`, "REC", sii.Pending, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[estUpPath] = soap("getEstUp", test.document)
			got, err := session(f, memory()).EnvelopeState(t.Context(), company, "251753678")
			if err != nil {
				t.Fatal(err)
			}
			if got.State != test.state || got.Class() != test.class || got.Code != test.code {
				t.Errorf("state %q class %d code %q", got.State, got.Class(), got.Code)
			}
			if diff := cmp.Diff(test.counts, got.Counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCountOf(t *testing.T) {
	t.Parallel()
	s := sii.EnvelopeState{Counts: []sii.Count{{Type: 33, Informed: 1, Accepted: 1}, {Type: 34}, {Type: 33, Informed: 2, Rejected: 1, Remarks: 1}}}
	want := sii.Count{Type: 33, Informed: 3, Accepted: 1, Rejected: 1, Remarks: 1}
	if got, listed := s.CountOf(33); got != want || !listed {
		t.Errorf("count %+v, listed %t", got, listed)
	}
	if got, listed := s.CountOf(61); listed {
		t.Errorf("count of a type that is not listed: %+v", got)
	}
}

// TestQueryLies: no usable answer is no state; the query is put three times.
func TestQueryLies(t *testing.T) {
	t.Parallel()
	tests := map[string]http.HandlerFunc{
		"html":            says(http.StatusOK, "<html><head></head><body><br>mantención</body></html>"),
		"503":             says(http.StatusServiceUnavailable, "<html></html>"),
		"empty":           says(http.StatusOK, ""),
		"fault":           says(http.StatusInternalServerError, `<E><Body><Fault><faultstring>No such operation 'getEstUp'</faultstring></Fault></Body></E>`),
		"other operation": soap("getSeed", "<R><ESTADO>EPR</ESTADO></R>"),
		"inner is text":   soap("getEstUp", "Error 500"),
		"inner is html":   soap("getEstUp", "<html><br></html>"),
		"no state":        soap("getEstUp", "<R><GLOSA>x</GLOSA></R>"),
		"bad count":       soap("getEstUp", "<R><TIPO_DOCTO>33</TIPO_DOCTO><ACEPTADOS>tres</ACEPTADOS><ESTADO>EPR</ESTADO></R>"),
		"count of none":   soap("getEstUp", "<R><ACEPTADOS>3</ACEPTADOS><ESTADO>EPR</ESTADO></R>"),
		"outer DTD":       says(http.StatusOK, `<!DOCTYPE x [<!ENTITY a "b">]><E><getEstUpReturn>&lt;R>&lt;ESTADO>EPR&lt;/ESTADO>&lt;/R></getEstUpReturn></E>`),
		"inner DTD":       soap("getEstUp", `<!DOCTYPE R><R><ESTADO>EPR</ESTADO></R>`),
		"another track":   soap("getEstUp", "<R><TRACKID>0000000017</TRACKID><ESTADO>EPR</ESTADO></R>"),
		"cut":             says(http.StatusOK, `<E><getEstUpReturn>&lt;R>&lt;ESTADO>EPR`),
		"reset":           resets,
	}
	for name, lie := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[estUpPath] = lie
			got, err := session(f, memory()).EnvelopeState(t.Context(), company, "1")
			if !errors.Is(err, sii.ErrUnavailable) || got.State == "EPR" && err == nil {
				t.Errorf("state %q, error %v, want unavailable", got.State, err)
			}
		})
	}
}

func TestQueryIsRepeated(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	f.answer[estUpPath] = func(w http.ResponseWriter, r *http.Request) {
		if f.count(estUpPath) < 3 {
			resets(w, r)
		}
		soap("getEstUp", "<R><ESTADO>SOK</ESTADO></R>")(w, r)
	}
	got, err := session(f, memory()).EnvelopeState(t.Context(), company, "1")
	if err != nil || got.State != "SOK" {
		t.Errorf("state %q, error %v", got.State, err)
	}
}

func TestDocumentState(t *testing.T) {
	t.Parallel()
	tests := map[string]sii.Standing{
		"DOK": sii.Registered, "TMC": sii.Registered, "MMD": sii.Registered, "ANC": sii.Registered,
		"DNK": sii.OtherData, "FAU": sii.Missing, "FNA": sii.Void, "FAN": sii.Void, "EMP": sii.Void,
		"-3": sii.Unknown, "???": sii.Unknown,
	}
	for state, standing := range tests {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			var asked string
			f.answer[estDtePath] = func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				asked = string(body)
				soap("getEstDte", "<R><H><ESTADO>"+state+"</ESTADO><GLOSA_ESTADO>g</GLOSA_ESTADO><ERR_CODE>0</ERR_CODE></H></R>")(w, r)
			}
			got, err := session(f, memory()).DocumentState(t.Context(), sii.Question{
				Issuer: company, Receiver: rut.SII, Type: dte.Factura, Folio: 101, Date: "2026-11-03", Total: "7140",
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.State != state || got.Standing() != standing || got.Glosa != "g" {
				t.Errorf("got %+v, standing %d", got, got.Standing())
			}
			want := []string{
				"RutConsultante=11111111", "DvConsultante=1", "RutCompania=76192083", "DvCompania=9", "RutReceptor=60803000",
				"DvReceptor=K", "TipoDte=33", "FolioDte=101", "FechaEmisionDte=03112026", "MontoDte=7140", "Token=T1",
			}
			if diff := cmp.Diff(want, parameters(asked)); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

// parameters lists what a SOAP request asks, in order.
func parameters(request string) []string {
	var all []string
	for _, part := range strings.Split(request, `<`)[1:] {
		name, value, found := strings.Cut(part, ` xsi:type="xsd:string">`)
		if found {
			all = append(all, name+"="+value)
		}
	}
	return all
}

func FuzzParseSOAP(f *testing.F) {
	f.Add([]byte(`<e:E xmlns:e="u"><e:B><getEstUpReturn>&lt;R>&lt;ESTADO>EPR&lt;/ESTADO>&lt;/R></getEstUpReturn></e:B></e:E>`))
	f.Add([]byte(`<E><getEstUpReturn>&lt;R>&lt;TIPO_DOCTO>33&lt;/TIPO_DOCTO>&lt;ACEPTADOS>1&lt;/ACEPTADOS>&lt;ESTADO>RCT&lt;/ESTADO>&lt;/R></getEstUpReturn></E>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := sii.ParseSOAP(body, "getEstUp")
		if err != nil {
			return
		}
		if s, err := sii.ParseEnvelopeState(doc); err == nil && s.State == "" {
			t.Error("an envelope without state")
		}
		if s, err := sii.ParseDocumentState(doc); err == nil && s.State == "" {
			t.Error("a document without state")
		}
		if s, err := sii.ParseExactState(doc); err == nil && s.Standing() == sii.Unknown {
			t.Error("an exact document without state")
		}
	})
}
