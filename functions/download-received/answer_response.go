package downloadreceived

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"timbre/shared/access"
	"timbre/shared/claim"
	"timbre/shared/exchange/answer"
	"timbre/shared/outmail"
	"timbre/shared/problem"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// AnswerRequest is POST …/answers: a commercial answer by mail, which leaves the SII's register as it is.
type AnswerRequest struct {
	// Action is what the answer says, in the words of the SII's register.
	Action string `json:"action"`
	// Reason is required of a claim; with ACD it says with which objections the document is accepted.
	Reason string `json:"reason,omitempty"`
	// Place is where goods were received (Recinto), for ERM; absent: the company's address.
	Place string `json:"place,omitempty"`
	// To is the mail address, absent: the supplier's.
	To string `json:"to,omitempty"`
}

// saying is what a company says of a document by mail.
type saying struct {
	action            claim.Action
	reason, place, to string
}

// grounds are what a claim rests on; the glosa of a rejection must name the law and the reason (FORMATS §13.1).
var grounds = map[claim.Action]string{
	claim.RCD: "Ley 19.983: reclamo al contenido del documento",
	claim.RFP: "Ley 19.983: falta parcial de mercaderías o servicios",
	claim.RFT: "Ley 19.983: falta total de mercaderías o servicios",
}

// answered mails what a person had entered at the SII, each response once: the acceptance or rejection as ResultadoDTE,
// the receipt of goods as EnvioRecibos. What cannot be mailed is left: the register alone has legal effect.
func (s *service) answered(ctx context.Context, r *received.Record) error {
	if s.mailing.outbox == nil {
		return nil
	}
	for _, p := range r.Responses {
		id := store.ResponseLetter(r.Issuer, r.Type, r.Folio, string(p.Action))
		if p.State != received.ResponseRecorded || mailed(r, id) {
			continue
		}
		_, err := s.say(ctx, r, saying{action: p.Action, reason: p.Reason})
		for _, known := range []error{outmail.ErrNoServer, errNoAddress, errNoCertificate, answer.ErrType} {
			if errors.Is(err, known) {
				s.Logger.InfoContext(ctx, "response not mailed", "id", r.ReceivedID.String(), "action", p.Action, "error", err)
				err = nil
			}
		}
		if err != nil {
			return fmt.Errorf("mail response %s: %w", id, err)
		}
	}
	return nil
}

func mailed(r *received.Record, id store.LetterID) bool {
	return slices.ContainsFunc(r.RequestedAnswers, func(a received.RequestedAnswer) bool { return a.Letter == string(id) })
}

// say writes a commercial answer and notes it in the record.
func (s *service) say(ctx context.Context, r *received.Record, a saying) (*outmail.Record, error) {
	l, write, err := s.compose(ctx, r, a)
	if err != nil {
		return nil, err
	}
	sent, err := s.send(ctx, l, write)
	if err != nil {
		return nil, err
	}
	_, err = received.Update(ctx, s.State, r.ReceivedID, func(r *received.Record) error {
		if mailed(r, l.id) {
			return store.ErrUnchanged
		}
		r.RequestedAnswers = append(r.RequestedAnswers, received.RequestedAnswer{Kind: string(a.action), At: s.Now(), Reason: a.reason, Letter: string(l.id)})
		return nil
	})
	return sent, err
}

// compose is the mail of an answer and how its XML is written.
func (s *service) compose(ctx context.Context, r *received.Record, a saying) (letter, func(*pen) ([]byte, error), error) {
	if !answer.Answerable(r.Type) || a.action == claim.ERM && !answer.Receivable(r.Type) {
		return letter{}, nil, answer.ErrType
	}
	v := r.Main()
	m, err := received.LoadMail(ctx, s.State, r.Company, v.Mail)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return letter{}, nil, err
	}
	to := a.to
	if to == "" {
		if to, err = s.addressOf(ctx, r.Company, r.Issuer, &m); err != nil {
			return letter{}, nil, err
		}
	}
	digest, err := received.Digest(v.File)
	if err != nil {
		return letter{}, nil, err
	}
	code, err := s.number(ctx, r.Company, store.ReceptionLetter(digest))
	if err != nil {
		return letter{}, nil, err
	}
	named := answer.Named{Type: r.Type, Folio: r.Folio, IssueDate: v.IssueDate, Issuer: r.Issuer, Receiver: v.Receiver, Total: v.Total}
	l := letter{
		company: r.Company, id: store.ResponseLetter(r.Issuer, r.Type, r.Folio, string(a.action)), about: r.ReceivedID.String(), to: to,
		supplier: r.Issuer, inReplyTo: m.MessageID,
	}
	if a.action == claim.ERM {
		if a.place == "" {
			a.place, err = s.place(ctx, r.RUT)
		}
		return l.receipt(named), receipt(named, a), err
	}
	return l.decision(a, named), decision(a, named, code), nil
}

func (l letter) receipt(n answer.Named) letter {
	l.kind, l.file = outmail.Receipts, "EnvioRecibos"
	l.subject = fmt.Sprintf("Recibo de mercaderías o servicios: documento tipo %d, folio %d", n.Type, n.Folio)
	l.text = fmt.Sprintf("Se adjunta el recibo de mercaderías o servicios (EnvioRecibos, Ley 19.983) del documento tipo %d, folio %d.", n.Type, n.Folio)
	return l
}

func receipt(n answer.Named, a saying) func(*pen) ([]byte, error) {
	return func(p *pen) ([]byte, error) {
		return answer.WriteReceipts(p.head, []answer.Receipt{{Named: n, Place: a.place}}, p.identity, p.at)
	}
}

// place is where a company receives goods unless it says so: its address.
func (s *service) place(ctx context.Context, r rut.RUT) (string, error) {
	c, err := s.Companies.Load(ctx, r)
	if err != nil {
		return "", err
	}
	return cmp.Or(strings.Trim(c.DirOrigen+", "+c.CmnaOrigen, ", "), c.RznSoc), nil
}

func (l letter) decision(a saying, n answer.Named) letter {
	state, gloss := ruling(a)
	what := map[answer.DecisionState]string{
		answer.Accepted: "aceptado", answer.AcceptedDiscrepantly: "aceptado con discrepancia", answer.Rejected: "rechazado",
	}[state]
	l.kind, l.file = outmail.Result, "ResultadoDTE"
	l.subject = fmt.Sprintf("Resultado: documento tipo %d, folio %d, %s", n.Type, n.Folio, what)
	l.text = fmt.Sprintf("Se adjunta el resultado (RespuestaDTE, ResultadoDTE) del documento tipo %d, folio %d: %s.", n.Type, n.Folio, what)
	if gloss != "" {
		l.text += "\r\n" + gloss
	}
	return l
}

// ruling is EstadoDTE of an action, with its glosa: a claim of whatever kind rejects the document (Ley 19.983, art. 3).
func ruling(a saying) (answer.DecisionState, string) {
	switch {
	case a.action == claim.ACD && a.reason == "":
		return answer.Accepted, ""
	case a.action == claim.ACD:
		return answer.AcceptedDiscrepantly, a.reason
	}
	return answer.Rejected, strings.TrimSuffix(grounds[a.action]+": "+a.reason, ": ")
}

func decision(a saying, n answer.Named, code int64) func(*pen) ([]byte, error) {
	state, gloss := ruling(a)
	return func(p *pen) ([]byte, error) {
		return answer.WriteDecisions(p.head, []answer.Decision{{Named: n, Code: code, State: state, Gloss: gloss}}, p.identity, p.at)
	}
}

// answer mails a commercial answer that a person asks for, and says nothing to the SII: for types that its register
// does not take, and for the exchange of the certification, whose documents it does not have.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	var request AnswerRequest
	if err := serve.ReadJSON(w, r, maxResponse, &request); err != nil {
		return serve.Reply{}, err
	}
	record, err := h.record(r, access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	a, err := request.read(&record)
	if err != nil {
		return serve.Reply{}, err
	}
	sent, err := h.say(r.Context(), &record, a)
	if err != nil {
		return serve.Reply{}, mailingProblem(err)
	}
	return serve.JSON(h.outgoing(record.Company, sent))
}

// read checks a request; all its faults come at once.
func (q *AnswerRequest) read(r *received.Record) (saying, error) {
	var faults []problem.Field
	fault := func(wrong bool, path, code, detail string) {
		if wrong {
			faults = append(faults, problem.Field{Path: path, Code: code, Detail: detail})
		}
	}
	action, err := claim.Parse(q.Action)
	fault(err != nil, "action", "invalid-action", "Debe ser ACD, RCD, ERM, RFP o RFT.")
	fault(err == nil && grounds[action] != "" && strings.TrimSpace(q.Reason) == "", "reason", "required", "Un reclamo indica su motivo.")
	fault(utf8.RuneCountInString(q.Reason) > maxReason, "reason", "too-long", fmt.Sprintf("Tiene más de %d caracteres.", maxReason))
	fault(utf8.RuneCountInString(q.Place) > 80, "place", "too-long", "Tiene más de 80 caracteres.")
	fault(q.To != "" && !plausible(q.To), "to", "invalid-address", "No es una dirección de correo.")
	fault(err == nil && contradicts(r, action), "action", "contradicts", "Ya se respondió por correo lo contrario.")
	return saying{action, strings.TrimSpace(q.Reason), strings.TrimSpace(q.Place), q.To}, problem.Invalid(problem.InvalidRequest, faults)
}

// contradicts tells whether a document was accepted by mail that is to be rejected, or the other way round.
func contradicts(r *received.Record, a claim.Action) bool {
	return slices.ContainsFunc(r.RequestedAnswers, func(said received.RequestedAnswer) bool {
		return (grounds[claim.Action(said.Kind)] != "") != (grounds[a] != "")
	})
}

// mailingProblem tells a caller why no mail was written.
func mailingProblem(err error) error {
	field := func(path, code, detail string) error {
		return &problem.Error{Code: problem.InvalidRequest, Cause: err, Errors: []problem.Field{{Path: path, Code: code, Detail: detail}}}
	}
	switch {
	case errors.Is(err, outmail.ErrNoServer):
		return problem.Wrap(problem.MailServerMissing, "", err)
	case errors.Is(err, errNoCertificate):
		return problem.Wrap(problem.CertificateMissing, "", err)
	case errors.Is(err, errNoAddress):
		return field("to", "address-unknown", "No se conoce la casilla de intercambio del proveedor. Indíquela aquí o en /suppliers.")
	case errors.Is(err, answer.ErrType):
		return field("action", "not-answerable", "El formato de respuesta no admite este tipo de documento.")
	case errors.Is(err, answer.ErrParties):
		return field("action", "not-answerable", "El documento no es de este proveedor para esta empresa.")
	}
	return err
}
