package sii

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/world"
)

// Parameters in WSDL order (QueryEstUp.jws, QueryEstDte.jws of 2026).
var (
	estUpParameters  = []string{"RutCompania", "DvCompania", "TrackId", "Token"}
	estDteParameters = []string{
		"RutConsultante", "DvConsultante", "RutCompania", "DvCompania", "RutReceptor", "DvReceptor",
		"TipoDte", "FolioDte", "FechaEmisionDte", "MontoDte", "Token",
	}
)

// glosas of getEstUp's states. Those of states other than EPR are templates of
// ours: no recorded answer shows them.
var glosas = map[string]string{
	"REC": "Envio Recibido", "SOK": "Schema Validado", "FOK": "Firma de Envio Validada", "CRT": "Caratula OK",
	"PDR": "Envio en Proceso", "EPR": "Envio Procesado", "RSC": "Rechazado por Error en Schema",
	"RFR": "Rechazado por Error en Firma", "RCT": "Rechazado por Error en Caratula",
	"VOF": "No se encontro el archivo .xml", "PRD": "Envio en Proceso",
}

// number reads digits; anything else is -1, which nothing has.
func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return -1
	}
	return n
}

func internalError(code int) string {
	return respuesta(prologPlain, fmt.Sprintf("<ESTADO>-11</ESTADO><ERR_CODE>%d</ERR_CODE><SQL_CODE>0</SQL_CODE><SRV_CODE>0</SRV_CODE>", code), "")
}

// getEstUp is QueryEstUp: the state of an upload.
func (s *Server) getEstUp(env judge.Environment, p []string) string {
	now := s.state.clock.now()
	person := s.auth.person(realmOf(env, channelDTE), p[3], now)
	if person == "" {
		return queryError("001", "TOKEN NO EXISTE")
	}
	return s.state.estUp(env, person, p[0]+"-"+p[1], p[2], now)
}

func (s *state) estUp(env judge.Environment, person, company, track string, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	e := s.envelope(env, channelDTE, track)
	switch {
	case e == nil || e.State == "":
		return internalError(2) // "Error de Proceso": unknown, or not yet looked at
	case e.Company != company:
		return internalError(1)
	case s.rightsOf(env.Name, person, company) == nil:
		return queryError("-6", "Usuario no autorizado")
	case e.State == "106":
		return respuesta(prologPlain, "<ESTADO>106</ESTADO><GLOSA>Usuario sin permiso de envio</GLOSA>", "")
	}
	body := ""
	if e.State == "EPR" {
		body = s.counts(e)
	}
	return respuesta(prologPlain, fmt.Sprintf("<TRACKID>%s</TRACKID><ESTADO>%s</ESTADO><GLOSA>%s</GLOSA>", e.TrackID, e.State, glosas[e.State]), body)
}

// envelope finds a track id, padded or not.
func (s *state) envelope(env judge.Environment, channel, track string) *Envelope {
	track = strings.TrimLeft(strings.TrimSpace(track), "0")
	i := slices.IndexFunc(s.envelopes, func(e *Envelope) bool {
		return e.env == env && e.Channel == channel && strings.TrimLeft(e.TrackID, "0") == track
	})
	if i < 0 {
		return nil
	}
	return s.envelopes[i]
}

// tally is what became of the documents of one type.
type tally struct{ kind, informed, accepted, rejected, remarked int }

func tallies(documents []*Document) []tally {
	var groups []tally
	for _, d := range documents {
		i := slices.IndexFunc(groups, func(c tally) bool { return c.kind == d.Type })
		if i < 0 {
			i, groups = len(groups), append(groups, tally{kind: d.Type})
		}
		groups[i].informed++
		switch d.State {
		case "DOK":
			groups[i].accepted++
		case "RCH":
			groups[i].rejected++
		default:
			groups[i].remarked++
		}
	}
	slices.SortFunc(groups, func(a, b tally) int { return cmp.Compare(a.kind, b.kind) })
	return groups
}

// counts writes the groups of EPR, one per type. Type 61 is left out, as two
// certification logs of 2026 saw (switch list_credit_notes).
func (s *state) counts(e *Envelope) string {
	var b strings.Builder
	for _, c := range tallies(e.Documents) {
		if c.kind == 61 && !on(s.switches.ListCreditNotes) {
			continue
		}
		fmt.Fprintf(&b, "<TIPO_DOCTO>%d</TIPO_DOCTO><INFORMADOS>%d</INFORMADOS><ACEPTADOS>%d</ACEPTADOS><RECHAZADOS>%d</RECHAZADOS><REPAROS>%d</REPAROS>",
			c.kind, c.informed, c.accepted, c.rejected, c.remarked)
	}
	return b.String()
}

// estado is one answer of getEstDte: ERR_CODE and glosa belong to the ESTADO.
type estado struct {
	code    string
	errCode int
	glosa   string
}

// estados of getEstDte (WEBSERVICES §5.1; glosas of LibreDTE's and Odoo's tables).
var estados = []estado{
	{"DOK", 0, "Documento Recibido por el SII. Datos Coinciden con los Registrados"},
	{"DNK", 1, "Documento Recibido por el SII pero Datos NO Coinciden con los registrados"},
	{"FAU", 3, "Documento No Recibido por el SII"},
	{"FNA", 4, "Documento No Autorizado"},
	{"FAN", 5, "Documento Anulado"},
	{"EMP", 6, "Empresa no autorizada a Emitir Documentos Tributarios Electronicos"},
	{"TMD", 10, "Existe Nota de Debito que Modifica Texto Documento"},
	{"TMC", 11, "Existe Nota de Credito que Modifica Textos Documento"},
	{"MMD", 12, "Existe Nota de Debito que Modifica Montos Documento"},
	{"MMC", 13, "Existe Nota de Credito que Modifica Montos Documento"},
	{"AND", 14, "Existe Nota de Debito que Anula Documento"},
	{"ANC", 15, "Existe Nota de Credito que Anula Documento"},
}

func estadoOf(code string) estado {
	return estados[slices.IndexFunc(estados, func(e estado) bool { return e.code == code })]
}

// question is what getEstDte and its kin ask.
type question struct {
	issuer, receiver string
	kind, folio      int
	date, total      string
	signature        string // SignatureValue; empty: not asked for
}

// getEstDte is QueryEstDte: the state of one document.
func (s *Server) getEstDte(env judge.Environment, p []string) string {
	now := s.state.clock.now()
	if s.auth.person(realmOf(env, channelDTE), p[10], now) == "" {
		return queryError("001", "TOKEN NO EXISTE")
	}
	issued, err := time.Parse("02012006", p[8])
	if err != nil {
		return queryError("-3", "Error : parametros de entrada")
	}
	q := question{
		issuer: p[2] + "-" + p[3], receiver: p[4] + "-" + p[5], kind: number(p[6]), folio: number(p[7]),
		date: issued.Format(time.DateOnly), total: p[9],
	}
	answer := estadoOf(s.state.estDte(env, q, now))
	return respuesta(prologPlain, fmt.Sprintf("<ESTADO>%s</ESTADO><GLOSA_ESTADO>%s</GLOSA_ESTADO><ERR_CODE>%d</ERR_CODE><GLOSA_ERR></GLOSA_ERR><NUM_ATENCION>%s ( %s )</NUM_ATENCION>",
		answer.code, answer.glosa, answer.errCode, digits(6), now.Format("2006/01/02 15:04:05")), "")
}

func (s *state) estDte(env judge.Environment, q question, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	company := s.account(env.Name, q.issuer)
	d := s.received[docKey{env.Name, q.issuer, q.kind, q.folio}]
	switch {
	case d == nil && (company == nil || !company.authorized):
		return "EMP"
	case d == nil && registry{s, env.Name}.Annulled(q.issuer, q.kind, q.folio):
		return "FAN"
	case d == nil && s.unauthorized(env.Name, q):
		return "FNA"
	case d == nil:
		return "FAU"
	case d.Date != q.date || d.Receiver != q.receiver || wholePesos(d.Total) != wholePesos(q.total):
		return "DNK"
	case q.signature != "" && q.signature != d.Signature:
		return "DNK"
	case d.Effect != "":
		return d.Effect
	}
	return "DOK"
}

// wholePesos drops decimals (exports) for the comparison with MontoDte.
func wholePesos(total string) string {
	whole, _, _ := strings.Cut(total, ".")
	return whole
}

// unauthorized: CAFs of the company and type are known, and none has the folio.
func (s *state) unauthorized(env string, q question) bool {
	known := false
	for _, caf := range s.cafs[env] {
		if caf.Covers(q.issuer, q.kind, q.folio) {
			return false
		}
		known = known || sameKind(caf, q)
	}
	return known
}

func sameKind(caf world.CAF, q question) bool { return caf.RUT == q.issuer && caf.Type == q.kind }
