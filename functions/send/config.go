package send

import (
	"cmp"
	"errors"
	"time"

	"timbre/shared/settings"
	"timbre/shared/sii"
)

// Config is the function's configuration.
type Config struct {
	settings.Common
	// SIIBaseURL stands in for the SII: {base}/{real host}{real path}; empty is the SII.
	SIIBaseURL string `env:"SII_BASE_URL"`
	// EnvelopeMax bounds the documents of an envelope; the SII takes up to 2,000.
	EnvelopeMax int `env:"ENVELOPE_MAX,default=200"`
	// RetryFirst is the first pause after an upload that led to nothing; it doubles.
	RetryFirst time.Duration `env:"RETRY_FIRST,default=1m"`
	// UploadTimeout is how long an upload may take; nobody else uploads the envelope for that long and uploadGrace.
	UploadTimeout time.Duration `env:"UPLOAD_TIMEOUT,default=120s"`
}

// uploadGrace is what clocks differ and a process needs to note an answer.
const uploadGrace = 10 * time.Second

func (c Config) uploadTimeout() time.Duration { return cmp.Or(c.UploadTimeout, sii.UploadTimeout) }

// schemaMax is SetDTE's maxOccurs of DTE (EnvioDTE_v10.xsd).
const schemaMax = 2000

// Validate tells what is missing or cannot be.
func (c Config) Validate() error {
	return errors.Join(c.Common.Validate(), c.check())
}

func (c Config) check() error {
	if c.EnvelopeMax < 1 || c.EnvelopeMax > schemaMax {
		return errors.New("send: ENVELOPE_MAX is not from 1 to 2000")
	}
	if c.RetryFirst <= 0 {
		return errors.New("send: RETRY_FIRST is not positive")
	}
	if c.uploadTimeout() < time.Second || c.uploadTimeout() > sii.UploadTimeout {
		return errors.New("send: UPLOAD_TIMEOUT is not from 1s to 120s")
	}
	return nil
}
