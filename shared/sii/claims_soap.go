package sii

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"timbre/shared/claim"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// The operations of WSREGISTRORECLAMODTE, as its WSDL names them.
const (
	opClaimEnter      = "ingresarAceptacionReclamoDoc"
	opClaimEvents     = "listarEventosHistDoc"
	opClaimAssignable = "consultarDocDteCedible"
	opClaimReception  = "consultarFechaRecepcionSii"

	claimNamespace = "http://ws.registroreclamodte.diii.sdi.sii.cl"
	// codeClaimToken stands for the fault by which the service refuses a token; it has no code.
	codeClaimToken = "TOKEN invalido"
)

// claimService is where the register is.
var claimService = map[store.Environment]struct{ host, path string }{
	store.Certificacion: {"ws2.sii.cl", "/WSREGISTRORECLAMODTECERT/registroreclamodteservice"},
	store.Produccion:    {"ws1.sii.cl", "/WSREGISTRORECLAMODTE/registroreclamodteservice"},
}

// claimEnvelope is a request as the manual v1.2 shows it: rpc/literal, parameters unqualified.
func claimEnvelope(op string, params []param) []byte {
	var b bytes.Buffer
	b.WriteString(`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ws="` + claimNamespace + `">` +
		`<soapenv:Header/><soapenv:Body><ws:` + op + `>`)
	for _, p := range params {
		b.WriteString("<" + p.name + ">")
		xml.EscapeText(&b, []byte(p.value)) //nolint:errcheck // a bytes.Buffer takes everything
		b.WriteString("</" + p.name + ">")
	}
	b.WriteString("</ws:" + op + "></soapenv:Body></soapenv:Envelope>")
	return b.Bytes()
}

// question repeats a call that changes nothing where no usable answer came.
func (c *Claims) question(ctx context.Context, token, op string, d Received) (inner, error) {
	for try := 0; ; try++ {
		doc, err := c.callOnce(ctx, token, op, d.params())
		if errors.Is(err, ErrIndeterminate) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if err == nil || try == queryTries-1 || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrTokenDead) {
			return doc, err
		}
		if err := c.session.client.pause(ctx, try); err != nil {
			return inner{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// callOnce makes one call. Without an answer of the operation it is ErrUnavailable if nothing can have reached the
// SII, else ErrIndeterminate. A refused token is a fault of the SOAP service, known by its text only.
func (c *Claims) callOnce(ctx context.Context, token, op string, params []param) (inner, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	service := claimService[c.env]
	a, sent, err := c.session.client.call(ctx, request{
		method: http.MethodPost, url: onHost(c.session.client.base, service.host, service.path), body: claimEnvelope(op, params),
		header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {`""`}, "Cookie": {"TOKEN=" + token}},
	})
	if err != nil && !sent {
		return inner{}, fmt.Errorf("%w: %s: %w", ErrUnavailable, op, err)
	}
	if err != nil {
		return inner{}, fmt.Errorf("%w: %s: %w", ErrIndeterminate, op, err)
	}
	doc, err := readClaimSOAP(a.body)
	if fault, is := doc.first("faultstring"); is && tokenFault(fault) {
		return inner{}, &StatusError{Op: op, Code: codeClaimToken, Glosa: clip(fault, 300)}
	}
	if err == nil && !strings.Contains(doc.text, op+"Response") {
		err = fmt.Errorf("no %sResponse in the answer", op)
	}
	if err != nil {
		return inner{}, fmt.Errorf("%w: %s: HTTP %d: %w", ErrIndeterminate, op, a.status, err)
	}
	return doc, nil
}

// tokenFault reads "Error de Autenticacion: TOKEN invalido", as a public client matches it.
func tokenFault(text string) bool { return strings.Contains(strings.ToUpper(text), "TOKEN INVALIDO") }

// readClaimSOAP reads an answer, which is no document inside a text here. A fault is returned with its leaves.
func readClaimSOAP(body []byte) (inner, error) {
	text := toUTF8(body)
	found, err := leaves(text)
	if err != nil {
		return inner{}, fmt.Errorf("read the SOAP envelope: %w", err)
	}
	doc := inner{leaves: found, text: text}
	if fault, is := doc.first("faultstring"); is {
		return doc, fmt.Errorf("SOAP fault: %s", clip(fault, 200))
	}
	return doc, nil
}

// only is the text of a leaf that must be there once: an answer that came twice in one body is none.
func (d inner) only(name string) (string, error) {
	text, n := "", 0
	for _, l := range d.leaves {
		if l.name == name {
			text = l.text
			n++
		}
	}
	if n != 1 {
		return "", fmt.Errorf("%d %s in the answer", n, name)
	}
	return text, nil
}

func readClaimAnswer(doc inner, op string) (ClaimAnswer, error) {
	a := ClaimAnswer{Answer: clip(doc.text, answerKept)}
	a.Glosa, _ = doc.first("descResp")
	a.Glosa = clip(a.Glosa, 300)
	text, err := doc.only("codResp")
	if err != nil {
		return a, fmt.Errorf("%s: %w", op, err)
	}
	code, err := strconv.Atoi(text)
	if err != nil {
		return a, fmt.Errorf("%s: codResp %q", op, clip(text, 20))
	}
	a.Code = claim.Code(code)
	return a, nil
}

// readEvents reads listaEventosDoc, which comes never, once or many times; each begins with codEvento.
func readEvents(doc inner, chile *time.Location) (claim.History, error) {
	var all claim.History
	number := ""
	for _, l := range doc.leaves {
		if l.name == "codEvento" {
			all = append(all, claim.Event{Action: claim.Action(l.text)})
			number = ""
			continue
		}
		if len(all) == 0 {
			continue
		}
		last := &all[len(all)-1]
		switch l.name {
		case "rutResponsable":
			number = l.text
		case "dvResponsable": // masked or absent ones say nothing
			last.By, _ = rut.Parse(number + "-" + l.text) //nolint:errcheck // zero then
		case "fechaEvento":
			at, err := claim.ParseStamp(l.text, chile)
			if err != nil {
				return nil, fmt.Errorf("fechaEvento %q", clip(l.text, 30))
			}
			last.At = at
		}
	}
	return all, nil
}
