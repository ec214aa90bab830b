package onboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/rut"
)

// putCertificate checks a PFX, stores it as a new version of the secret, then names the version in the
// configuration. What was begun with the certificate before is finished with it: envelopes name theirs.
func (s *service) putCertificate(ctx context.Context, r rut.RUT, environment string, request *certificateRequest) (certificateAnswer, error) {
	c, e, err := s.loadIn(ctx, r, environment)
	if err != nil {
		return certificateAnswer{}, err
	}
	if request.Standby && c.In(e).Certificate == nil {
		return certificateAnswer{}, problem.New(problem.CertificateMissing, "Cargue primero el certificado principal; el de reserva lo reemplaza cuando vence.")
	}
	identity, err := s.readCertificate(request)
	if err != nil {
		return certificateAnswer{}, err
	}
	content, err := company.EncodePFX(request.PFX, request.Password)
	if err != nil {
		return certificateAnswer{}, errors.New("encode a certificate's secret") // err could quote it
	}
	certificate := describe(identity)
	certificate.Secret.Name = company.CertificateSecret(e, r)
	if certificate.Secret.Version, err = s.secrets.Add(ctx, certificate.Secret.Name, content); err != nil {
		return certificateAnswer{}, err
	}
	err = s.change(ctx, r, e, func(b *company.Block) error {
		if request.Standby {
			b.Standby = &certificate
		} else {
			b.Certificate = &certificate
		}
		return nil
	})
	return presentCertificate(e, &certificate), err
}

// readCertificate opens a PFX and makes sure that it may sign now.
func (s *service) readCertificate(request *certificateRequest) (*cert.Identity, error) {
	if len(request.PFX) == 0 {
		return nil, invalidField("pfx", "missing-field", "Falta el archivo PFX en base64.")
	}
	identity, err := cert.ReadPFX(request.PFX, request.Password)
	if err != nil {
		return nil, certificateProblem(err)
	}
	if request.SignerRUT != "" {
		signer, err := rut.Parse(request.SignerRUT)
		if err != nil {
			return nil, invalidField("signer_rut", "invalid-rut", "El RUT del firmante no es válido.")
		}
		if identity, err = identity.WithRUT(signer); err != nil {
			return nil, certificateProblem(err)
		}
	}
	if err := identity.Check(s.now()); err != nil {
		return nil, certificateProblem(err)
	}
	return identity, nil
}

func describe(i *cert.Identity) company.Certificate {
	sum := sha256.Sum256(i.Certificate.Raw)
	return company.Certificate{
		SHA256: hex.EncodeToString(sum[:]), Subject: i.Certificate.Subject, Signer: i.RUT,
		NotBefore: i.Certificate.NotBefore, NotAfter: i.Certificate.NotAfter,
	}
}

// certificateCodes ties the faults of a certificate to their codes.
var certificateCodes = []struct {
	fault error
	code  problem.Code
}{
	{cert.ErrPassword, problem.CertificatePassword},
	{cert.ErrUnreadable, problem.CertificateMalformed},
	{cert.ErrNoKey, problem.CertificateWithoutKey},
	{cert.ErrNotRSA, problem.CertificateNotRSA},
	{cert.ErrKeyTooSmall, problem.CertificateKeyTooSmall},
	{cert.ErrExpired, problem.CertificateExpired},
	{cert.ErrNotYetValid, problem.CertificateNotYetValid},
	{cert.ErrNoRUT, problem.CertificateWithoutRUT},
	{cert.ErrOtherRUT, problem.CertificateOtherSigner},
	{cert.ErrCertificate, problem.CertificateMalformed},
}

func certificateProblem(err error) error {
	for _, c := range certificateCodes {
		if errors.Is(err, c.fault) {
			return problem.Wrap(c.code, "", err)
		}
	}
	return err
}

func invalidField(path, code, detail string) error {
	return problem.Invalid(problem.InvalidRequest, []problem.Field{{Path: path, Code: code, Detail: detail}})
}
