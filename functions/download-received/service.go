package downloadreceived

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"timbre/shared/alert"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/exchange"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// Name is this function's in due entries.
const Name = "download-received"

// Inquirer is the SII in the name of a person.
type Inquirer interface {
	DocumentState(ctx context.Context, q sii.Question) (sii.DocumentState, error)
	ExactState(ctx context.Context, q sii.Question) (sii.DocumentState, error)
}

// Mailboxes reads mails.
type Mailboxes interface {
	Read(ctx context.Context, a mailbox.Account, from mailbox.Cursor, each func(context.Context, mailbox.Message) error) (mailbox.Progress, error)
}

// Passwords opens those of mailboxes.
type Passwords interface {
	Password(ctx context.Context, ref company.Secret) (company.Password, error)
}

// Companies reads configurations.
type Companies interface {
	Load(ctx context.Context, r rut.RUT) (*company.Company, error)
	List(ctx context.Context) ([]rut.RUT, error)
}

// Identities opens certificates.
type Identities interface {
	Identity(ctx context.Context, c *company.Certificate) (*cert.Identity, error)
}

// Deps are what the function works with; all but Claims, Letters and Register are required.
type Deps struct {
	State, Archive *store.Bucket
	Companies      Companies
	Identities     Identities
	Passwords      Passwords
	Mail           Mailboxes
	// SII opens a session at the SII.
	SII func(store.Environment, *cert.Identity) Inquirer
	// Claims opens the SII's register of acceptance or claim; nil: no document is answered there.
	Claims func(store.Environment, *cert.Identity, *time.Location) Registrar
	// Letters sends mails to suppliers; nil: nothing is answered.
	Letters outmail.Sender
	// Register opens the SII's register of purchases; nil: it comes by upload alone.
	Register Registers
	// SIIKeys check CAFs.
	SIIKeys caf.Keys
	Events  event.Publisher
	Guard   Guard
	Logger  *slog.Logger
	Now     func() time.Time
}

func (d Deps) check() error {
	if d.State == nil || d.Archive == nil || d.Companies == nil || d.Identities == nil || d.Passwords == nil || d.Mail == nil ||
		d.SII == nil || d.Events == nil || d.Guard == nil || d.Logger == nil || d.Now == nil {
		return errors.New("download-received: a dependency is missing")
	}
	return nil
}

// service is the use case.
type service struct {
	Deps
	cfg      Config
	register *received.Register
	alerts   *alert.Raiser
	chile    *time.Location
	// tasks do what due entries ask for, by their kind.
	tasks map[string]task
	// seen are told of each file of a mail once it is in the register; each may be told of one again.
	seen    []func(context.Context, Seen) error
	mailing mailing

	// taking lets one mail be taken apart at a time in this process: a large one takes tens of megabytes.
	taking    chan struct{}
	scheduled time.Time // when tick last wrote the entries of the intakes
}

// Seen is a file of a mail as the intake leaves it.
type Seen struct {
	Company store.Company
	Mail    received.Mail
	// File is what was kept of it; Quarantined why it could not be read. One of them is there.
	File        *received.File
	Quarantined *received.Quarantined
	// Report is what was found about the File.
	Report *exchange.Report
	// Repeated says that the same bytes came before, in another mail or elsewhere in this one.
	Repeated bool
	// Known tells whether another file brought a document of this one before, by the SHA-256 of its bytes.
	Known map[string]bool
}

func newService(cfg Config, d Deps) (*service, error) {
	if err := errors.Join(cfg.check(), d.check()); err != nil {
		return nil, err
	}
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("download-received: %w", err)
	}
	s := &service{
		Deps: d, cfg: cfg, register: received.New(d.State), chile: chile,
		taking: make(chan struct{}, 1),
		alerts: &alert.Raiser{State: d.State, Events: d.Events, Now: d.Now, Chile: chile},
	}
	s.tasks = map[string]task{intakeOf: s.intakeDue, mailOf: s.mailDue, siiOf: s.siiDue, claimOf: s.claimDue}
	if d.Register != nil {
		s.tasks[registerOf] = s.registerDue
	}
	return s, s.openMailing()
}
