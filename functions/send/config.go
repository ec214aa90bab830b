package send

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"timbre/shared/envelope"
	"timbre/shared/settings"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// Config is the function's configuration.
type Config struct {
	settings.Common
	// SIIBaseURL stands in for the SII: {base}/{real host}{real path}; empty is the SII.
	SIIBaseURL string `env:"SII_BASE_URL"`
	// EnvelopeMax bounds the documents of an envelope; the SII takes up to 2,000.
	EnvelopeMax int `env:"ENVELOPE_MAX,default=200"`
	// BoletasMax bounds those of an envelope of boletas; the SII takes up to 500 and advises 50.
	BoletasMax int `env:"BOLETAS_MAX,default=50"`
	// EnvelopeBytes bounds the bytes of an envelope's documents; to read one back takes nine times its size in memory.
	EnvelopeBytes int `env:"ENVELOPE_BYTES,default=5000000"`
	// Gather is for how long at most an envelope is kept back while each look at the outbox finds more.
	Gather time.Duration `env:"GATHER,default=1s"`
	// DrainEvery is the distance between uploads while what an outage of the SII left behind is made up for.
	DrainEvery time.Duration `env:"DRAIN_EVERY,default=1s"`
	// RetryFirst is the first pause after an upload that led to nothing; it doubles.
	RetryFirst time.Duration `env:"RETRY_FIRST,default=1m"`
	// UploadTimeout is how long an upload may take; nobody else uploads the envelope for that long and uploadGrace.
	UploadTimeout time.Duration `env:"UPLOAD_TIMEOUT,default=120s"`
	// TokenWait is how long another instance that logs in at the SII is waited for before this one does.
	TokenWait time.Duration `env:"TOKEN_WAIT,default=1m"`
}

// uploadGrace is what clocks differ and a process needs to note an answer.
const uploadGrace = 10 * time.Second

func (c Config) uploadTimeout() time.Duration { return cmp.Or(c.UploadTimeout, sii.UploadTimeout) }

const (
	// schemaMax is SetDTE's maxOccurs of DTE (EnvioDTE_v10.xsd).
	schemaMax = 2000
	// boletasMax is the most that one envelope of boletas may hold (SII, Formato Boletas v4.2).
	boletasMax = 500
	// wrapping is room for what an envelope has besides its documents.
	wrapping = 64 << 10
)

// Validate tells what is missing or cannot be.
func (c Config) Validate() error {
	return errors.Join(c.Common.Validate(), c.check())
}

func (c Config) check() error {
	if c.EnvelopeMax < 1 || c.EnvelopeMax > schemaMax {
		return errors.New("send: ENVELOPE_MAX is not from 1 to 2000")
	}
	if c.BoletasMax < 0 || c.BoletasMax > boletasMax {
		return errors.New("send: BOLETAS_MAX is not from 1 to 500")
	}
	if c.EnvelopeBytes < 0 || c.EnvelopeBytes > envelope.MaxBytes-wrapping {
		return fmt.Errorf("send: ENVELOPE_BYTES is over %d", envelope.MaxBytes-wrapping)
	}
	if c.DrainEvery < 0 || c.Gather < 0 {
		return errors.New("send: DRAIN_EVERY or GATHER is negative")
	}
	if c.RetryFirst <= 0 {
		return errors.New("send: RETRY_FIRST is not positive")
	}
	if c.uploadTimeout() < time.Second || c.uploadTimeout() > sii.UploadTimeout {
		return errors.New("send: UPLOAD_TIMEOUT is not from 1s to 120s")
	}
	return nil
}

// most is how many documents an envelope of a channel may hold.
func (c Config) most(channel store.Channel) int {
	if channel == store.Boleta {
		return cmp.Or(c.BoletasMax, 50)
	}
	return c.EnvelopeMax
}

// bytes is how many bytes they may have.
func (c Config) bytes() int { return cmp.Or(c.EnvelopeBytes, 5_000_000) }
