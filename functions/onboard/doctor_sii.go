package onboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/problem"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// checkPermission gets a token from the SII with the company's certificate.
func (s *service) checkPermission(ctx context.Context, p *patient) []checkAnswer {
	found := checkAnswer{Check: "acceso al SII"}
	if p.identity == nil {
		found.Status, found.Detail = skip, "Sin certificado no se puede preguntar."
		return []checkAnswer{found}
	}
	err := s.doctor.sii(p.env, p.identity).Ready(ctx)
	var refused *sii.StatusError
	switch {
	case err == nil:
		found.Status = pass
		found.Detail = fmt.Sprintf("El SII dio un token a %s. Si puede enviar por esta empresa, lo dice sólo un envío.", p.identity.RUT)
	case errors.Is(err, sii.ErrCertificate) && errors.As(err, &refused):
		found.Status, found.Detail = fail, fmt.Sprintf("El SII no acepta el certificado: %s %s", refused.Code, refused.Glosa)
		found.Cure = "Registre el certificado en sii.cl y dé al firmante los permisos de firmar y enviar documentos en «Mantención de usuarios»."
	default:
		found.Status, found.Detail, found.Cure = warn, "El SII no responde.", "Repita más tarde."
	}
	return []checkAnswer{found}
}

// checkStock examines each type with a CAF, then asks the SII for the folio that comes next.
func (s *service) checkStock(ctx context.Context, p *patient) []checkAnswer {
	stock, err := s.folios(ctx, p.RUT, string(p.env))
	if err != nil {
		return []checkAnswer{{Check: "CAF", Status: fail, Detail: "No se pudieron contar los folios.", Cure: "Repita más tarde."}}
	}
	if len(stock.Types) == 0 {
		return []checkAnswer{{Check: "CAF", Status: fail, Detail: "No hay ningún CAF.", Cure: "Cargue los CAF de la empresa (POST …/cafs)."}}
	}
	var all []checkAnswer
	for _, t := range stock.Types {
		all = append(all, s.checkCAFs(ctx, p, t))
		if t.Next != nil {
			all = append(all, s.checkNext(ctx, p, dte.Type(t.Type), *t.Next))
		}
	}
	return all
}

func (s *service) checkCAFs(ctx context.Context, p *patient, t stockAnswer) checkAnswer {
	found := checkAnswer{Check: fmt.Sprintf("CAF %d", t.Type), Status: pass, Detail: describeStock(t)}
	today := s.today().Format(time.DateOnly)
	for _, c := range p.block.CAFsOf(dte.Type(t.Type)) {
		if !c.UsableOn(today) {
			continue
		}
		if _, err := s.vault.CAF(ctx, c); err != nil {
			return s.unreadable(ctx, found, c, err)
		}
	}
	if t.Remaining == 0 {
		found.Status, found.Cure = fail, "Solicite folios al SII y cargue el CAF."
		return found
	}
	if _, low := foliosLow(store.Company{}, t); low {
		found.Status, found.Cure = warn, "Quedan pocos días de folios: solicite más al SII."
	} else if len(s.cafAlerts(store.Company{}, t)) > 0 {
		found.Status, found.Cure = warn, "Use o anule en el SII los folios del CAF que vence o venció."
	}
	return found
}

func (s *service) unreadable(ctx context.Context, found checkAnswer, c company.CAF, err error) checkAnswer {
	s.log.WarnContext(ctx, "doctor: a CAF cannot be read", "tipo_dte", c.Type, "from", c.From, "error", err)
	found.Status = fail
	found.Detail = fmt.Sprintf("El CAF de %d a %d no se puede leer: %s", c.From, c.To, problem.BodyOf(cafProblem(err), "").Title)
	found.Cure = "Revise el acceso a los secretos; si está bien, cargue el CAF otra vez."
	return found
}

func describeStock(t stockAnswer) string {
	parts := []string{fmt.Sprintf("Quedan %d folios", t.Remaining)}
	if t.Expires != nil {
		parts = append(parts, "el primer CAF vence el "+*t.Expires)
	}
	if t.DaysLeft != nil {
		parts = append(parts, fmt.Sprintf("alcanzan para %d días", *t.DaysLeft))
	}
	if t.Lost > 0 {
		parts = append(parts, fmt.Sprintf("al ritmo actual %d se perderán por vencimiento", t.Lost))
	}
	return strings.Join(parts, "; ") + "."
}

// checkNext makes sure that the SII does not know the folio that would be used next: another system may
// have used it.
func (s *service) checkNext(ctx context.Context, p *patient, t dte.Type, next int64) checkAnswer {
	found := checkAnswer{Check: fmt.Sprintf("próximo folio %d", t)}
	if t.IsBoleta() {
		found.Status, found.Detail = skip, fmt.Sprintf("Folio %d; esta consulta del SII no cubre las boletas.", next)
		return found
	}
	if p.identity == nil {
		found.Status, found.Detail = skip, "Sin certificado no se puede preguntar al SII."
		return found
	}
	answer, err := s.doctor.sii(p.env, p.identity).DocumentState(ctx, sii.Question{
		Issuer: p.RUT, Receiver: p.RUT, Type: t, Folio: next, Date: s.today().Format(time.DateOnly), Total: "0",
	})
	if err != nil {
		found.Status, found.Detail, found.Cure = warn, "El SII no respondió la consulta.", "Repita más tarde."
		return found
	}
	return found.standing(next, answer)
}

// standing says what the SII's answer about an unused folio means.
func (c checkAnswer) standing(next int64, answer sii.DocumentState) checkAnswer {
	c.Detail = fmt.Sprintf("Folio %d: el SII responde %s.", next, answer.State)
	switch answer.Standing() {
	case sii.Missing:
		c.Status, c.Detail = pass, fmt.Sprintf("El SII no conoce el folio %d.", next)
	case sii.Registered, sii.OtherData:
		c.Status, c.Cure = fail, "Otro sistema ya usó ese folio. Cargue el CAF otra vez con ?first= y el primer folio libre."
	case sii.Void:
		c.Status, c.Cure = fail, "El folio está anulado o no autorizado en el SII. Anule aquí los mismos folios (POST …/folios:void)."
	default:
		c.Status, c.Cure = warn, "Repita más tarde."
	}
	return c
}
