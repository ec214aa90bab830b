package onboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"timbre/shared/caf"
	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// maxCAF bounds an upload; caf.Parse takes less still.
const maxCAF = 64 << 10

// addCAF checks a CAF file, stores it as it came, then names it in the configuration. The same file
// again gets the same answer; the bool tells whether it is new.
func (s *service) addCAF(ctx context.Context, r rut.RUT, environment, first string, file []byte) (cafAnswer, bool, error) {
	_, e, err := s.loadIn(ctx, r, environment)
	if err != nil {
		return cafAnswer{}, false, err
	}
	entry, err := s.readCAF(r, e, file)
	if err != nil {
		return cafAnswer{}, false, err
	}
	if err := setFirst(&entry, first); err != nil {
		return cafAnswer{}, false, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	c, err := s.load(ctx, r)
	if err != nil {
		return cafAnswer{}, false, err
	}
	if known := find(c.In(e), entry.SHA256); known != nil {
		answer, err := s.repeatCAF(ctx, r, e, *known, entry, first != "")
		return answer, false, err
	}
	if err := checkOverlap(c.In(e), entry); err != nil {
		return cafAnswer{}, false, err
	}
	return s.storeCAF(ctx, r, e, entry, file)
}

// readCAF makes sure that the file may serve the company now (FORMATS §8, loader checks).
func (s *service) readCAF(r rut.RUT, e store.Environment, file []byte) (company.CAF, error) {
	c, err := caf.Parse(file, s.siiKeys)
	if err != nil {
		return company.CAF{}, cafProblem(err)
	}
	if err := c.CheckFor(r, caf.Environment(e)); err != nil {
		return company.CAF{}, cafProblem(err)
	}
	entry := company.CAF{
		Secret: company.Secret{Name: company.CAFSecret(e, r, c.Type)},
		Type:   c.Type, From: c.From, To: c.To, First: c.From,
		Authorized: c.AuthorizedOn.Format(time.DateOnly),
		SHA256:     digest(file),
	}
	if last, expires := c.ExpiresOn(); expires {
		entry.Expires = last.Format(time.DateOnly)
	}
	if c.ExpiredAt(s.today()) {
		return company.CAF{}, problem.Wrap(problem.CAFExpired, fmt.Sprintf("El CAF venció el %s (Res. Ex. SII 58 de 2017). Solicite uno nuevo al SII.", entry.Expires), caf.ErrExpired)
	}
	return entry, nil
}

// setFirst reads the parameter first: folios below it were used elsewhere.
func setFirst(entry *company.CAF, first string) error {
	if first == "" {
		return nil
	}
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil || n < entry.From || n > entry.To {
		return problem.New(problem.InvalidParameter, fmt.Sprintf("first debe ser un folio del CAF, de %d a %d.", entry.From, entry.To))
	}
	entry.First = n
	return nil
}

// repeatCAF answers a file that is loaded already. A first above the known one closes more folios, as
// when it was forgotten; one below would open folios that were declared used elsewhere.
func (s *service) repeatCAF(ctx context.Context, r rut.RUT, e store.Environment, known, again company.CAF, named bool) (cafAnswer, error) {
	if !named || again.First == known.First {
		return presentCAF(e, known), nil
	}
	err := s.change(ctx, r, e, func(b *company.Block) error {
		standing := find(b, known.SHA256)
		if standing == nil || again.First < standing.First {
			return problem.New(problem.CAFOverlap, fmt.Sprintf("El CAF ya está cargado desde el folio %d; no se puede volver atrás.", known.First))
		}
		standing.First = again.First
		known = *standing
		return nil
	})
	return presentCAF(e, known), err
}

func (s *service) storeCAF(ctx context.Context, r rut.RUT, e store.Environment, entry company.CAF, file []byte) (cafAnswer, bool, error) {
	var err error
	if entry.Secret.Version, err = s.secrets.Add(ctx, entry.Secret.Name, file); err != nil {
		return cafAnswer{}, false, err
	}
	err = s.change(ctx, r, e, func(b *company.Block) error {
		if err := checkOverlap(b, entry); err != nil { // loaded by another instance meanwhile
			return err
		}
		b.CAFs = append(b.CAFs, entry)
		return nil
	})
	return presentCAF(e, entry), err == nil, err
}

func find(b *company.Block, sha256 string) *company.CAF {
	i := slices.IndexFunc(b.CAFs, func(c company.CAF) bool { return c.SHA256 == sha256 })
	if i < 0 {
		return nil
	}
	return &b.CAFs[i]
}

func checkOverlap(b *company.Block, entry company.CAF) error {
	for _, c := range b.CAFs {
		if c.Overlaps(entry) {
			return problem.New(problem.CAFOverlap, fmt.Sprintf("El rango %d a %d se cruza con el CAF ya cargado de %d a %d.", entry.From, entry.To, c.From, c.To))
		}
	}
	return nil
}

func digest(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// cafProblem names the first fault of a CAF and lists all.
func cafProblem(err error) error {
	all := caf.Faults(err)
	if len(all) == 0 {
		return err
	}
	e := &problem.Error{Code: problem.Code(all[0].Code), Cause: err}
	if errors.Is(err, caf.ErrMalformed) {
		return e
	}
	for _, fault := range all {
		e.Errors = append(e.Errors, problem.Field{Path: "caf", Code: fault.Code, Detail: problem.Code(fault.Code).Title() + "."})
	}
	return e
}
