package exchange

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"timbre/shared/dte"
	"timbre/shared/exchange/answer"
	"timbre/shared/xmldsig"
)

// Answer is a RespuestaDTE or an EnvioRecibos. A RespuestaDTE carries Receptions or Decisions, never both (FORMATS 13.1).
type Answer struct {
	answer.Head
	SignedAt   string // TmstFirmaResp or TmstFirmaEnv as written
	Receptions []answer.Reception
	Decisions  []answer.Decision
	Receipts   []answer.Receipt

	err error
}

// readAnswer takes what an answer says, of the schema's form or not.
func readAnswer(k Kind, set *xmldsig.Node) *Answer {
	if set == nil {
		return &Answer{err: errNoSet}
	}
	head := set.Child("Caratula")
	r := &fields{}
	a := &Answer{Head: answer.Head{
		From: r.rut(head, "RutResponde"), To: r.rut(head, "RutRecibe"),
		Contact: answer.Contact{Name: text(head, "NmbContacto"), Phone: text(head, "FonoContacto"), Mail: text(head, "MailContacto")},
	}}
	if k == EnvioRecibos {
		a.SignedAt = text(head, "TmstFirmaEnv")
	} else {
		a.ID, a.SignedAt = r.number(head, "IdRespuesta"), text(head, "TmstFirmaResp")
	}
	for e := range set.Elements() {
		switch e.Local {
		case "RecepcionEnvio":
			a.Receptions = append(a.Receptions, r.reception(e))
		case "ResultadoDTE":
			a.Decisions = append(a.Decisions, r.decision(e))
		case "Recibo":
			a.Receipts = append(a.Receipts, r.receipt(e.Child("DocumentoRecibo")))
		}
	}
	a.err = errors.Join(r.errs...)
	return a
}

func (r *fields) reception(n *xmldsig.Node) answer.Reception {
	out := answer.Reception{
		FileName: text(n, "NmbEnvio"), ReceivedAt: r.time(n, "FchRecep"), Code: r.number(n, "CodEnvio"),
		EnvelopeID: text(n, "EnvioDTEID"), State: answer.EnvelopeState(r.number(n, "EstadoRecepEnv")), Gloss: text(n, "RecepEnvGlosa"),
	}
	if n.Child("Digest") != nil {
		digest, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text(n, "Digest")), ""))
		r.note(err)
		out.Digest = digest
	}
	if n.Child("RutEmisor") != nil {
		out.Issuer = r.rut(n, "RutEmisor")
	}
	if n.Child("RutReceptor") != nil {
		out.Receiver = r.rut(n, "RutReceptor")
	}
	for e := range n.Elements() {
		if e.Local == "RecepcionDTE" {
			out.Documents = append(out.Documents, answer.DocumentReception{
				Named: r.named(e, "TipoDTE"), State: answer.DocumentState(r.number(e, "EstadoRecepDTE")), Gloss: text(e, "RecepDTEGlosa"),
			})
		}
	}
	return out
}

func (r *fields) decision(n *xmldsig.Node) answer.Decision {
	d := answer.Decision{
		Named: r.named(n, "TipoDTE"), Code: r.number(n, "CodEnvio"),
		State: answer.DecisionState(r.number(n, "EstadoDTE")), Gloss: text(n, "EstadoDTEGlosa"),
	}
	if n.Child("CodRchDsc") != nil {
		d.Reason = int(r.number(n, "CodRchDsc"))
	}
	return d
}

func (r *fields) receipt(n *xmldsig.Node) answer.Receipt {
	return answer.Receipt{
		Named: r.named(n, "TipoDoc"), Place: text(n, "Recinto"),
		Signer: r.rut(n, "RutFirma"), SignedAt: text(n, "TmstFirmaRecibo"),
	}
}

func (r *fields) named(n *xmldsig.Node, kind string) answer.Named {
	return answer.Named{
		Type: r.kind(n, kind), Folio: r.number(n, "Folio"), IssueDate: text(n, "FchEmis"),
		Issuer: r.rut(n, "RUTEmisor"), Receiver: r.rut(n, "RUTRecep"), Total: text(n, "MntTotal"),
	}
}

func (r *fields) time(n *xmldsig.Node, name string) time.Time {
	v, err := wallClock(text(n, name), time.UTC)
	r.note(err)
	return v
}

func text(n *xmldsig.Node, name string) string { return n.Child(name).Text() }

// wallClock reads a time without zone, as the format says, or with one, as the schema allows (FORMATS 3.4).
func wallClock(s string, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	if at, err := time.ParseInLocation(dte.TimeLayout, s, zone); err == nil {
		return at, nil
	}
	return time.Parse(time.RFC3339, s)
}
