package sii_test

import (
	"bytes"
	"mime"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"timbre/emulators/sii"
	"timbre/emulators/sii/judge"
)

// FuzzUploadForm: the reader never panics, never takes more than its limit, and
// what it reads from a right form is what was written.
func FuzzUploadForm(f *testing.F) {
	const boundary = "7d23e2a11301c4"
	right := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"rutSender\"\r\n\r\n1\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"dvSender\"\r\n\r\n9\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"rutCompany\"\r\n\r\n76400123\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"dvCompany\"\r\n\r\nK\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"x.xml\"\r\nContent-Type: text/xml\r\n\r\n<x/>\r\n--" + boundary + "--\r\n"
	f.Add([]byte(right))
	f.Add([]byte(right[:len(right)-30]))
	f.Add([]byte(strings.Replace(right, "dvSender", "dvsender", 1)))
	f.Add([]byte("--" + boundary + "--"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, body []byte) {
		const limit = 1 << 16
		form, err := sii.ParseForm(bytes.NewReader(body), boundary, limit)
		if len(form.Data) > limit+1 {
			t.Errorf("read %d bytes over a limit of %d", len(form.Data), limit)
		}
		if err == nil && form.File == "" {
			t.Error("a form without a file was taken")
		}
	})
}

// FuzzUploadRoundTrip: any file and any names come through a right form unharmed.
func FuzzUploadRoundTrip(f *testing.F) {
	f.Add("76400123-K", "x.xml", []byte("<x/>"))
	f.Add("1-9", "envío.xml", []byte("\r\n--x\r\n"))
	f.Fuzz(func(t *testing.T, company, file string, data []byte) {
		if file == "" || strings.IndexFunc(company+file, unicode.IsControl) >= 0 || strings.ContainsAny(company+file, "\"\\/") || !strings.Contains(company, "-") {
			t.Skip("not a form that a client would write")
		}
		kind, body := form{sender: "1-9", company: company, file: file, data: data}.encode(t)
		_, parameters, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sii.ParseForm(bytes.NewReader(body), parameters["boundary"], 1<<20)
		if err != nil || got.Company != company || !bytes.Equal(got.Data, data) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// FuzzSOAP: the reader never panics, and a call has an operation.
func FuzzSOAP(f *testing.F) {
	f.Add([]byte(`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><getToken><pszXml>&lt;getToken/&gt;</pszXml></getToken></soapenv:Body></soapenv:Envelope>`))
	f.Add([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><Envelope><Body><getSeed/></Body></Envelope>`))
	f.Add([]byte(`<Envelope><Body><a><b><c/></b></a></Body></Envelope>`))
	f.Add([]byte(`<Envelope><Body/></Envelope>`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, body []byte) {
		op, values, err := sii.ReadSOAP(body)
		if err == nil && op == "" {
			t.Errorf("no error and no operation, parameters %q", values)
		}
		if err != nil && (op != "" || values != nil) {
			t.Errorf("error %v together with %q %q", err, op, values)
		}
	})
}

// FuzzFile: whatever the bytes, the form checks and the signature checks end in a
// verdict; what was not signed is never found signed.
func FuzzFile(f *testing.F) {
	head := `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n" + rootTag + "\n"
	f.Add([]byte(head + `<SetDTE ID="S"><Caratula version="1.0"></Caratula><DTE version="1.0"><Documento ID="A"></Documento></DTE></SetDTE></EnvioDTE>`))
	f.Add([]byte(head + `<SetDTE ID="S"></SetDTE><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><Reference URI="#S"></Reference></SignedInfo></Signature></EnvioDTE>`))
	f.Add([]byte(head + `<!-- <DTE> --></EnvioDTE>`))
	f.Add([]byte(head))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, _, readable := sii.Inspect(data)
		if !readable {
			return
		}
		if _, err := e.VerifyEnvelope(); err == nil {
			t.Error("a fuzzed envelope verifies")
		}
		for _, d := range e.Documents {
			if _, err := d.VerifyAlone(); err == nil {
				t.Error("a fuzzed document verifies")
			}
			_ = judge.Court{Registry: empty{}}.Judge(d, judge.Signature{})
		}
	})
}

// FuzzBoletaPath: a path that is taken means one document, written in one way, or
// one envelope.
func FuzzBoletaPath(f *testing.F) {
	f.Add("76400123-0-39-1", "66666666", "6", "11900", "20-11-2026")
	f.Add("76400123-K-41-0000000001", "1", "9", "-1", "31-02-2026")
	f.Add("76400123-0-33-1", "", "", "", "")
	f.Add("1-9-22668217996", "1", "9", "1e3", "20112026")
	f.Fuzz(func(t *testing.T, path, receiver, digit, amount, day string) {
		query := url.Values{"rut_receptor": {receiver}, "dv_receptor": {digit}, "monto": {amount}, "fechaEmision": {day}}
		leading := regexp.MustCompile(`-0+(\d)`)
		if got := sii.BoletaQuestion(path, query); got != "" && leading.ReplaceAllString(got, "-$1") != leading.ReplaceAllString(path, "-$1") {
			t.Errorf("%q was read as %q", path, got)
		}
		if key := sii.EnvelopeKey(path); key != nil && key[1]+"-"+key[2] != path {
			t.Errorf("%q was read as %q", path, key)
		}
	})
}

// FuzzLies: a lie about the text leaves every code as it is.
func FuzzLies(f *testing.F) {
	f.Add(`&lt;ESTADO&gt;EPR&lt;/ESTADO&gt;&lt;GLOSA&gt;Envio Procesado&lt;/GLOSA&gt;`)
	f.Add(`{"codigo":"DOK","descripcion":"Documento Recibido"}`)
	f.Add(`{"estado":"EPR","estadistica":[{"tipo":39}],"detalle_rep_rech":null}`)
	f.Add(`GLOSA&gt;`)
	codes := regexp.MustCompile(`&lt;ESTADO&gt;\w+&lt;|"(?:estado|codigo)":"\w+"`)
	f.Fuzz(func(t *testing.T, body string) {
		want := codes.FindAllString(body, -1)
		for _, lie := range sii.Lies {
			if got := lie(body); len(codes.FindAllString(got, -1)) > len(want) {
				t.Errorf("%q became %q", body, got)
			}
		}
	})
}

type empty struct{}

func (empty) Received(string, int, int) (judge.Record, bool) { return judge.Record{}, false }
func (empty) Annulled(string, int, int) bool                 { return false }
