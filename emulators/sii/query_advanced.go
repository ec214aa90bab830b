package sii

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/rut"
)

// Parameters in WSDL order (QueryEstDteAv, wsDTECorreo).
var (
	estDteAvParameters = []string{
		"RutEmpresa", "DvEmpresa", "RutReceptor", "DvReceptor", "TipoDte", "FolioDte", "FechaEmisionDte", "MontoDte", "FirmaDte", "Token",
	}
	reenvioParameters = []string{"Token", "RutEmpresa", "DvEmpresa", "TrackId"}
)

// qualified is the header of these two services, whose children carry the SII's
// prefix (WEBSERVICES §2.1). No answer of theirs was recorded.
func qualified(estado, glosa, body string) string {
	return respuesta(prologUTF8, "<SII:ESTADO>"+estado+"</SII:ESTADO><SII:GLOSA>"+glosa+"</SII:GLOSA>", body)
}

// getEstDteAv is QueryEstDteAv: the state of one document that is proven by the
// value of its signature. The person must belong to issuer or receiver.
func (s *Server) getEstDteAv(env judge.Environment, p []string) string {
	now := s.state.clock.now()
	person := s.auth.person(realmOf(env, channelDTE), p[9], now)
	if person == "" {
		return qualified("001", "TOKEN NO EXISTE", "")
	}
	issued, err := time.Parse("02012006", p[6])
	signature := strings.Join(strings.Fields(p[8]), "")
	if err != nil || signature == "" {
		return qualified("5", "Error en los datos de entrada", "")
	}
	q := question{
		issuer: p[0] + "-" + p[1], receiver: p[2] + "-" + p[3], kind: number(p[4]), folio: number(p[5]),
		date: issued.Format(time.DateOnly), total: p[7], signature: signature,
	}
	if !s.state.belongs(env, person, q.issuer, q.receiver) {
		return qualified("9", "Usuario no autorizado en empresa", "")
	}
	answer := estadoOf(s.state.estDte(env, q, now))
	return qualified("0", "Consulta Ok", fmt.Sprintf("<RECIBIDO>%s</RECIBIDO><ESTADO>%s</ESTADO><GLOSA>%s</GLOSA><TRACKID>%s</TRACKID><NUMATENCION>%s ( %s )</NUMATENCION>",
		yes(slices.Contains([]string{"FAU", "FNA", "FAN", "EMP"}, answer.code)), answer.code, answer.glosa, s.state.trackOf(env, q), digits(6), now.Format("2006/01/02 15:04:05")))
}

func yes(unknown bool) string {
	if unknown {
		return "NO"
	}
	return "SI"
}

func (s *state) belongs(env judge.Environment, person string, companies ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(companies, func(c string) bool { return s.rightsOf(env.Name, person, c) != nil })
}

// trackOf is the track id of the envelope that brought a document.
func (s *state) trackOf(env judge.Environment, q question) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.received[docKey{env.Name, q.issuer, q.kind, q.folio}]; d != nil {
		return strings.TrimLeft(d.TrackID, "0")
	}
	return ""
}

// Glosas of reenvioCorreo (client tables; not recorded).
var reenvioGlosas = map[string]string{
	"0": "Solicitud Recibida", "101": "DV de la empresa incorrecto", "102": "Faltan datos de entrada", "104": "Token inactivo o no existe",
	"105": "TrackId no existe", "106": "Usuario sin permiso en la empresa", "114": "Envio sin termino de validacion: no hay correo",
}

// reenvioCorreo is wsDTECorreo: the result mail again, to the company's address.
func (s *Server) reenvioCorreo(env judge.Environment, p []string) string {
	code := s.mailAgain(env, p)
	return qualified(code, reenvioGlosas[code], "")
}

func (s *Server) mailAgain(env judge.Environment, p []string) string {
	if slices.Contains(p, "") {
		return "102"
	}
	now := s.state.clock.now()
	person := s.auth.person(realmOf(env, channelDTE), p[0], now)
	company := p[1] + "-" + strings.ToUpper(p[2])
	switch {
	case person == "":
		return "104"
	case !rut.Valid(company):
		return "101"
	}
	return s.state.mailAgain(env, person, company, p[3], now)
}
