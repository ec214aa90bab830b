package sii

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"timbre/emulators/sii/judge"
)

// boletaHost is a machine of the boletas' service: queries and uploads live on
// different ones (WEBSERVICES §1).
type boletaHost struct {
	env     judge.Environment
	uploads bool
}

var boletaHosts = map[string]boletaHost{
	"apicert.sii.cl": {judge.Certification, false},
	"pangal.sii.cl":  {judge.Certification, true},
	"api.sii.cl":     {judge.Production, false},
	"rahue.sii.cl":   {judge.Production, true},
}

// Texts of the service's errors, which are no JSON (WEBSERVICES §7).
const (
	textNoToken   = "No trae TOKEN"
	textDead      = "NO ESTA AUTENTICADO"
	textBad       = "Bad Request"
	textNotFound  = "Not Found"
	textNotMethod = "Method Not Allowed"
)

// boletaRoutes are the calls under "/" + host + "/recursos/v1/". Every other path
// is answered 500, as apicert does.
func (s *Server) boletaRoutes(mux *http.ServeMux) {
	for name, host := range boletaHosts {
		base, in := "/"+name+"/recursos/v1/boleta.electronica", realmOf(host.env, channelBoleta)
		handle := func(method, path, op string, do http.HandlerFunc) {
			mux.Handle(method+" "+base+path, s.guarded(call{op, name, in}, do))
			mux.HandleFunc(base+path, func(w http.ResponseWriter, _ *http.Request) {
				writeText(w, http.StatusMethodNotAllowed, textNotMethod)
			})
		}
		mux.HandleFunc("/"+name+"/", denied)
		if host.uploads {
			handle("POST", ".envio", "boletaUpload", s.worked(func(w http.ResponseWriter, r *http.Request) { s.boletaUpload(host.env, w, r) }))
			continue
		}
		handle("GET", ".semilla", "boletaSeed", func(w http.ResponseWriter, _ *http.Request) { s.boletaSeed(in, w) })
		handle("POST", ".token", "boletaToken", func(w http.ResponseWriter, r *http.Request) { s.boletaToken(in, w, r) })
		handle("GET", ".envio/{key}", "boletaEnvelope", func(w http.ResponseWriter, r *http.Request) { s.boletaEnvelope(host.env, w, r) })
		handle("GET", "/{key}/estado", "boletaDocument", func(w http.ResponseWriter, r *http.Request) { s.boletaDocument(host.env, w, r) })
	}
}

// denied is what a request to the wrong machine gets (live 2026).
func denied(w http.ResponseWriter, _ *http.Request) {
	writeFault(w, "env:Client", "Acceso Denegado (from client)")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // an error means that the client is gone
}

func writeDocument(w http.ResponseWriter, kind, text string) {
	w.Header().Set("Content-Type", kind)
	_, _ = io.WriteString(w, text) // an error means that the client is gone
}

// writeExact is JSON as the service writes it: no newline at the end, no escaped
// "<".
func writeExact(w http.ResponseWriter, value any) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		writeText(w, http.StatusInternalServerError, err.Error())
		return
	}
	writeDocument(w, "application/json", strings.TrimSuffix(b.String(), "\n"))
}

func (s *Server) boletaSeed(in realm, w http.ResponseWriter) {
	seed := s.auth.newSeed(in, s.state.clock.now())
	writeDocument(w, "application/xml", respuesta(prologUTF8, "<ESTADO>00</ESTADO>", "<SEMILLA>"+seed+"</SEMILLA>"))
}

func (s *Server) boletaToken(in realm, w http.ResponseWriter, r *http.Request) {
	signed, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSOAP))
	if err != nil {
		writeText(w, http.StatusBadRequest, textBad)
		return
	}
	person, estado := s.authenticate(in, string(signed))
	if estado != "00" {
		writeDocument(w, "application/xml", respuesta(prologUTF8, "<ESTADO>"+estado+"</ESTADO><GLOSA>"+mojibake(tokenGlosas[estado])+"</GLOSA>", ""))
		return
	}
	writeDocument(w, "application/xml", prologPlain+`<SII:RESPUESTA xmlns:SII="http://www.sii.cl/XMLSchema"><SII:RESP_HDR><ESTADO>00</ESTADO></SII:RESP_HDR><SII:RESP_BODY><TOKEN>`+
		s.auth.newToken(in, person, s.state.clock.now())+`</TOKEN></SII:RESP_BODY></SII:RESPUESTA>`)
}

// boletaPerson finds whose token a request carries, or answers it. An agent
// without "PROG 1.0" is turned away even with a good token (live 2026).
func (s *Server) boletaPerson(env judge.Environment, w http.ResponseWriter, r *http.Request) (string, bool) {
	token := cookie(r)
	switch {
	case !strings.Contains(r.UserAgent(), "PROG 1.0"):
		writeText(w, http.StatusUnauthorized, textDead)
		return "", false
	case token == "":
		writeText(w, http.StatusBadRequest, textNoToken)
		return "", false
	}
	person := s.auth.person(realmOf(env, channelBoleta), token, s.state.clock.now())
	if person == "" {
		writeText(w, http.StatusUnauthorized, textDead)
	}
	return person, person != ""
}

// received is the answer of an upload: it promises nothing but a track id.
type received struct {
	Issuer string      `json:"rut_emisor"`
	Sender string      `json:"rut_envia"`
	Track  json.Number `json:"trackid"`
	At     string      `json:"fecha_recepcion"`
	State  string      `json:"estado"`
	File   string      `json:"file"`
}

// boletaUpload takes anything that is a form with a file: the rest is judged
// later. The same bytes again are a new envelope, whose folios are then refused.
func (s *Server) boletaUpload(env judge.Environment, w http.ResponseWriter, r *http.Request) {
	person, ok := s.boletaPerson(env, w, r)
	if !ok {
		return
	}
	f, err := readForm(r, s.options.MaxBytes)
	if err != nil || len(f.data) == 0 || int64(len(f.data)) > s.options.MaxBytes || f.sender() != person {
		writeText(w, http.StatusBadRequest, textBad)
		return
	}
	e, err := s.state.acceptBoletas(env, f)
	if err != nil {
		writeText(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	s.log.Info("boletas", slog.String("rut_emisor", e.Company), slog.String("track_id", e.TrackID))
	writeExact(w, received{
		Issuer: e.Company, Sender: e.Sender, Track: json.Number(e.TrackID), At: e.ReceivedAt.Format(time.DateTime), State: "REC", File: e.File,
	})
}

func (s *state) acceptBoletas(env judge.Environment, f form) (*Envelope, error) {
	s.mu.Lock()
	switches := s.switches
	s.mu.Unlock()
	e := newEnvelope(env, channelBoleta, f, switches) // slow: outside the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	s.advance(now)
	return e, s.receive(e, now)
}
