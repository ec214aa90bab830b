package sii

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"timbre/shared/dte"
)

// boletaState is the JSON of an envelope's state. Both arrays may be null, tipo may be missing in a detail,
// and a detail whose folio is null is about the whole envelope.
type boletaState struct {
	Track  trackID `json:"trackid"`
	State  string  `json:"estado"`
	Counts []struct {
		Type     int `json:"tipo"`
		Informed int `json:"informados"`
		Accepted int `json:"aceptados"`
		Rejected int `json:"rechazados"`
		Remarks  int `json:"reparos"`
	} `json:"estadistica"`
	Details []struct {
		Type   int           `json:"tipo"`
		Folio  int64         `json:"folio"`
		State  string        `json:"estado"`
		Glosa  string        `json:"descripcion"`
		Errors []boletaError `json:"error"`
	} `json:"detalle_rep_rech"`
}

// boletaError is one reason; section and code are null where the SII has none.
type boletaError struct {
	Section string      `json:"seccion"`
	Line    int         `json:"linea"`
	Level   int         `json:"nivel"`
	Code    json.Number `json:"codigo"`
	Text    string      `json:"descripcion"`
	Detail  string      `json:"detalle"`
}

// readBoletaState reads what the service says of an upload; an answer about another one says nothing of it.
func readBoletaState(text, track string) (EnvelopeState, error) {
	var said boletaState
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return EnvelopeState{}, err
	}
	if said.State == "" {
		return EnvelopeState{}, errors.New("no estado")
	}
	if !SameTrack(string(said.Track), track) {
		return EnvelopeState{}, fmt.Errorf("asked for %s, answered about %q", track, said.Track)
	}
	s := EnvelopeState{State: said.State, Answer: clip(text, answerKept)}
	for _, c := range said.Counts {
		s.Counts = append(s.Counts, Count{
			Type: dte.Type(c.Type), Informed: c.Informed, Accepted: c.Accepted, Rejected: c.Rejected, Remarks: c.Remarks,
		})
	}
	for _, d := range said.Details {
		r := Reviewed{Type: dte.Type(d.Type), Folio: d.Folio, State: d.State, Glosa: d.Glosa}
		for _, e := range d.Errors {
			r.Reasons = append(r.Reasons, e.reason())
		}
		s.Details = append(s.Details, r)
		if d.Folio == 0 && s.Glosa == "" {
			s.Glosa = r.text()
		}
	}
	return s, nil
}

// reason writes a finding as the result mail of the other documents does: HED-2-260.
func (e boletaError) reason() Reason {
	r := Reason{Level: e.Level, Line: e.Line, Text: e.Text}
	if e.Detail != "" {
		r.Text = strings.TrimPrefix(e.Text+" : "+e.Detail, " : ")
	}
	if e.Section != "" && e.Code != "" {
		r.Code = fmt.Sprintf("%s-%d-%s", e.Section, e.Level, e.Code)
	}
	return r
}

// text says a detail in one line.
func (r Reviewed) text() string {
	parts := []string{r.Glosa}
	for _, reason := range r.Reasons {
		parts = append(parts, strings.TrimSpace(reason.Code+" "+reason.Text))
	}
	return clip(strings.Join(parts, "; "), 500)
}
