package sii

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/emulators/sii/judge"
)

// boletaStatus is the state of an envelope of boletas, with the order of fields
// and the form of the date of the OpenAPI's example.
type boletaStatus struct {
	Issuer  string         `json:"rut_emisor"`
	Sender  string         `json:"rut_envia"`
	Track   json.Number    `json:"trackid"`
	At      string         `json:"fecha_recepcion"`
	State   string         `json:"estado"`
	Counts  []boletaCount  `json:"estadistica"` // null until EPR
	Details []boletaDetail `json:"detalle_rep_rech"`
}

type boletaCount struct {
	Type     int `json:"tipo"`
	Informed int `json:"informados"`
	Accepted int `json:"aceptados"`
	Rejected int `json:"rechazados"`
	Remarked int `json:"reparos"`
}

// boletaDetail is a document that is rejected or has remarks. In the OpenAPI's
// example the remark carries no tipo: nor does it here. A null folio means the
// whole envelope.
type boletaDetail struct {
	Type        *int          `json:"tipo,omitempty"`
	Folio       *int          `json:"folio"`
	State       string        `json:"estado"`
	Description string        `json:"descripcion"`
	Errors      []boletaError `json:"error"`
}

// boletaError is one finding. Where no code of the SII is known, seccion and
// codigo are null.
type boletaError struct {
	Section     *string `json:"seccion"`
	Line        int     `json:"linea"`
	Level       int     `json:"nivel"`
	Code        *int    `json:"codigo"`
	Description string  `json:"descripcion"`
	Detail      string  `json:"detalle"`
}

// detailTexts are the descriptions of a document's states.
var detailTexts = map[string]string{
	"RCH": "Dte Rechazado", "RPR": "Dte Aceptado con reparos", "RLV": "Dte Aceptado con reparos leves",
}

var envelopeKey = regexp.MustCompile(`^(\d{1,9}-[\dK])-(\d{1,15})$`)

// boletaEnvelope tells the state of an upload.
func (s *Server) boletaEnvelope(env judge.Environment, w http.ResponseWriter, r *http.Request) {
	person, ok := s.boletaPerson(env, w, r)
	if !ok {
		return
	}
	key := envelopeKey.FindStringSubmatch(r.PathValue("key"))
	if key == nil {
		writeText(w, http.StatusBadRequest, textBad)
		return
	}
	status, found := s.state.boletaStatus(env, person, key[1], key[2])
	if !found {
		writeText(w, http.StatusNotFound, textNotFound)
		return
	}
	writeExact(w, status)
}

func (s *state) boletaStatus(env judge.Environment, person, company, track string) (boletaStatus, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.clock.now())
	e := s.envelope(env, channelBoleta, track)
	if e == nil || e.Company != company || e.Sender != person && s.rightsOf(env.Name, person, company) == nil {
		return boletaStatus{}, false
	}
	b := boletaStatus{
		Issuer: e.Company, Sender: e.Sender, Track: json.Number(e.TrackID), At: e.ReceivedAt.Format("02/01/2006 15:04:05"), State: boletaStateOf(e),
	}
	switch {
	case e.State == "EPR":
		b.Counts, b.Details = boletaCounts(e), boletaDetails(e)
	case e.Fault != nil:
		b.Details = []boletaDetail{{State: b.State, Description: glosas[b.State], Errors: []boletaError{boletaErrorOf(*e.Fault)}}}
	}
	return b, true
}

// boletaStateOf: this service is never silent, and spells PDR as PRD.
func boletaStateOf(e *Envelope) string {
	switch e.State {
	case "":
		return "REC"
	case "PDR":
		return "PRD"
	}
	return e.State
}

func boletaCounts(e *Envelope) []boletaCount {
	var counts []boletaCount
	for _, t := range tallies(e.Documents) {
		counts = append(counts, boletaCount{Type: t.kind, Informed: t.informed, Accepted: t.accepted, Rejected: t.rejected, Remarked: t.remarked})
	}
	return counts
}

func boletaDetails(e *Envelope) []boletaDetail {
	var details []boletaDetail
	for _, d := range e.Documents {
		if d.State == "DOK" {
			continue
		}
		detail := boletaDetail{Folio: &d.Folio, State: d.State, Description: detailTexts[d.State]}
		if !d.Accepted() {
			detail.Type = &d.Type
		}
		for _, f := range d.Findings {
			detail.Errors = append(detail.Errors, boletaErrorOf(f))
		}
		details = append(details, detail)
	}
	return details
}

var findingCode = regexp.MustCompile(`^([A-Z]{3})-\d-(\d+)$`)

func boletaErrorOf(f judge.Finding) boletaError {
	b := boletaError{Line: f.Line, Level: f.Level}
	b.Description, b.Detail, _ = strings.Cut(f.Text, " : ")
	if code := findingCode.FindStringSubmatch(f.Code); code != nil {
		n := number(code[2])
		b.Section, b.Code = &code[1], &n
	}
	return b
}

var documentKey = regexp.MustCompile(`^(\d{1,9}-[\dK])-(39|41)-(\d{1,10})$`)

// boletaDocument tells the state of one boleta: 404 where no envelope brought it.
func (s *Server) boletaDocument(env judge.Environment, w http.ResponseWriter, r *http.Request) {
	if _, ok := s.boletaPerson(env, w, r); !ok {
		return
	}
	q, ok := boletaQuestion(r.PathValue("key"), r.URL.Query())
	if !ok {
		writeText(w, http.StatusBadRequest, textBad)
		return
	}
	now := s.state.clock.now()
	if !s.state.heardOf(env, q, now) {
		writeText(w, http.StatusNotFound, textNotFound)
		return
	}
	answer := estadoOf(s.state.estDte(env, q, now))
	writeExact(w, struct {
		Code        string `json:"codigo"`
		Description string `json:"descripcion"`
	}{answer.code, answer.glosa})
}

func boletaQuestion(path string, query url.Values) (question, bool) {
	key := documentKey.FindStringSubmatch(path)
	issued, err := time.Parse("02-01-2006", query.Get("fechaEmision"))
	_, notNumber := strconv.Atoi(query.Get("monto"))
	if key == nil || err != nil || notNumber != nil || query.Get("rut_receptor") == "" || query.Get("dv_receptor") == "" {
		return question{}, false
	}
	return question{
		issuer: key[1], receiver: query.Get("rut_receptor") + "-" + query.Get("dv_receptor"), kind: number(key[2]), folio: number(key[3]),
		date: issued.Format(time.DateOnly), total: query.Get("monto"),
	}, true
}

// heardOf says whether any envelope, also one in process, brought the document.
func (s *state) heardOf(env judge.Environment, q question, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	if slices.ContainsFunc(s.documents, func(d *Document) bool {
		return d.Environment == env.Name && d.Issuer == q.issuer && d.Type == q.kind && d.Folio == q.folio
	}) {
		return true
	}
	return slices.ContainsFunc(s.open, func(e *Envelope) bool {
		return e.env == env && e.content != nil && slices.ContainsFunc(e.content.Documents, func(d *judge.Document) bool {
			return d.Issuer == q.issuer && d.Type == q.kind && d.Folio == q.folio
		})
	})
}
