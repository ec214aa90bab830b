package outmail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/company"
	"timbre/shared/due"
	"timbre/shared/mailbox"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// maxListed bounds the due entries that a tick reads, and maxEach those of one company that it does.
	maxListed = 20_000
	maxEach   = 500
	// companiesAtOnce bounds the companies that a tick serves at a time.
	companiesAtOnce = 32
	// tickBudget is when a tick begins nothing more of a company.
	tickBudget = 40 * time.Second
)

// task is a mail that is due.
type task struct {
	entry   due.Entry
	company store.Company
	id      store.LetterID
}

// Tick sends what is due, company by company. One's trouble is not another's.
func (o *Outbox) Tick(ctx context.Context) error {
	entries, err := due.List(ctx, o.State, o.Now(), function, maxListed)
	if err != nil {
		return err
	}
	tasks := map[store.Company][]task{}
	var strange error
	for _, e := range entries {
		t, err := read(e)
		if err != nil {
			strange = errors.Join(strange, err)
			continue
		}
		if len(tasks[t.company]) < maxEach {
			tasks[t.company] = append(tasks[t.company], t)
		}
	}
	failed := make(chan error, len(entries)+1)
	failed <- strange
	var g errgroup.Group
	g.SetLimit(companiesAtOnce)
	for c, all := range tasks {
		g.Go(func() error {
			o.each(ctx, c, all, failed)
			return nil
		})
	}
	_ = g.Wait() // the errors are in failed
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func read(e due.Entry) (task, error) {
	if len(e.Parts) != 3 {
		return task{}, fmt.Errorf("outmail: %q names no mail", e.Parts)
	}
	r, err := rut.Parse(e.Parts[1])
	t := task{entry: e, company: store.Company{Env: store.Environment(e.Parts[0]), RUT: r}, id: store.LetterID(e.Parts[2])}
	if err != nil || !t.company.Env.Valid() || !t.id.Valid() {
		return task{}, fmt.Errorf("outmail: %q names no mail", e.Parts)
	}
	return t, nil
}

// each sends the mails of a company, the oldest first, until its time is up.
func (o *Outbox) each(ctx context.Context, c store.Company, tasks []task, failed chan<- error) {
	begin := time.Now()
	config, err := o.Companies.Load(ctx, c.RUT)
	if errors.Is(err, company.ErrUnknown) { // deleted: nobody is left to send
		config, err = &company.Company{RUT: c.RUT}, nil
	}
	if err != nil {
		failed <- err
		return
	}
	lane := o.lanes.of(address(config))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, t := range tasks {
		if time.Since(begin) > tickBudget || ctx.Err() != nil || lane.rests(o.Now()) {
			break
		}
		g.Go(func() error {
			if err := o.do(ctx, config, lane, t); err != nil {
				failed <- fmt.Errorf("send mail %s of %s: %w", t.id, c.RUT, err)
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in failed
}

// address tells servers apart.
func address(c *company.Company) string {
	if !sends(c) {
		return "none/" + c.RUT.String()
	}
	s := c.Intercambio.SMTP
	return s.Host + ":" + strconv.Itoa(s.Port) + "/" + s.User
}

// do looks at a due mail: sends it if that is to be done now, and removes the entry when no look is left or the next
// one stands.
func (o *Outbox) do(ctx context.Context, config *company.Company, l *lane, t task) error {
	var r Record
	generation, err := o.State.ReadJSON(ctx, store.LetterState(t.company, t.id), &r)
	switch now := o.Now(); {
	case errors.Is(err, store.ErrNotFound): // whoever announced it died before he wrote it
	case err != nil:
		return err
	case r.State != Waiting:
	case r.NextAt.Truncate(time.Minute).After(now): // in another minute than this entry
		err = o.wake(ctx, t.company, &r)
	case r.Claim != nil && now.Before(r.Claim.At.Add(claimTime)):
		return nil // somebody sends it
	default:
		if !l.enter(ctx, o.Now) {
			return nil
		}
		defer l.leave()
		return o.attempt(ctx, config, l, attempt{t, &r, generation})
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return o.done(ctx, t)
}

func (o *Outbox) done(ctx context.Context, t task) error {
	err := due.Done(ctx, o.State, t.entry)
	if errors.Is(err, store.ErrChanged) { // announced anew: there is one more look
		return nil
	}
	return err
}

// attempt is one sending of a mail.
type attempt struct {
	task
	record     *Record
	generation int64
}

// attempt claims a mail, sends it and notes what came of it. Where our own time ends in between, the claim stays, and
// the mail is sent again when nobody believes it any more.
func (o *Outbox) attempt(ctx context.Context, config *company.Company, l *lane, a attempt) error {
	raw, err := o.Bytes(ctx, a.company, a.id)
	if err != nil {
		return err
	}
	nonce := rand.Text()
	a.record.Claim = &Claim{Nonce: nonce, At: o.Now().UTC()}
	a.record.Attempts++
	name := store.LetterState(a.company, a.id)
	if _, err := o.State.ReplaceJSON(ctx, name, a.generation, a.record, meta(a.record)); err != nil {
		if errors.Is(err, store.ErrChanged) { // another one claimed it
			return nil
		}
		return err
	}
	failure := o.send(ctx, config, a.record, raw)
	if failure != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if failure != nil {
		o.Logger.WarnContext(ctx, "mail not sent", "rut_emisor", a.company.RUT.String(), "letter", a.id, "attempt", a.record.Attempts, "error", failure)
		if tells(failure) {
			l.rest(o.Now().Add(restFor))
		}
	}
	return o.settle(context.WithoutCancel(ctx), a, nonce, failure)
}

// tells whether a failure is the server's, so that other mails would fail too.
func tells(err error) bool {
	for _, f := range []*mailbox.Fault{mailbox.ErrUnreachable, mailbox.ErrAuth, mailbox.ErrTLS, mailbox.ErrUnknown, mailbox.ErrSettings} {
		if errors.Is(err, f) {
			return true
		}
	}
	return errors.Is(err, ErrNoServer)
}

// send hands the mail to the company's server as it is configured now.
func (o *Outbox) send(ctx context.Context, c *company.Company, r *Record, raw []byte) error {
	if !sends(c) {
		return ErrNoServer
	}
	s := c.Intercambio.SMTP
	server := mailbox.Server{Host: s.Host, Port: s.Port, Security: mailbox.Security(s.Security)}
	if c.SMTPPassword != nil {
		password, err := o.Passwords.Password(ctx, *c.SMTPPassword)
		if err != nil {
			return err
		}
		server.User, server.Password = s.User, mailbox.Secret(password)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return o.Sender.Send(ctx, server, r.From, []string{r.To}, raw)
}

// settle notes the outcome in the record, the next look first, and removes the entry.
func (o *Outbox) settle(ctx context.Context, a attempt, nonce string, failure error) error {
	now := o.Now().UTC()
	next := *a.record
	if failure == nil {
		next.State, next.SentAt, next.Claim, next.Error = Sent, &now, nil, ""
	} else {
		next.fail(now, reason(failure))
		if err := o.wake(ctx, a.company, &next); err != nil {
			return err
		}
	}
	_, err := store.Update(ctx, o.State, store.LetterState(a.company, a.id), func(r *Record) error {
		if r.State == Sent || failure != nil && (r.Claim == nil || r.Claim.Nonce != nonce) {
			return store.ErrUnchanged // another one came to an end meanwhile
		}
		*r = next
		return nil
	}, meta)
	if err != nil {
		return err
	}
	if next.State == Dead {
		o.Logger.ErrorContext(ctx, "mail given up", "rut_emisor", a.company.RUT.String(), "letter", a.id, "error", failure)
	}
	return o.done(ctx, a.task)
}

// reason is a failure as it is shown: the code of what went wrong, and what the server said.
func reason(err error) string {
	text := err.Error()
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	var fault *mailbox.Fault
	if errors.As(err, &fault) {
		return fault.Code() + ": " + text
	}
	return text
}
