package faults

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Faults, by whom they strike.
const (
	// Any call.
	Delay       = "delay"        // answers after delay_ms
	ResetBefore = "reset-before" // the connection is cut, nothing was done
	ResetAfter  = "reset-after"  // the connection is cut, the work was done
	HTML        = "html"         // a page with Status in place of the answer
	Empty       = "empty"        // 200 without a body
	Error500    = "error-500"    // the text "Error 500"
	TooMany     = "too-many"     // 429 with Retry-After
	Down        = "down"         // connections are refused for a while
	// Calls that carry a token.
	KillToken = "kill-token" // the token dies first
	// Answers with a glosa.
	Mojibake = "mojibake"
	// Uploads to DTEUpload.
	Duplicate = "status-99" // the file is taken, and called a duplicate of itself
	// States of an envelope.
	EmptyEPR = "epr-empty" // EPR without counts
	// Envelopes.
	Stuck = "stuck" // rests in PDR for a while, or for ever
	Lost  = "vof"   // the SII loses the file
	// Result mails.
	MailLate     = "mail-late"
	MailDoubled  = "mail-doubled"
	MailLost     = "mail-lost"
	MailMojibake = "mail-mojibake"
	// The clock, at once when the rule is set.
	Skew = "skew"
)

// Operations that rules and scripts may name. Envelope and Mail are no calls.
const (
	Envelope = "envelope"
	Mail     = "mail"
)

var (
	seeds    = []string{"getSeed", "getToken", "boletaSeed", "boletaToken"}
	uploads  = []string{"upload", "boletaUpload"}
	states   = []string{"getEstUp", "boletaEnvelope"}
	queries  = slices.Concat([]string{"getEstDte", "getEstDteAv", "reenvioCorreo", "boletaDocument"}, states, Claims)
	withAuth = slices.Concat(uploads, queries, Books)
)

// Claims are the operations of the reclamo service, Books those of the register
// of purchases and sales (RCV).
var (
	Claims = []string{"ingresarAceptacionReclamoDoc", "listarEventosHistDoc", "consultarDocDteCedible", "consultarFechaRecepcionSii"}
	Books  = []string{"getResumen", "getDetalleCompra", "getDetalleVenta", "getDetalleCompraExport", "getDetalleVentaExport"}
)

// Calls are the names of all operations that a client can ask for.
var Calls = append(slices.Clone(seeds), withAuth...)

// strikes says which operations each fault can meet.
var strikes = map[string][]string{
	Delay: Calls, ResetBefore: Calls, ResetAfter: Calls, HTML: Calls, Empty: Calls, Error500: Calls, TooMany: Calls, Down: Calls,
	KillToken: withAuth, Mojibake: queries, Duplicate: {"upload"}, EmptyEPR: states, Stuck: {Envelope}, Lost: {Envelope},
	MailLate: {Mail}, MailDoubled: {Mail}, MailLost: {Mail}, MailMojibake: {Mail}, Skew: nil,
}

// harmless faults leave a right answer: mercy does not count them.
var harmless = []string{Delay, Mojibake, EmptyEPR, Stuck, MailLate, MailDoubled, MailMojibake}

// Rule makes a fault happen.
type Rule struct {
	Fault       string   `json:"fault"`
	Operation   string   `json:"operation,omitempty"`   // default: all that the fault can strike
	Host        string   `json:"host,omitempty"`        // default: all
	Probability float64  `json:"probability,omitempty"` // default 1
	Times       int      `json:"times,omitempty"`       // default: without limit
	DelayMS     int      `json:"delay_ms,omitempty"`    // delay; real milliseconds
	Status      int      `json:"status,omitempty"`      // html; default 200
	Process     bool     `json:"process,omitempty"`     // html, empty, error-500, too-many: do the work first
	RetryAfter  int      `json:"retry_after,omitempty"` // too-many; seconds, default 1
	For         Duration `json:"for,omitempty"`         // down, skew: simulated time; stuck, mail-late: time at speed 1
	Hits        int      `json:"hits"`                  // answered, never read

	profile bool
	id      string // what its draws are about: other rules do not change them
}

// Duration is a time.Duration that JSON writes as "1m30s".
type Duration time.Duration

// MarshalText writes "1m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "1m30s".
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// ErrRule means that a rule or a profile makes no sense.
var ErrRule = errors.New("fault refused")

// check completes a rule or refuses it.
func (r *Rule) check() error {
	ops, known := strikes[r.Fault]
	switch {
	case !known:
		return fmt.Errorf("%w: unknown fault %q", ErrRule, r.Fault)
	case r.Operation != "" && !slices.Contains(ops, r.Operation):
		return fmt.Errorf("%w: %s cannot strike operation %q", ErrRule, r.Fault, r.Operation)
	case r.Probability < 0 || r.Probability > 1 || r.Times < 0 || r.DelayMS < 0:
		return fmt.Errorf("%w: negative number, or a probability above 1", ErrRule)
	case r.Fault == Delay && r.DelayMS == 0:
		return fmt.Errorf("%w: a delay needs delay_ms", ErrRule)
	case r.Status != 0 && (r.Status < 200 || r.Status > 599):
		return fmt.Errorf("%w: status %d", ErrRule, r.Status)
	}
	if r.Probability == 0 {
		r.Probability = 1
	}
	r.Hits = 0
	return nil
}

// meets says whether a rule concerns an operation on a host.
func (r *Rule) meets(op, host string) bool {
	if r.Times > 0 && r.Hits >= r.Times {
		return false
	}
	if r.Host != "" && r.Host != host {
		return false
	}
	if r.Operation != "" {
		return r.Operation == op
	}
	return slices.Contains(strikes[r.Fault], op)
}
