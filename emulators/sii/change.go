package sii

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"timbre/emulators/sii/world"
)

// CompanyChange alters a company in one environment; absent fields stay.
type CompanyChange struct {
	Environment string  `json:"environment"`
	RUT         string  `json:"rut"`
	FchResol    *string `json:"fch_resol,omitempty"`
	NroResol    *int    `json:"nro_resol,omitempty"`
	Authorized  *bool   `json:"authorized,omitempty"`
	Actecos     []int   `json:"actecos,omitempty"`
	Branches    []int   `json:"sucursales,omitempty"`
	Mail        *string `json:"mail,omitempty"` // "Mail Contacto SII"
}

// PersonChange makes a person known, or takes the certificate login away.
type PersonChange struct {
	RUT   string `json:"rut"`
	Login bool   `json:"login"`
}

// FolioRange is a range of folios that a company gives back.
type FolioRange struct {
	Environment string `json:"environment"`
	Company     string `json:"company"`
	Type        int    `json:"type"`
	From        int    `json:"from"`
	To          int    `json:"to"` // default: From
}

// ErrChange means that a change makes no sense.
var ErrChange = errors.New("change refused")

// changes are what the control API may alter; the same functions replay the
// journal.
var changes = map[string]func(*state, json.RawMessage) error{
	"permissions":  change((*state).changePermission),
	"companies":    change((*state).changeCompany),
	"people":       change((*state).changePerson),
	"folios:annul": change((*state).annul),
	"switches":     change((*state).changeSwitches),
	"documents":    change((*state).plant),
}

func change[T any](do func(*state, T) error) func(*state, json.RawMessage) error {
	return func(s *state, raw json.RawMessage) error {
		var value T
		if err := json.Unmarshal(raw, &value); err != nil {
			return fmt.Errorf("%w: %w", ErrChange, err)
		}
		return do(s, value)
	}
}

// alter applies a change at the present time and notes it in the journal.
func (s *state) alter(op string, raw json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	s.advance(now)
	if err := changes[op](s, raw); err != nil {
		return err
	}
	return s.record(op, now, raw)
}

func (s *state) changePermission(p Permission) error {
	env, known := environment(p.Environment)
	if !known || p.Person == "" || s.account(env.Name, p.Company) == nil {
		return fmt.Errorf("%w: unknown environment, person or company", ErrChange)
	}
	p.Environment = env.Name
	if _, exists := s.people[p.Person]; !exists {
		s.people[p.Person] = true
	}
	s.permit(p)
	return nil
}

func (s *state) changeCompany(c CompanyChange) error {
	env, known := environment(c.Environment)
	company := s.account(env.Name, c.RUT)
	if !known || company == nil {
		return fmt.Errorf("%w: unknown environment or company", ErrChange)
	}
	resolution := &company.Certification
	if env.Name != "certificacion" {
		if company.Production == nil {
			company.Production = &world.Resolution{}
		}
		resolution = company.Production
	}
	if c.FchResol != nil {
		resolution.Date = *c.FchResol
	}
	if c.NroResol != nil {
		resolution.Number = *c.NroResol
	}
	if c.Authorized != nil {
		company.authorized = *c.Authorized
	}
	if c.Actecos != nil {
		company.Actecos = slices.Clone(c.Actecos)
	}
	if c.Branches != nil {
		company.Branches = slices.Clone(c.Branches)
	}
	if c.Mail != nil {
		company.Mail = *c.Mail
	}
	return nil
}

func (s *state) changePerson(p PersonChange) error {
	if p.RUT == "" {
		return fmt.Errorf("%w: no RUT", ErrChange)
	}
	s.people[p.RUT] = p.Login
	return nil
}

func (s *state) annul(f FolioRange) error {
	env, known := environment(f.Environment)
	if f.To == 0 {
		f.To = f.From
	}
	if !known || f.From < 1 || f.To < f.From {
		return fmt.Errorf("%w: unknown environment or empty range", ErrChange)
	}
	for key := range s.received {
		if key.env == env.Name && key.issuer == f.Company && key.kind == f.Type && f.From <= key.folio && key.folio <= f.To {
			return fmt.Errorf("%w: folio %d is in use", ErrChange, key.folio)
		}
	}
	s.annulled = append(s.annulled, folioRange{env.Name, f.Company, f.Type, f.From, f.To})
	return nil
}

func (s *state) changeSwitches(w Switches) error {
	if w.UF != nil {
		s.switches.UF = w.UF
	}
	for to, value := range map[**bool]*bool{
		&s.switches.LateSchema: w.LateSchema, &s.switches.AllowLongLines: w.AllowLongLines, &s.switches.ListCreditNotes: w.ListCreditNotes,
		&s.switches.StrictFormat: w.StrictFormat, &s.switches.ClaimsWantProduction: w.ClaimsWantProduction,
	} {
		if value != nil {
			*to = value
		}
	}
	return nil
}
