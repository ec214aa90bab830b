package sii

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"timbre/shared/rcv"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// The register of purchases and sales has no official service: this is the backend of its web application, as clients
// have found it (WEBSERVICES §10). It may change any day, so that whoever uses it must do without it.
const (
	pathRegister      = "/consdcvinternetui/services/data/facadeService/"
	registerNamespace = "cl.sii.sdi.lob.diii.consdcv.data.api.interfaces.FacadeService/"
	// maxRegister bounds an answer: all lines of a month of one type.
	maxRegister = 64 << 20
)

var registerHosts = map[store.Environment]string{store.Certificacion: "www4c.sii.cl", store.Produccion: "www4.sii.cl"}

// ErrIncomplete says that the lines of a book are not as many as its summary counts.
var ErrIncomplete = errors.New("sii: the register's book is incomplete")

// registerCall is the body of a call.
type registerCall struct {
	MetaData registerMeta  `json:"metaData"`
	Data     registerQuery `json:"data"`
}

type registerMeta struct {
	Namespace      string  `json:"namespace"`
	ConversationID string  `json:"conversationId"`
	TransactionID  string  `json:"transactionId"`
	Page           *string `json:"page"`
}

type registerQuery struct {
	RUT       string `json:"rutEmisor"`
	Digit     string `json:"dvEmisor"`
	Period    string `json:"ptributario"`
	State     string `json:"estadoContab"`
	Operation string `json:"operacion"`
	First     bool   `json:"busquedaInicial,omitempty"`
	Type      string `json:"codTipoDoc,omitempty"`
	Action    string `json:"accionRecaptcha,omitempty"`
	Token     string `json:"tokenRecaptcha,omitempty"`
}

// registerAnswer is what every call answers.
type registerAnswer struct {
	Data  json.RawMessage `json:"data"`
	State struct {
		Code int     `json:"codRespuesta"`
		Text *string `json:"msgeRespuesta"`
	} `json:"respEstado"`
}

// Purchases reads a book of a company's purchases of a month: its summary, then the lines of each type of document.
// All of them come, or it is an error.
func (s *Session) Purchases(ctx context.Context, company rut.RUT, month rcv.Period, book rcv.Book) ([]rcv.Row, error) {
	query := registerQuery{
		RUT: strconv.Itoa(company.Number()), Digit: company.Digit(), Period: month.Compact(), State: string(book), Operation: "COMPRA", First: true,
	}
	var summary []struct {
		Type  int `json:"rsmnTipoDocInteger"`
		Count int `json:"rsmnTotDoc"`
	}
	if err := s.register(ctx, "getResumen", query, &summary); err != nil {
		return nil, err
	}
	var all []rcv.Row
	for _, kind := range summary {
		if kind.Count == 0 {
			continue
		}
		query.First, query.Type, query.Action, query.Token = false, strconv.Itoa(kind.Type), "RCV_DDETC", "t-o-k-e-n-web"
		rows, err := s.bookOf(ctx, query)
		if err != nil {
			return nil, err
		}
		if len(rows) != kind.Count {
			return nil, fmt.Errorf("%w: %s of %s, type %d: %d lines of %d", ErrIncomplete, book, month, kind.Type, len(rows), kind.Count)
		}
		all = append(all, rows...)
	}
	return all, nil
}

// bookOf reads the lines of one type; they are those of a downloaded CSV.
func (s *Session) bookOf(ctx context.Context, q registerQuery) ([]rcv.Row, error) {
	var lines []string
	if err := s.register(ctx, "getDetalleCompraExport", q, &lines); err != nil {
		return nil, err
	}
	sheet, err := rcv.Read([]byte(strings.Join(lines, "\n")))
	if err != nil {
		return nil, fmt.Errorf("%w: getDetalleCompraExport: %w", ErrUnavailable, err)
	}
	if len(sheet.Faults) > 0 {
		return nil, fmt.Errorf("%w: getDetalleCompraExport: %s", ErrIncomplete, sheet.Faults[0])
	}
	return sheet.Rows, nil
}

// register calls a method until it gets a usable answer, as asking changes nothing.
func (s *Session) register(ctx context.Context, method string, q registerQuery, into any) error {
	_, err := ask(ctx, s, func(token string) (struct{}, error) {
		for try := 0; ; try++ {
			err := s.registerOnce(ctx, token, method, q, into)
			var refused *StatusError
			if err == nil || try == queryTries-1 || !errors.Is(err, ErrUnavailable) || errors.As(err, &refused) {
				return struct{}{}, err
			}
			if err := s.client.pause(ctx, try); err != nil {
				return struct{}{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
		}
	})
	return err
}

func (s *Session) registerOnce(ctx context.Context, token, method string, q registerQuery, into any) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	// The conversation is named by the token; by the RUT it is refused (live).
	body, err := json.Marshal(registerCall{registerMeta{Namespace: registerNamespace + method, ConversationID: token, TransactionID: uuid()}, q})
	if err != nil {
		return err
	}
	host := registerHosts[s.env]
	a, _, err := s.client.call(ctx, request{
		method: http.MethodPost, url: onHost(s.client.base, host, pathRegister+method), body: body, most: maxRegister,
		header: http.Header{
			"Content-Type": {"application/json"},
			// Without */* the server answers 500, RESTEASY001530 (live).
			"Accept": {"application/json, text/plain, */*"},
			"Origin": {"https://" + host}, "Referer": {"https://" + host + "/consdcvinternetui/"}, "Cookie": {"TOKEN=" + token},
		},
	})
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, method, err)
	}
	return a.registerData(method, into)
}

// registerData takes the data out of an answer.
func (a answer) registerData(method string, into any) error {
	if a.status == http.StatusUnauthorized { // the session is lost (JBWEB000065)
		return &StatusError{Op: method, Code: codeNotAuthenticated, Glosa: clip(toUTF8(a.body), 200)}
	}
	var said registerAnswer
	if err := json.Unmarshal(a.body, &said); err != nil || a.status != http.StatusOK {
		return fmt.Errorf("%w: %s: HTTP %d: %s", ErrUnavailable, method, a.status, clip(toUTF8(a.body), 200))
	}
	if said.State.Code != 0 {
		text := ""
		if said.State.Text != nil {
			text = *said.State.Text
		}
		return &StatusError{Op: method, Code: "rcv-" + strconv.Itoa(said.State.Code), Glosa: text}
	}
	if len(said.Data) == 0 || bytes.Equal(said.Data, []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(said.Data, into); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, method, err)
	}
	return nil
}

// uuid is a random one (RFC 9562, version 4).
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
