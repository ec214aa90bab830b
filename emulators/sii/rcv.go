package sii

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"timbre/emulators/sii/faults"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/rcv"
	"timbre/emulators/sii/rut"
)

// bookHosts are the machines of the web application (WEBSERVICES §1).
var bookHosts = map[string]judge.Environment{"www4c.sii.cl": judge.Certification, "www4.sii.cl": judge.Production}

const (
	facadePath      = "/consdcvinternetui/services/data/facadeService/"
	facadeNamespace = "cl.sii.sdi.lob.diii.consdcv.data.api.interfaces.FacadeService/"
)

// bookQuery is the body of a call (WEBSERVICES §10.2).
type bookQuery struct {
	MetaData struct {
		Namespace      string `json:"namespace"`
		ConversationID string `json:"conversationId"`
		TransactionID  string `json:"transactionId"`
	} `json:"metaData"`
	Data struct {
		RUT       string `json:"rutEmisor"`
		Digit     string `json:"dvEmisor"`
		Period    string `json:"ptributario"`
		Operation string `json:"operacion"`
		State     string `json:"estadoContab"`
		Type      string `json:"codTipoDoc"`
		Action    string `json:"accionRecaptcha"`
		Token     string `json:"tokenRecaptcha"`
	} `json:"data"`

	method string
	book   rcv.Book
}

// bookState is respEstado. Which codes stand for which error is not known: only
// that 0 is none.
type bookState struct {
	Code  int     `json:"codRespuesta"`
	Text  *string `json:"msgeRespuesta"`
	Error *string `json:"codError"`
}

// bookAnswer is what every call answers; absent parts belong to other methods.
type bookAnswer struct {
	Data  any        `json:"data"`
	Count *int       `json:"totDocRes,omitempty"`
	Head  *bookHead  `json:"dataCabecera,omitempty"`
	File  string     `json:"nombreArchivo,omitempty"`
	State bookState  `json:"respEstado"`
	Meta  metaAnswer `json:"metaData"`
}

type bookHead struct {
	Modified string `json:"dcvFecModificacion"`
}

type metaAnswer struct {
	Namespace     string  `json:"namespace"`
	TransactionID string  `json:"transactionId"`
	Page          *string `json:"page"`
}

func (s *Server) bookRoutes(mux *http.ServeMux) {
	for host, env := range bookHosts {
		for _, method := range faults.Books {
			mux.Handle("POST /"+host+facadePath+method, s.guarded(call{method, host, realmOf(env, channelDTE)},
				func(w http.ResponseWriter, r *http.Request) { s.bookService(env, method, w, r) }))
		}
	}
}

// bookService checks what surrounds a query, as the application server does: the
// Accept header (RESTEASY001530, live), the session, the form.
func (s *Server) bookService(env judge.Environment, method string, w http.ResponseWriter, r *http.Request) {
	person, ok := s.bookPerson(env, w, r)
	if !ok {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSOAP))
	if err != nil {
		writeText(w, http.StatusBadRequest, textBad)
		return
	}
	q, err := readBookQuery(method, body)
	if errors.Is(err, errNoQuery) {
		writeText(w, http.StatusBadRequest, err.Error())
		return
	}
	if err == nil {
		err = s.allowBook(env, person, cookie(r), q)
	}
	writeExact(w, s.answerBook(q, env, err))
}

// bookPerson is whose session a request belongs to; otherwise it is answered.
func (s *Server) bookPerson(env judge.Environment, w http.ResponseWriter, r *http.Request) (string, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case !strings.Contains(r.Header.Get("Accept"), "*/*"):
		writeText(w, http.StatusInternalServerError, "RESTEASY001530: Illegal response media type")
		return "", false
	case err != nil || kind != "application/json":
		writeText(w, http.StatusUnsupportedMediaType, "Unsupported Media Type")
		return "", false
	}
	person := s.auth.person(realmOf(env, channelDTE), cookie(r), s.state.clock.now())
	if person == "" {
		w.Header().Set("Content-Type", "text/html;charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "<html><head><title>JBWEB000065: HTTP Status 401</title></head></html>") // an error means that the client is gone
	}
	return person, person != ""
}

// errNoQuery means that a body is not even JSON of the right form.
var errNoQuery = errors.New("JSON mapping error")

// bookError is a refusal in the SII's own words.
type bookError string

func (e bookError) Error() string { return string(e) }

const (
	errBadQuery bookError = "Error en los parametros de entrada"
	errBadToken bookError = "El token no es valido: NO Existen Datos" //nolint:gosec // the SII's text, no credential
	errNoUser   bookError = "Usuario no autorizado"
)

// readBookQuery reads a body and checks it against its method.
func readBookQuery(method string, body []byte) (bookQuery, error) {
	var q bookQuery
	if err := json.Unmarshal(body, &q); err != nil {
		return bookQuery{}, fmt.Errorf("%w: %w", errNoQuery, err)
	}
	q.method = method
	d, detail := q.Data, method != "getResumen"
	switch {
	case q.MetaData.Namespace != facadeNamespace+method, q.MetaData.TransactionID == "":
		return q, fmt.Errorf("%w: metaData", errBadQuery)
	case !rut.Valid(d.RUT + "-" + d.Digit), !periodShape.MatchString(d.Period):
		return q, fmt.Errorf("%w: rutEmisor, dvEmisor o ptributario", errBadQuery)
	case detail && (d.Type == "" || number(d.Type) < 0):
		return q, fmt.Errorf("%w: codTipoDoc", errBadQuery)
	case detail && (!strings.HasPrefix(d.Action, "RCV_D") || d.Token == ""):
		return q, fmt.Errorf("%w: accionRecaptcha o tokenRecaptcha", errBadQuery)
	}
	return q.open()
}

// open finds the book that a query means.
func (q bookQuery) open() (bookQuery, error) {
	wrongSide := strings.Contains(q.method, "Compra") && q.Data.Operation != "COMPRA" || strings.Contains(q.method, "Venta") && q.Data.Operation != "VENTA"
	switch {
	case wrongSide:
	case q.Data.Operation == "VENTA":
		q.book = rcv.Sales
	case q.Data.Operation == "COMPRA" && slices.Contains(rcv.Purchases, rcv.Book(q.Data.State)):
		q.book = rcv.Book(q.Data.State)
	}
	if q.book == "" {
		return q, fmt.Errorf("%w: operacion o estadoContab", errBadQuery)
	}
	return q, nil
}

// allowBook: the conversation is named by the token, not by the RUT (live).
func (s *Server) allowBook(env judge.Environment, person, token string, q bookQuery) error {
	switch {
	case q.MetaData.ConversationID != token:
		return errBadToken
	case !s.state.belongs(env, person, q.Data.RUT+"-"+q.Data.Digit):
		return errNoUser
	}
	return nil
}

func (s *Server) answerBook(q bookQuery, env judge.Environment, fault error) bookAnswer {
	a := bookAnswer{Meta: metaAnswer{Namespace: facadeNamespace + q.method, TransactionID: q.MetaData.TransactionID}}
	if fault != nil {
		text, code := fault.Error(), "ERROR"
		a.State = bookState{Code: 99, Text: &text, Error: &code}
		return a
	}
	company := q.Data.RUT + "-" + q.Data.Digit
	rows := s.state.book(env, company, q.Data.Period, q.book)
	if kind := number(q.Data.Type); kind > 0 {
		rows = slices.DeleteFunc(rows, func(r rcv.Row) bool { return r.Type != kind })
	}
	switch {
	case q.method == "getResumen":
		count := len(rows)
		a.Data, a.Count, a.Head = rcv.Summarize(rows), &count, &bookHead{Modified: s.state.clock.now().Format("02/01/2006 15:04:05")}
	case len(rows) == 0:
		text := "No existen documentos para los parametros ingresados"
		a.State = bookState{Code: 2, Text: &text}
	case strings.HasSuffix(q.method, "Export"):
		a.Data, a.File = rcv.Lines(q.book, rows), fileName(company, q.Data.Period, q.book)
	default:
		a.Data = rcv.Details(rows)
	}
	return a
}
