package supplier

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"timbre/emulators/sii/pki"
	"timbre/emulators/sii/world"
)

// Office sends a bot's letters and judges what its customers answer.
type Office struct {
	bot     *Bot
	pool    pki.Pool
	signers map[string]string // RUT of the person who signs for a company

	mu   sync.Mutex
	sent []Letter
}

// NewOffice opens the office of the company with an id in a world of package authority.
func NewOffice(dir, id string) (*Office, error) {
	bot, err := New(dir, id)
	if err != nil {
		return nil, err
	}
	w, err := world.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("open office %s: %w", filepath.Base(dir), err)
	}
	o := &Office{bot: bot, pool: w.Pool, signers: map[string]string{}}
	for _, c := range w.Companies {
		o.signers[c.RUT] = c.Signer
	}
	return o, nil
}

// Anew is the same office before it sent anything.
func (o *Office) Anew() *Office { return &Office{bot: o.bot, pool: o.pool, signers: o.signers} }

// RUT is the supplier's.
func (o *Office) RUT() string { return o.bot.company.RUT }

// Post writes the letter of an oddity, remembers it and hands its mails to a mail server.
func (o *Office) Post(smtp, oddity string, order Order) (Letter, error) {
	odds := Oddities()
	i := slices.IndexFunc(odds, func(odd Oddity) bool { return odd.Name == oddity })
	if i < 0 {
		return Letter{}, fmt.Errorf("post: no oddity is called %q", oddity)
	}
	letter, err := o.Write(odds[i], order)
	if err != nil {
		return Letter{}, err
	}
	return letter, o.bot.Send(smtp, letter)
}

// Write is Bot.Letter of which the office knows: answers to it are expected from now on.
func (o *Office) Write(odd Oddity, order Order) (Letter, error) {
	letter, err := o.bot.Letter(odd, order)
	if err != nil {
		return Letter{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, letter)
	return letter, nil
}

// Report is what the office thinks of its customers' answers.
type Report struct {
	Answers   []Verdict `json:"answers"`   // each distinct mail with an answer, in the order of arrival
	Envelopes []Tally   `json:"envelopes"` // each that was sent, in order
}

// Verdict is what was found about an answer; without Faults it is accepted.
type Verdict struct {
	MessageID string   `json:"message_id"`
	Copies    int      `json:"copies"` // with this Message-ID and these bytes: more than one was sent again
	Kind      string   `json:"kind"`   // RecepcionEnvio, ResultadoDTE, EnvioRecibos, or empty
	From      string   `json:"from"`   // RutResponde
	About     []string `json:"about"`  // digests of envelopes, or type/folio of documents, each with its state
	Faults    []string `json:"faults"`
}

// Tally counts the technical answers to an envelope.
type Tally struct {
	Oddity string   `json:"oddity"`
	Digest string   `json:"digest"`
	Want   []int    `json:"want"`
	Got    []int    `json:"got"`
	Faults []string `json:"faults"`
}

// Accepted tells whether there is nothing to complain about: every envelope was answered as it had to be, and
// no answer has a fault.
func (r Report) Accepted() bool {
	return !slices.ContainsFunc(r.Answers, func(v Verdict) bool { return len(v.Faults) > 0 }) &&
		!slices.ContainsFunc(r.Envelopes, func(t Tally) bool { return len(t.Faults) > 0 })
}

// Judge reads all mails of the office's mailbox, the oldest first. Others than answers are not its business.
func (o *Office) Judge(mails [][]byte) Report {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := newDay(o)
	for _, raw := range mails {
		d.mail(raw)
	}
	return d.close()
}

// day is one reading of the whole mailbox: answers are judged in the light of those before.
type day struct {
	*Office
	report  Report
	posts   map[string]post // by Message-ID
	place   map[string]int  // of a Message-ID's Verdict
	tallies map[*Envelope]*Tally
	order   []*Envelope
	codes   map[*Envelope]string // CodEnvio of an envelope, as its receiver named it first
	ids     map[string]string    // Message-ID by who answered and IdRespuesta
	said    map[string]string    // Message-ID by what may be said once
}

func newDay(o *Office) *day {
	d := &day{
		Office: o, posts: map[string]post{}, place: map[string]int{}, tallies: map[*Envelope]*Tally{}, codes: map[*Envelope]string{},
		ids: map[string]string{}, said: map[string]string{},
		report: Report{Answers: []Verdict{}, Envelopes: []Tally{}},
	}
	for i := range o.sent {
		for j := range o.sent[i].Envelopes {
			e := &o.sent[i].Envelopes[j]
			d.order = append(d.order, e)
			d.tallies[e] = &Tally{Oddity: o.sent[i].Oddity, Digest: e.Digest, Want: e.Want, Got: []int{}, Faults: []string{}}
		}
	}
	return d
}

// close adds up what came for each envelope.
func (d *day) close() Report {
	for _, e := range d.order {
		t := d.tallies[e]
		if want, got := slices.Sorted(slices.Values(t.Want)), slices.Sorted(slices.Values(t.Got)); !slices.Equal(want, got) {
			t.Faults = append(t.Faults, fmt.Sprintf("EstadoRecepEnv %v, expected %v", t.Got, t.Want))
		}
		d.report.Envelopes = append(d.report.Envelopes, *t)
	}
	return d.report
}

// mail judges one mail.
func (d *day) mail(raw []byte) {
	p, err := readPost(raw)
	if err != nil || len(p.answers()) == 0 {
		return
	}
	if first, again := d.posts[p.id]; again {
		v := &d.report.Answers[d.place[p.id]]
		v.Copies++
		if !first.same(p) {
			v.Faults = append(v.Faults, "came again with other bytes")
		}
		return
	}
	d.posts[p.id], d.place[p.id] = p, len(d.report.Answers)
	v := Verdict{MessageID: p.id, Copies: 1, About: []string{}, Faults: []string{}}
	d.form(&v, p)
	for _, a := range p.answers() {
		d.answer(&v, p, a)
	}
	d.report.Answers = append(d.report.Answers, v)
}

// form judges the mail itself: one attachment (Instructivo Técnico, intercambio), and marks that keep programs
// from answering it (RFC 3834).
func (d *day) form(v *Verdict, p post) {
	v.check(len(p.files) == 1, "%d attachments, one is expected", len(p.files))
	v.check(p.id != "" && strings.Contains(p.id, "@"), "Message-ID %q", p.id)
	v.check(strings.HasPrefix(p.automatic, "auto-"), "Auto-Submitted %q", p.automatic)
	v.check(!strings.HasPrefix(p.subject, "=?") && p.subject != "" || strings.HasSuffix(p.subject, "?="), "Subject %q", p.subject)
}

// check notes a fault unless something holds.
func (v *Verdict) check(ok bool, format string, args ...any) {
	if !ok {
		v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
	}
}
