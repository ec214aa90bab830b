package onboard

import (
	"context"
	"fmt"
	"sync"
	"time"

	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/mailbox"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// examineTimeout bounds an examination: what has not answered by then is not well.
const examineTimeout = 40 * time.Second

// Inquirer asks the SII in somebody's name.
type Inquirer interface {
	Ready(ctx context.Context) error
	DocumentState(ctx context.Context, q sii.Question) (sii.DocumentState, error)
}

// doctor is whom the examination asks outside.
type doctor struct {
	sii   func(store.Environment, *cert.Identity) Inquirer
	clock func(context.Context, store.Environment) (time.Time, error)
	dial  mailbox.Dialer
	mail  *mailbox.Reader
}

// status is the outcome of one check.
type status string

// The outcomes, the best first. Skip says that there is nothing to check.
const (
	skip status = "skip"
	pass status = "pass"
	warn status = "warn"
	fail status = "fail"
)

// worse tells whether s is worse than other.
func (s status) worse(other status) bool {
	rank := map[status]int{skip: 0, pass: 1, warn: 2, fail: 3}
	return rank[s] > rank[other]
}

// patient is a company in one environment.
type patient struct {
	company.Company
	env         store.Environment
	block       *company.Block
	identity    *cert.Identity
	identityErr error // why there is no identity
}

// examine checks all that a document needs on its way, and says what to do where something is amiss.
func (s *service) examine(ctx context.Context, r rut.RUT, environment string) (doctorAnswer, error) {
	c, e, err := s.loadIn(ctx, r, environment)
	if err != nil {
		return doctorAnswer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	p := &patient{Company: *c, env: e, block: c.In(e)}
	if p.block.Certificate != nil {
		p.identity, p.identityErr = s.vault.Identity(ctx, p.block.Certificate)
	}
	answer := doctorAnswer{Company: r, Environment: e, At: s.today().Format(time.RFC3339), Status: pass}
	for _, found := range s.examinations(ctx, p) {
		answer.Checks = append(answer.Checks, found...)
	}
	for _, c := range answer.Checks {
		if c.Status.worse(answer.Status) {
			answer.Status = c.Status
		}
	}
	return answer, nil
}

// examinations run beside one another; their findings keep the order of the list.
func (s *service) examinations(ctx context.Context, p *patient) [][]checkAnswer {
	checks := []func(context.Context, *patient) []checkAnswer{
		s.checkCompany, s.checkCertificate, s.checkPermission, s.checkStock, s.checkMailboxes, s.checkStores, s.checkClock,
	}
	found := make([][]checkAnswer, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { found[i] = check(ctx, p) })
	}
	running.Wait()
	return found
}

func (s *service) checkCompany(_ context.Context, p *patient) []checkAnswer {
	name := checkAnswer{Check: "empresa", Status: pass, Detail: fmt.Sprintf("%s, RUT %s, ambiente %s.", p.RznSoc, p.RUT, p.env)}
	if p.Leaving != nil {
		name.Status, name.Detail, name.Cure = fail, "La empresa se está eliminando.", "Envíe otra vez su configuración (PUT) para conservarla y cargue sus CAF."
	} else if p.Active != p.env {
		name.Status, name.Detail = warn, fmt.Sprintf("El ambiente activo es %s; se revisa %s.", p.Active, p.env)
		name.Cure = "Para emitir en este ambiente, envíe la configuración con active."
	}
	return []checkAnswer{name, checkResolution(p)}
}

// checkResolution follows WEBSERVICES §1: in certification NroResol is 0, and a wrong resolution has the
// envelope refused (RCT, CRT-3-19).
func checkResolution(p *patient) checkAnswer {
	found := checkAnswer{Check: "resolucion", Status: pass, Detail: fmt.Sprintf("Resolución %d del %s.", p.block.NroResol, p.block.FchResol)}
	switch {
	case p.block.FchResol == "":
		found.Detail, found.Cure = "Falta la resolución del ambiente.", "Envíe FchResol y NroResol, como los muestra el SII para la empresa autorizada."
	case p.env == store.Certificacion && p.block.NroResol != 0:
		found.Cure = "En certificación el número de resolución es siempre 0."
	case p.env == store.Produccion && p.block.NroResol == 0:
		found.Cure = "En producción indique el número de la resolución que autorizó a la empresa."
	default:
		return found
	}
	found.Status = fail
	return found
}

func (s *service) checkCertificate(_ context.Context, p *patient) []checkAnswer {
	return []checkAnswer{s.certificateOf(p), s.standbyOf(p)}
}

const putCertificateCure = "Cargue un certificado vigente (PUT …/certificate)."

func (s *service) certificateOf(p *patient) checkAnswer {
	found := checkAnswer{Check: "certificado", Status: fail, Cure: putCertificateCure}
	if p.block.Certificate == nil {
		found.Detail = "No hay certificado digital."
		return found
	}
	err := p.identityErr
	if err == nil {
		err = p.identity.Check(s.now())
	}
	if err != nil {
		found.Detail = problem.BodyOf(certificateProblem(err), "").Detail
		return found
	}
	return checkAnswer{Check: "certificado"}.until(p.block.Certificate, s.today())
}

// until tells how long a certificate lasts.
func (c checkAnswer) until(held *company.Certificate, today time.Time) checkAnswer {
	last := held.NotAfter.In(today.Location()).Format(time.DateOnly)
	days := daysUntil(last, today)
	c.Status, c.Detail = pass, fmt.Sprintf("De %s, RUT %s; vence el %s (quedan %d días).", held.Subject, held.Signer, last, days)
	if _, soon := level(certificateLevels[1:], days); soon {
		c.Status, c.Cure = warn, "Renueve el certificado y cárguelo antes de que venza; puede dejarlo de reserva (standby)."
	}
	return c
}

func (s *service) standbyOf(p *patient) checkAnswer {
	if p.block.Standby == nil {
		return checkAnswer{Check: "certificado de reserva", Status: skip, Detail: "No hay; es opcional."}
	}
	return checkAnswer{Check: "certificado de reserva"}.until(p.block.Standby, s.today())
}

func (s *service) checkStores(ctx context.Context, p *patient) []checkAnswer {
	checks := []struct {
		name  string
		probe func() error
	}{
		{"bucket de estado", func() error { return probeBucket(ctx, s.state) }},
		{"bucket de archivo", func() error { return probeBucket(ctx, s.archive) }},
		{"secretos", func() error { return company.CheckSecrets(ctx, s.secrets) }},
	}
	var all []checkAnswer
	for _, c := range checks {
		found := checkAnswer{Check: c.name, Status: pass, Detail: "Responde."}
		if err := c.probe(); err != nil {
			s.log.WarnContext(ctx, "doctor: a store does not answer", "rut_emisor", p.RUT, "check", c.name, "error", err)
			found.Status, found.Detail = fail, "No responde o no da acceso."
			found.Cure = "Revise el servicio de Google Cloud y los permisos de la cuenta de esta función; el motivo está en su registro (log)."
		}
		all = append(all, found)
	}
	return all
}

// clockTolerance is how far our clock may be from the SII's; signatures carry the time of ours.
const clockTolerance = time.Minute

func (s *service) checkClock(ctx context.Context, p *patient) []checkAnswer {
	found := checkAnswer{Check: "reloj"}
	at, err := s.doctor.clock(ctx, p.env)
	if err != nil {
		found.Status, found.Detail, found.Cure = warn, "El SII no dijo la hora.", "Repita más tarde."
		return []checkAnswer{found}
	}
	off := s.now().Sub(at).Round(time.Second)
	found.Status, found.Detail = pass, fmt.Sprintf("Diferencia con el SII: %s.", off)
	if off.Abs() > clockTolerance {
		found.Status, found.Cure = fail, "Ponga en hora el equipo (NTP): los documentos llevan la hora de la firma."
	}
	return []checkAnswer{found}
}
