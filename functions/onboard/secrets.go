package onboard

import (
	"context"

	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/rut"
)

const maxPassword = 1000

// putSecrets stores passwords of mailboxes, which no answer gives back.
func (s *service) putSecrets(ctx context.Context, r rut.RUT, request *secretsRequest) (secretsAnswer, error) {
	if err := problem.Invalid(problem.InvalidRequest, request.validate()); err != nil {
		return secretsAnswer{}, err
	}
	if _, err := s.load(ctx, r); err != nil {
		return secretsAnswer{}, err
	}
	imap, err := s.addPassword(ctx, company.IMAPSecret(r), request.IMAPPassword)
	if err != nil {
		return secretsAnswer{}, err
	}
	smtp, err := s.addPassword(ctx, company.SMTPSecret(r), request.SMTPPassword)
	if err != nil {
		return secretsAnswer{}, err
	}
	c, err := s.alter(ctx, r, func(c *company.Company) error {
		if request.IMAPPassword != nil {
			c.IMAPPassword = imap
		}
		if request.SMTPPassword != nil {
			c.SMTPPassword = smtp
		}
		return nil
	})
	return secretsAnswer{Company: r, IMAPPassword: c.IMAPPassword != nil, SMTPPassword: c.SMTPPassword != nil}, unknownCompany(err)
}

// addPassword stores a version; nil where there is nothing to store.
func (s *service) addPassword(ctx context.Context, name string, password *string) (*company.Secret, error) {
	if password == nil || *password == "" {
		return nil, nil //nolint:nilnil // no password is an answer here
	}
	version, err := s.secrets.Add(ctx, name, []byte(*password))
	return &company.Secret{Name: name, Version: version}, err
}

func (r *secretsRequest) validate() []problem.Field {
	var f faults
	f.password("imap_password", r.IMAPPassword)
	f.password("smtp_password", r.SMTPPassword)
	if r.IMAPPassword == nil && r.SMTPPassword == nil {
		f.add("imap_password", "missing-field", "Indique imap_password, smtp_password o ambas.")
	}
	return f.found
}

func (f *faults) password(path string, password *string) {
	if password != nil && len(*password) > maxPassword {
		f.add(path, "too-long", "El máximo es %d caracteres.", maxPassword)
	}
}
