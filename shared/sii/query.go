package sii

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// EnvelopeState is what QueryEstUp says of an upload.
type EnvelopeState struct {
	State  string // ESTADO, as EPR or -11
	Glosa  string
	Code   string // ERR_CODE, only with -11
	Counts []Count
	// Details are the documents that were rejected or have remarks; only the boletas' service names them.
	Details []Reviewed
	Answer  string // the inner document, for the evidence
}

// Reviewed is a document that was rejected or accepted with remarks.
type Reviewed struct {
	Type    dte.Type // 0 where the SII does not say it
	Folio   int64    // 0: the whole envelope
	State   string   // RCH, RPR, RLV
	Glosa   string
	Reasons []Reason
}

// Reason is one finding of the SII.
type Reason struct {
	Code  string // as HED-2-260, "" where the SII has none
	Level int    // 3 rejects; 1 and 2 are remarks
	Line  int
	Text  string
}

// Class tells what the state means.
func (s EnvelopeState) Class() Class { return ClassOf(s.State) }

// CountOf is the count of a type, over all groups that name it; false if the answer does not list it, as
// happens with notas de crédito.
func (s EnvelopeState) CountOf(t dte.Type) (Count, bool) {
	all, listed := Count{Type: t}, false
	for _, c := range s.Counts {
		if c.Type == t {
			listed = true
			all.Informed, all.Accepted = all.Informed+c.Informed, all.Accepted+c.Accepted
			all.Rejected, all.Remarks = all.Rejected+c.Rejected, all.Remarks+c.Remarks
		}
	}
	return all, listed
}

// Count is how many documents of a type the SII counts; Accepted does not hold those with Remarks.
type Count struct {
	Type     dte.Type `json:"type"`
	Informed int      `json:"informed"`
	Accepted int      `json:"accepted"`
	Rejected int      `json:"rejected"`
	Remarks  int      `json:"remarks"`
}

// DocumentState is what QueryEstDte says of a document.
type DocumentState struct {
	State  string // ESTADO, as DOK
	Glosa  string
	Code   string // ERR_CODE
	Answer string
}

// Standing tells what the state means.
func (s DocumentState) Standing() Standing { return StandingOf(s.State) }

// Question names a document and what the SII compares.
type Question struct {
	Issuer   rut.RUT
	Receiver rut.RUT
	Type     dte.Type
	Folio    int64
	Date     string // AAAA-MM-DD, as in the document
	Total    string // MntTotal
	// Signature is the document's SignatureValue, which only ExactState compares.
	Signature string
}

func (c *Client) envelopeState(ctx context.Context, env store.Environment, token string, company rut.RUT, track string) (EnvelopeState, error) {
	doc, err := c.query(ctx, env, pathEstUp, opEstUp,
		param{"RutCompania", strconv.Itoa(company.Number())}, param{"DvCompania", company.Digit()},
		param{"TrackId", track}, param{"Token", token})
	if err != nil {
		return EnvelopeState{}, err
	}
	s, err := parseEnvelopeState(doc)
	if told, _ := doc.first("TRACKID"); err == nil && s.Class() != Pending && told != "" && !SameTrack(told, track) {
		return s, fmt.Errorf("%w: getEstUp about track %s, asked for %s", ErrUnavailable, clip(told, 20), track)
	}
	return s, err
}

// parseEnvelopeState reads header and body in any order. The groups of the body are flat: each begins
// with TIPO_DOCTO, and what is missing in it is 0. One capture has ESTADO 0 in the header and the real one
// in the body: the first known envelope state wins.
func parseEnvelopeState(doc inner) (EnvelopeState, error) {
	s := EnvelopeState{Answer: clip(doc.text, answerKept)}
	for _, l := range doc.leaves {
		if err := s.add(l); err != nil {
			return s, fmt.Errorf("%w: getEstUp: %w", ErrUnavailable, err)
		}
	}
	if s.State == "" {
		return s, fmt.Errorf("%w: getEstUp without ESTADO", ErrUnavailable)
	}
	if tokenDead(s.State) {
		return s, &StatusError{Op: opEstUp, Code: s.State, Glosa: clip(s.Glosa, 300)}
	}
	return s, nil
}

func (s *EnvelopeState) add(l leaf) error {
	switch l.name {
	case "ESTADO":
		if s.State == "" || !knownEnvelopeState(s.State) && knownEnvelopeState(l.text) {
			s.State = l.text
		}
	case "GLOSA":
		s.Glosa = l.text
	case "ERR_CODE":
		s.Code = l.text
	case "TIPO_DOCTO":
		n, err := strconv.Atoi(l.text)
		if err != nil {
			return fmt.Errorf("TIPO_DOCTO %q", clip(l.text, 20))
		}
		s.Counts = append(s.Counts, Count{Type: dte.Type(n)})
	case "INFORMADOS", "ACEPTADOS", "RECHAZADOS", "REPAROS":
		return s.count(l)
	}
	return nil
}

func (s *EnvelopeState) count(l leaf) error {
	n, err := strconv.Atoi(l.text)
	if err != nil || n < 0 || len(s.Counts) == 0 {
		return fmt.Errorf("%s %q", l.name, clip(l.text, 20))
	}
	last := &s.Counts[len(s.Counts)-1]
	switch l.name {
	case "INFORMADOS":
		last.Informed = n
	case "ACEPTADOS":
		last.Accepted = n
	case "RECHAZADOS":
		last.Rejected = n
	case "REPAROS":
		last.Remarks = n
	}
	return nil
}

func (c *Client) documentState(ctx context.Context, env store.Environment, token string, person rut.RUT, q Question) (DocumentState, error) {
	date, err := time.Parse(time.DateOnly, q.Date)
	if err != nil {
		return DocumentState{}, fmt.Errorf("date of the document: %w", err)
	}
	doc, err := c.query(ctx, env, pathEstDte, opEstDte,
		param{"RutConsultante", strconv.Itoa(person.Number())}, param{"DvConsultante", person.Digit()},
		param{"RutCompania", strconv.Itoa(q.Issuer.Number())}, param{"DvCompania", q.Issuer.Digit()},
		param{"RutReceptor", strconv.Itoa(q.Receiver.Number())}, param{"DvReceptor", q.Receiver.Digit()},
		param{"TipoDte", strconv.Itoa(int(q.Type))}, param{"FolioDte", strconv.FormatInt(q.Folio, 10)},
		param{"FechaEmisionDte", date.Format("02012006")}, param{"MontoDte", q.Total},
		param{"Token", token})
	if err != nil {
		return DocumentState{}, err
	}
	return parseDocumentState(doc)
}

func parseDocumentState(doc inner) (DocumentState, error) {
	s := DocumentState{Answer: clip(doc.text, answerKept)}
	s.State, _ = doc.first("ESTADO")
	s.Code, _ = doc.first("ERR_CODE")
	s.Glosa, _ = doc.first("GLOSA_ESTADO")
	if s.Glosa == "" {
		s.Glosa, _ = doc.first("GLOSA")
	}
	if s.State == "" {
		return s, fmt.Errorf("%w: getEstDte without ESTADO", ErrUnavailable)
	}
	if tokenDead(s.State) {
		return s, &StatusError{Op: opEstDte, Code: s.State, Glosa: clip(s.Glosa, 300)}
	}
	return s, nil
}
