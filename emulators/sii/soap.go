package sii

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/judge"
)

// maxSOAP bounds a request; a signed seed has about 4 kB.
const maxSOAP = 1 << 20

// operation answers one SOAP call: parameters in, inner XML out.
type operation func(env judge.Environment, parameters []string) string

// soap is an Apache Axis 1 service with one operation (rpc/encoded). Any
// namespace is taken; operation name and number of parameters must be right.
func (s *Server) soap(host string, name string, parameters []string, do operation) http.Handler {
	env := hosts[host]
	return s.guarded(call{op: name, host: host, in: realmOf(env, channelDTE)}, func(w http.ResponseWriter, r *http.Request) {
		if _, sent := r.Header["Soapaction"]; !sent {
			writeFault(w, "soapenv:Client.NoSOAPAction", "no SOAPAction header!")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSOAP))
		if err != nil {
			writeFault(w, "soapenv:Client", "request unreadable")
			return
		}
		op, values, err := readSOAP(body)
		switch {
		case err != nil:
			writeFault(w, "soapenv:Server.userException", "org.xml.sax.SAXParseException: "+err.Error())
		case op != name || len(values) != len(parameters):
			writeFault(w, "soapenv:Client", fmt.Sprintf("No such operation '%s'", op))
		default:
			writeSOAP(w, name, do(env, values))
		}
	})
}

// readSOAP finds the operation and its parameters, which Axis takes by position.
func readSOAP(body []byte) (string, []string, error) {
	doc := etree.NewDocument()
	doc.ReadSettings.MaxDepth = 16
	doc.ReadSettings.CharsetReader = latin1Reader
	if err := doc.ReadFromBytes(body); err != nil {
		return "", nil, err
	}
	root := doc.Root()
	if root == nil || root.Tag != "Envelope" {
		return "", nil, fmt.Errorf("no Envelope")
	}
	soapBody := root.SelectElement("Body")
	if soapBody == nil || len(soapBody.ChildElements()) != 1 {
		return "", nil, fmt.Errorf("no operation in Body")
	}
	call := soapBody.ChildElements()[0]
	var values []string
	for _, p := range call.ChildElements() {
		if len(p.ChildElements()) > 0 {
			return "", nil, fmt.Errorf("parameter %s is not a string", p.Tag)
		}
		values = append(values, p.Text())
	}
	return call.Tag, values, nil
}

func latin1Reader(label string, input io.Reader) (io.Reader, error) {
	if strings.EqualFold(label, "ISO-8859-1") {
		return charmap.ISO8859_1.NewDecoder().Reader(input), nil
	}
	return nil, fmt.Errorf("unknown encoding %q", label)
}

const soapHead = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
`

const soapTail = `
 </soapenv:Body>
</soapenv:Envelope>`

// writeSOAP wraps the inner document as the live servers of 2026 do: qualified
// return element, namespace http://DefaultNamespace, inner XML escaped.
func writeSOAP(w http.ResponseWriter, op, inner string) {
	writeXML(w, http.StatusOK, fmt.Sprintf(soapHead+`  <ns1:%[1]sResponse soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/" xmlns:ns1="http://DefaultNamespace">
   <ns1:%[1]sReturn xsi:type="xsd:string">%[2]s</ns1:%[1]sReturn>
  </ns1:%[1]sResponse>`+soapTail, op, escapeAxis(inner)))
}

func writeFault(w http.ResponseWriter, code, text string) {
	writeXML(w, http.StatusInternalServerError, fmt.Sprintf(soapHead+`  <soapenv:Fault>
   <faultcode>%s</faultcode>
   <faultstring>%s</faultstring>
   <detail/>
  </soapenv:Fault>`+soapTail, code, escapeAxis(text)))
}

func writeXML(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml;charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // an error means that the client is gone
}

// escapeAxis escapes as Axis 1 does: the five entities, CR as &#xd;, and every
// character outside ASCII by its number.
func escapeAxis(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&apos;")
		case r == '\r':
			b.WriteString("&#xd;")
		case r > 126:
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// respuesta writes the compact inner document: body before header where there
// is a body, as seed and EPR answers do.
func respuesta(prolog, header, body string) string {
	if body != "" {
		body = "<SII:RESP_BODY>" + body + "</SII:RESP_BODY>"
	}
	return prolog + `<SII:RESPUESTA xmlns:SII="http://www.sii.cl/XMLSchema">` + body + "<SII:RESP_HDR>" + header + "</SII:RESP_HDR></SII:RESPUESTA>"
}

// Prologs of inner documents as recorded.
const (
	prologUTF8  = `<?xml version="1.0" encoding="UTF-8"?>`
	prologPlain = `<?xml version="1.0"?>`
)

// queryError is the indented form with CR LF of query errors.
func queryError(estado, glosa string) string {
	return strings.ReplaceAll(fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<SII:RESPUESTA xmlns:SII="http://www.sii.cl/XMLSchema">
    <SII:RESP_HDR>
        <ESTADO>%s</ESTADO>
        <GLOSA>%s</GLOSA>
    </SII:RESP_HDR>
</SII:RESPUESTA>
`, estado, glosa), "\n", "\r\n")
}
