package onboard

import (
	"context"
	"crypto/rand"
	"encoding/base64"

	"timbre/shared/company"
	"timbre/shared/rut"
)

const (
	// webhookPrefix begins every webhook secret, so that people and scanners know one when they see it.
	webhookPrefix = "whsec_"
	webhookBytes  = 32
	// liveSecrets sign at a time: the new one, and the one that the receiver may still know.
	liveSecrets = 2
)

// rotateWebhook makes a new secret for the company's webhook. The one before it stays live until the next
// rotation, so that the receiver can change over; to end one that leaked, rotate twice.
func (s *service) rotateWebhook(ctx context.Context, r rut.RUT) (webhookAnswer, error) {
	if _, err := s.load(ctx, r); err != nil {
		return webhookAnswer{}, err
	}
	random := make([]byte, webhookBytes)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	text := webhookPrefix + base64.RawURLEncoding.EncodeToString(random)
	made := company.Secret{Name: company.WebhookSecret(r)}
	var err error
	if made.Version, err = s.secrets.Add(ctx, made.Name, []byte(text)); err != nil {
		return webhookAnswer{}, err
	}
	c, err := s.alter(ctx, r, func(c *company.Company) error {
		live := append([]company.Secret{made}, c.WebhookSecrets...)
		c.WebhookSecrets = live[:min(len(live), liveSecrets)]
		return nil
	})
	return webhookAnswer{Secret: text, Live: len(c.WebhookSecrets)}, unknownCompany(err)
}
