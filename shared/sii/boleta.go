package sii

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"timbre/shared/rut"
	"timbre/shared/store"
)

// boletas is the service of its own that takes boletas (SII, "API SII - V1" 1.0.5, OpenAPI): other hosts,
// other tokens, JSON instead of SOAP. Its errors are plain text.
type boletas struct {
	client *Client
	env    store.Environment
}

// boletaRoot is before the name of each call.
const boletaRoot = "/recursos/v1/boleta.electronica"

// The operations, as errors and logs name them.
const (
	opBoletaSeed     = "boletaSeed"
	opBoletaToken    = "boletaToken"
	opBoletaEnvelope = "boletaEnvelope"
	opBoletaDocument = "boletaDocument"
)

// boletaHosts answer queries, boletaUploadHosts take uploads and nothing else: an upload to the former is
// answered 500 "Acceso Denegado" (live 2026).
var (
	boletaHosts       = map[store.Environment]string{store.Certificacion: "apicert.sii.cl", store.Produccion: "api.sii.cl"}
	boletaUploadHosts = map[store.Environment]string{store.Certificacion: "pangal.sii.cl", store.Produccion: "rahue.sii.cl"}
)

func (b boletas) channel() store.Channel { return store.Boleta }

func (b boletas) uploadHost() string { return boletaUploadHosts[b.env] }

func (b boletas) url(path string) string {
	return onHost(b.client.base, boletaHosts[b.env], boletaRoot+path)
}

// login gets a token: seed and token come as the inner documents of the SOAP services, without SOAP.
func (b boletas) login(ctx context.Context, p Person) (string, error) {
	doc, err := b.queryXML(ctx, http.MethodGet, ".semilla", opBoletaSeed, nil)
	if err != nil {
		return "", err
	}
	seed, err := valueOf(doc, opBoletaSeed, "SEMILLA")
	if err != nil {
		return "", err
	}
	signed, err := p.SignSeed(seed)
	if err != nil {
		return "", fmt.Errorf("sign the seed: %w", err)
	}
	doc, err = b.queryXML(ctx, http.MethodPost, ".token", opBoletaToken, signed)
	if err != nil {
		return "", err
	}
	return valueOf(doc, opBoletaToken, "TOKEN")
}

func (b boletas) queryXML(ctx context.Context, method, path, op string, body []byte) (inner, error) {
	header := http.Header{"Accept": {"application/xml"}}
	if body != nil {
		header.Set("Content-Type", "application/xml")
	}
	var doc inner
	err := b.query(ctx, request{method: method, url: b.url(path), header: header, body: body}, op, func(a answer) error {
		text := toUTF8(a.body)
		found, err := leaves(text)
		if err == nil && len(found) == 0 {
			err = errors.New("no element")
		}
		doc = inner{leaves: found, text: text}
		return err
	})
	return doc, err
}

// query puts a request until it gets a usable answer, as asking changes nothing; read takes that of 200.
func (b boletas) query(ctx context.Context, r request, op string, read func(answer) error) error {
	for try := 0; ; try++ {
		err := b.queryOnce(ctx, r, op, read)
		var refused *StatusError
		if err == nil || try == queryTries-1 || !errors.Is(err, ErrUnavailable) || errors.As(err, &refused) {
			return err
		}
		if err := b.client.pause(ctx, try); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

func (b boletas) queryOnce(ctx context.Context, r request, op string, read func(answer) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	a, _, err := b.client.call(ctx, r)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, op, err)
	}
	if code, refused := a.refusal(); refused {
		return &StatusError{Op: op, Code: code, Glosa: clip(toUTF8(a.body), 300)}
	}
	if a.status == http.StatusOK {
		err = read(a)
	} else {
		err = fmt.Errorf("not expected: %s", clip(toUTF8(a.body), 200))
	}
	if err != nil {
		return fmt.Errorf("%w: %s: HTTP %d: %w", ErrUnavailable, op, a.status, err)
	}
	return nil
}

// What the service refuses by HTTP status: 401 also where the agent is not liked (live 2026), 400 "No trae
// TOKEN" without the cookie, 404 for a track id or document that it does not know.
const (
	codeNotAuthenticated = "401"
	codeNoToken          = "400"
	codeUnknown          = "404"
)

// refusal tells which of them an answer is. They come as plain text; a page is not the service's own word.
func (a answer) refusal() (string, bool) {
	text := strings.TrimSpace(toUTF8(a.body))
	switch {
	case strings.HasPrefix(text, "<"):
		return "", false
	case a.status == http.StatusUnauthorized:
		return codeNotAuthenticated, true
	case a.status == http.StatusNotFound:
		return codeUnknown, true
	case a.status == http.StatusBadRequest && strings.Contains(strings.ToUpper(text), "TOKEN"):
		return codeNoToken, true
	}
	return "", false
}

func boletaHeader(token string) http.Header {
	return http.Header{"Accept": {"application/json"}, "Cookie": {"TOKEN=" + token}}
}

// upload posts an envelope once. No answer is documented by which the service tells that it has the file
// already.
func (b boletas) upload(ctx context.Context, token string, f file) (UploadResult, error) {
	ctx, cancel := context.WithTimeout(ctx, UploadTimeout)
	defer cancel()
	body, contentType, err := f.form()
	if err != nil {
		return UploadResult{Status: statusNone}, fmt.Errorf("write the upload form: %w", err)
	}
	header := boletaHeader(token)
	header.Set("Content-Type", contentType)
	address := onHost(b.client.base, b.uploadHost(), boletaRoot+".envio")
	a, sent, err := b.client.call(ctx, request{method: http.MethodPost, url: address, header: header, body: body})
	switch {
	case err != nil && !sent:
		return UploadResult{Status: statusNone}, fmt.Errorf("%w: upload: %w", ErrUnavailable, err)
	case err != nil:
		return UploadResult{Status: statusNone}, fmt.Errorf("%w: %w", ErrIndeterminate, err)
	}
	return readBoletaUpload(a)
}

// readBoletaUpload reads the answer to an upload; what is neither a receipt nor a refusal is indeterminate.
func readBoletaUpload(a answer) (UploadResult, error) {
	text := toUTF8(a.body)
	result := UploadResult{Status: statusNone, Answer: clip(text, answerKept)}
	code, refused := a.refusal()
	switch {
	case refused && code != codeUnknown:
		result.Status, result.Detail = StatusToken, []string{clip(strings.TrimSpace(text), 500)}
		return result, nil
	case a.status == http.StatusBadRequest && !strings.HasPrefix(strings.TrimSpace(text), "<"):
		result.Status, result.Detail = StatusParameters, []string{clip(strings.TrimSpace(text), 500)}
		return result, nil
	case a.status != http.StatusOK:
		return result, fmt.Errorf("%w: HTTP %d", ErrIndeterminate, a.status)
	}
	var receipt struct {
		Track trackID `json:"trackid"`
		State string  `json:"estado"`
	}
	if err := json.Unmarshal([]byte(text), &receipt); err != nil {
		return result, fmt.Errorf("%w: read the receipt: %w", ErrIndeterminate, err)
	}
	if receipt.State != "REC" || receipt.Track == "" {
		return result, fmt.Errorf("%w: receipt with estado %q and trackid %q", ErrIndeterminate, clip(receipt.State, 20), receipt.Track)
	}
	result.Status, result.TrackID = StatusReceived, string(receipt.Track)
	return result, nil
}

// trackID is a JSON number of up to 15 digits, beyond 32 bits, that is kept as the text it is.
type trackID string

// UnmarshalJSON implements json.Unmarshaler; a text of digits is taken as well.
func (t *trackID) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "null" {
		return nil
	}
	if len(text) > 15 || strings.Trim(text, "0123456789") != "" {
		return fmt.Errorf("no track id: %.40q", data)
	}
	*t = trackID(text)
	return nil
}

// documentState asks for one boleta; 404 is one that no envelope brought.
func (b boletas) documentState(ctx context.Context, token string, _ rut.RUT, q Question) (DocumentState, error) {
	date, err := time.Parse(time.DateOnly, q.Date)
	if err != nil {
		return DocumentState{}, fmt.Errorf("date of the document: %w", err)
	}
	query := url.Values{
		"rut_receptor": {strconv.Itoa(q.Receiver.Number())}, "dv_receptor": {q.Receiver.Digit()},
		"monto": {q.Total}, "fechaEmision": {date.Format("02-01-2006")},
	}
	address := fmt.Sprintf("%s?%s", b.url(fmt.Sprintf("/%s-%d-%d/estado", q.Issuer, q.Type, q.Folio)), query.Encode())
	var s DocumentState
	err = b.query(ctx, request{method: http.MethodGet, url: address, header: boletaHeader(token)}, opBoletaDocument, func(a answer) error {
		var said struct {
			Code  string `json:"codigo"`
			Glosa string `json:"descripcion"`
		}
		text := toUTF8(a.body)
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			return err
		}
		if said.Code == "" {
			return errors.New("no codigo")
		}
		s = DocumentState{State: said.Code, Glosa: said.Glosa, Answer: clip(text, answerKept)}
		return nil
	})
	if glosa, unknown := notFound(err); unknown {
		return DocumentState{State: codeUnknown, Glosa: glosa, Answer: glosa}, nil
	}
	return s, err
}

// notFound tells whether the service said that it does not know what it was asked for.
func notFound(err error) (string, bool) {
	var refused *StatusError
	if errors.As(err, &refused) && refused.Code == codeUnknown {
		return refused.Glosa, true
	}
	return "", false
}

// envelopeState asks for an upload; 404 is a track id that is not known, or not yet.
func (b boletas) envelopeState(ctx context.Context, token string, company rut.RUT, track string) (EnvelopeState, error) {
	address := b.url(fmt.Sprintf(".envio/%s-%s", company, strings.TrimLeft(track, "0")))
	var s EnvelopeState
	err := b.query(ctx, request{method: http.MethodGet, url: address, header: boletaHeader(token)}, opBoletaEnvelope, func(a answer) error {
		var err error
		s, err = readBoletaState(toUTF8(a.body), track)
		return err
	})
	if glosa, unknown := notFound(err); unknown {
		return EnvelopeState{State: codeUnknown, Glosa: glosa, Answer: glosa}, nil
	}
	return s, err
}
