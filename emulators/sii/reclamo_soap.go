package sii

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/beevik/etree"

	"timbre/emulators/sii/claims"
)

// claimNS is the namespace of the reclamo service, whose JAX-WS finds operations
// by their qualified name (WSDL: rpc/literal).
const claimNS = "http://ws.registroreclamodte.diii.sdi.sii.cl"

// errNoCall means that a body is no call of the service.
var errNoCall = errors.New("couldn't create SOAP message due to exception")

// claimCall is one call of the service. Its parameters are found by name;
// elements with a prefix or a namespace of their own are none.
type claimCall struct {
	namespace, op                         string
	issuer, digit, kind, folio, accionDoc string
}

// readClaimCall reads a request.
func readClaimCall(body []byte) (claimCall, error) {
	doc := etree.NewDocument()
	doc.ReadSettings.MaxDepth = 16
	doc.ReadSettings.CharsetReader = latin1Reader
	if err := doc.ReadFromBytes(body); err != nil {
		return claimCall{}, fmt.Errorf("%w: %w", errNoCall, err)
	}
	for _, token := range doc.Child {
		if _, dtd := token.(*etree.Directive); dtd {
			return claimCall{}, fmt.Errorf("%w: DTD", errNoCall)
		}
	}
	root := doc.Root()
	if root == nil || root.Tag != "Envelope" || root.NamespaceURI() != "http://schemas.xmlsoap.org/soap/envelope/" {
		return claimCall{}, fmt.Errorf("%w: no SOAP 1.1 Envelope", errNoCall)
	}
	soapBody := root.SelectElement("Body")
	if soapBody == nil || len(soapBody.ChildElements()) != 1 {
		return claimCall{}, fmt.Errorf("%w: no operation in Body", errNoCall)
	}
	return readParameters(soapBody.ChildElements()[0]), nil
}

func readParameters(el *etree.Element) claimCall {
	c := claimCall{namespace: el.NamespaceURI(), op: el.Tag}
	fields := map[string]*string{"rutEmisor": &c.issuer, "dvEmisor": &c.digit, "tipoDoc": &c.kind, "folio": &c.folio, "accionDoc": &c.accionDoc}
	for _, p := range el.ChildElements() {
		if field := fields[p.Tag]; field != nil && p.NamespaceURI() == "" {
			*field = p.Text()
		}
	}
	return c
}

// claimEnvelope is the form in which the manual v1.2 shows answers: prefixes S
// and ns2, three blanks, a LF at the end.
const claimEnvelope = `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">
   <S:Body>
%s   </S:Body>
</S:Envelope>
`

// claimReturn wraps the content of return.
func claimReturn(op, content string) string {
	return fmt.Sprintf(claimEnvelope, fmt.Sprintf("      <ns2:%[1]sResponse xmlns:ns2=%[2]q>\n         <return>%[3]s</return>\n      </ns2:%[1]sResponse>\n", op, claimNS, content))
}

// claimResult is a respuestaTo: a code, its text and events.
func claimResult(op string, code claims.Code, events []claims.Event) string {
	const indent = "\n            "
	var b strings.Builder
	fmt.Fprintf(&b, indent+"<codResp>%d</codResp>"+indent+"<descResp>%s</descResp>", code, escapeText.Replace(code.Text()))
	for _, e := range events {
		person, digit, _ := strings.Cut(e.Person, "-")
		b.WriteString(indent + "<listaEventosDoc>")
		for _, field := range [][2]string{
			{"codEvento", e.Code}, {"descEvento", claims.Descriptions[e.Code]}, {"rutResponsable", person}, {"dvResponsable", digit},
			{"fechaEvento", e.At.Format(claimTime)},
		} {
			fmt.Fprintf(&b, indent+"   <%[1]s>%[2]s</%[1]s>", field[0], escapeText.Replace(field[1]))
		}
		b.WriteString(indent + "</listaEventosDoc>")
	}
	b.WriteString("\n         ")
	return claimReturn(op, b.String())
}

// claimTime is how the service writes moments, in Chilean time.
const claimTime = "02-01-2006 15:04:05"

// writeClaimFault is a SOAP fault of JAX-WS; of the real one only the text for a
// bad token is known.
func writeClaimFault(w http.ResponseWriter, code, text string) {
	writeXML(w, http.StatusInternalServerError, fmt.Sprintf(claimEnvelope,
		fmt.Sprintf("      <S:Fault>\n         <faultcode>S:%s</faultcode>\n         <faultstring>%s</faultstring>\n      </S:Fault>\n", code, escapeText.Replace(text))))
}
