package sii

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"timbre/shared/store"
)

// The operations, as the WSDLs name them.
const (
	opSeed     = "getSeed"
	opToken    = "getToken"
	opEstUp    = "getEstUp"
	opEstDte   = "getEstDte"
	opEstDteAv = "getEstDteAv"
	opMail     = "reenvioCorreo"
)

// queryTries is how often a query without a usable answer is put before its caller hears of it.
const queryTries = 3

// param is one parameter; the service is rpc/encoded, so that name and order are the WSDL's.
type param struct{ name, value string }

// envelopeSOAP is a SOAP 1.1 request as Apache Axis 1 takes it. The namespace of the operation is that
// of the live WSDLs of 2026; the manual's URL namespace fails for getEstUp.
func envelopeSOAP(op string, params []param) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` +
		`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` +
		`<soapenv:Body soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">` +
		`<ns1:` + op + ` xmlns:ns1="http://DefaultNamespace">`)
	for _, p := range params {
		b.WriteString("<" + p.name + ` xsi:type="xsd:string">`)
		xml.EscapeText(&b, []byte(p.value)) //nolint:errcheck // a bytes.Buffer takes everything
		b.WriteString("</" + p.name + ">")
	}
	b.WriteString("</ns1:" + op + "></soapenv:Body></soapenv:Envelope>")
	return b.Bytes()
}

// query calls a SOAP service and returns the elements of its inner document and the document's text.
// It repeats the call where no usable answer came, as asking changes nothing.
func (c *Client) query(ctx context.Context, env store.Environment, path, op string, params ...param) (inner, error) {
	for try := 0; ; try++ {
		doc, err := c.queryOnce(ctx, address(c.base, env, path), op, params)
		if err == nil || try == queryTries-1 || !errors.Is(err, ErrUnavailable) {
			return doc, err
		}
		if err := c.pause(ctx, try); err != nil {
			return inner{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

func (c *Client) queryOnce(ctx context.Context, url, op string, params []param) (inner, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	header := http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {`""`}}
	a, _, err := c.call(ctx, request{method: http.MethodPost, url: url, header: header, body: envelopeSOAP(op, params)})
	if err != nil {
		return inner{}, fmt.Errorf("%w: %s: %w", ErrUnavailable, op, err)
	}
	doc, err := parseSOAP(a.body, op)
	if err != nil {
		return inner{}, fmt.Errorf("%w: %s: HTTP %d: %w", ErrUnavailable, op, a.status, err)
	}
	return doc, nil
}

// leaf is an element without elements; closed is false for what turned out to hold others.
type leaf struct {
	name, text string
	closed     bool
}

// inner is the document inside the SOAP string: its leaves in order, by local name, and its text.
type inner struct {
	leaves []leaf
	text   string
}

// first is the text of the first leaf of a name.
func (d inner) first(name string) (string, bool) {
	for _, l := range d.leaves {
		if l.name == name {
			return l.text, true
		}
	}
	return "", false
}

// parseSOAP reads the answer of an operation twice: the SOAP envelope, whose {op}Return holds an XML
// document as text, and that document. Prefixes and the order of elements do not matter.
func parseSOAP(body []byte, op string) (inner, error) {
	outer, err := leaves(toUTF8(body))
	if err != nil {
		return inner{}, fmt.Errorf("read the SOAP envelope: %w", err)
	}
	for _, l := range outer {
		switch l.name {
		case "faultstring":
			return inner{}, fmt.Errorf("SOAP fault: %s", clip(l.text, 200))
		case op + "Return":
			found, err := leaves(l.text)
			if err == nil && len(found) == 0 {
				err = errors.New("no element")
			}
			if err != nil {
				return inner{}, fmt.Errorf("read the document in %sReturn: %w", op, err)
			}
			return inner{leaves: found, text: l.text}, nil
		}
	}
	return inner{}, fmt.Errorf("no %sReturn in the answer", op)
}

// leaves reads a document to its end. A DTD is refused; the inner declaration of an encoding is
// ignored, since the text is decoded already.
func leaves(text string) ([]leaf, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	var found []leaf
	var content strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return slices.DeleteFunc(found, func(l leaf) bool { return !l.closed }), nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("a DTD is not allowed")
		case xml.StartElement:
			content.Reset()
			found = append(found, leaf{name: t.Name.Local})
		case xml.CharData:
			content.Write(t)
		case xml.EndElement:
			last := &found[len(found)-1]
			if last.name == t.Name.Local && !last.closed {
				last.text, last.closed = strings.TrimSpace(content.String()), true
			}
		}
	}
}

// toUTF8 reads bytes as UTF-8, else as ISO-8859-1.
func toUTF8(data []byte) string {
	text := string(data)
	if strings.ToValidUTF8(text, "") == text {
		return text
	}
	decoded, err := charmap.ISO8859_1.NewDecoder().Bytes(data)
	if err != nil {
		return strings.ToValidUTF8(text, "?")
	}
	return string(decoded)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
