package sii

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"timbre/emulators/sii/claims"
	"timbre/emulators/sii/faults"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/world"
)

// Permission is what a person may do for a company in one environment
// (WEBSERVICES §2.4: "Enviar documentos", "Firmar documentos").
type Permission struct {
	Environment string `json:"environment"`
	Person      string `json:"person"`
	Company     string `json:"company"`
	Send        bool   `json:"send"`
	Sign        bool   `json:"sign"`
	Remove      bool   `json:"remove,omitempty"` // the person is no user of the company at all
}

// Document is a document as the simulator judged it.
type Document struct {
	Environment string          `json:"environment"`
	Issuer      string          `json:"issuer"`
	Type        int             `json:"type"`
	Folio       int             `json:"folio"`
	Date        string          `json:"date"`
	Receiver    string          `json:"receiver"`
	Total       string          `json:"total"`
	State       string          `json:"state"`            // DOK accepted, RLV, RPR with remarks, RCH rejected
	Effect      string          `json:"effect,omitempty"` // of a later note: TMC, MMC, ANC, TMD, MMD, AND
	TrackID     string          `json:"track_id"`
	ReceivedAt  time.Time       `json:"received_at"`
	Signer      string          `json:"signer"`
	InPlace     bool            `json:"in_place"` // the signature also verifies inside the envelope
	Findings    []judge.Finding `json:"findings"`
	Details     []string        `json:"details"` // as in the result mail
	Signature   string          `json:"signature"`
	Events      []claims.Event  `json:"events,omitempty"` // acceptances, claims, notes
	vat         string
	book        judge.Book
}

// Accepted says whether the SII holds the document.
func (d *Document) Accepted() bool { return d.State != "RCH" }

type docKey struct {
	env, issuer string
	kind, folio int
}

// Envelope is an uploaded file and what became of it.
type Envelope struct {
	Environment string          `json:"environment"`
	Channel     string          `json:"channel"` // dte: DTEUpload; boleta: the boletas' own service
	TrackID     string          `json:"track_id"`
	Sender      string          `json:"sender"`
	Company     string          `json:"company"`
	File        string          `json:"file"`
	SHA256      string          `json:"sha256"`
	Size        int             `json:"size"`
	ReceivedAt  time.Time       `json:"received_at"`
	Sent        int             `json:"sent"`  // times that the same bytes came
	State       string          `json:"state"` // REC … EPR, RSC, RFR, RCT, 106, VOF
	Final       bool            `json:"final"`
	Fault       *judge.Finding  `json:"fault,omitempty"`
	Documents   []*Document     `json:"documents"`
	Stuck       faults.Duration `json:"stuck,omitempty"` // rests in PDR so much longer, at speed 1
	Lost        bool            `json:"lost,omitempty"`  // ends as VOF
	Bytes       []byte          `json:"bytes,omitempty"`

	env     judge.Environment
	content *judge.Envelope
	faults  []string // of the schema, when late
	speed   float64
	step    int
	examine func() []judge.Signature
}

type folioRange struct {
	env, company   string
	kind, from, to int
}

// Switches are the dials of the simulator's behaviour.
type Switches struct {
	LateSchema      *bool `json:"late_schema,omitempty"`       // schema faults come as RSC, not as STATUS 7
	AllowLongLines  *bool `json:"allow_long_lines,omitempty"`  // no limit of 4096 bytes
	ListCreditNotes *bool `json:"list_credit_notes,omitempty"` // getEstUp lists type 61
	StrictFormat    *bool `json:"strict_format,omitempty"`     // also the rules that taken documents break
	UF              *int  `json:"uf,omitempty"`                // value in pesos; without it no boleta is too large
	// ClaimsWantProduction: the reclamo service of certification takes tokens of production only.
	ClaimsWantProduction *bool `json:"reclamo_production_token,omitempty"`
}

// state is everything that the SII remembers. All methods that change it run
// under the lock, and first do what has become due.
type state struct {
	mu        sync.Mutex
	world     *world.World
	clock     *clock
	speed     float64
	inPlace   bool
	maxBytes  int64
	companies map[string]map[string]*account // environment, RUT
	people    map[string]bool                // RUT: may log in with a certificate
	rights    map[Permission]*Permission     // key: the three names
	annulled  []folioRange
	envelopes []*Envelope
	open      []*Envelope // not final
	byHash    map[string]*Envelope
	documents []*Document
	received  map[docKey]*Document
	cafs      map[string][]world.CAF // environment
	switches  Switches
	lastTrack map[string]int64 // by channel
	mails     []*Mail
	mailHost  string // domain of companies that name no address
	faults    *faults.Engine
	dials     *dials
	journal   *os.File
	lost      error // of the journal: nothing more is acknowledged
}

// account is a company in one environment.
type account struct {
	world.Company
	authorized bool
}

func newState(w *world.World, c *clock, o Options) *state {
	s := &state{
		world: w, clock: c, speed: o.Speed, inPlace: o.InPlace, maxBytes: o.MaxBytes,
		companies: map[string]map[string]*account{judge.Certification.Name: {}, judge.Production.Name: {}},
		people:    map[string]bool{}, rights: map[Permission]*Permission{},
		byHash: map[string]*Envelope{}, received: map[docKey]*Document{}, cafs: map[string][]world.CAF{},
		lastTrack: map[string]int64{}, mailHost: o.MailDomain,
	}
	// Track ids must not repeat those of an earlier, forgotten run. Those of boletas
	// have 11 digits, as in production (live 2026).
	s.lastTrack[channelDTE] = 100_000_000 + c.now().Unix()%800_000_000
	s.lastTrack[channelBoleta] = 20_000_000_000 + c.now().Unix()
	for _, company := range w.Companies {
		s.people[company.Signer] = true
		for _, env := range hosts {
			s.companies[env.Name][company.RUT] = &account{Company: company, authorized: env == judge.Certification || company.Production != nil}
			s.permit(Permission{Environment: env.Name, Person: company.Signer, Company: company.RUT, Send: true, Sign: true})
		}
	}
	for _, caf := range w.CAFs {
		s.learnCAF(caf)
	}
	return s
}

// learnCAF remembers an authorization: getEstDte answers FNA outside of them.
func (s *state) learnCAF(caf world.CAF) {
	env := judge.Certification
	if caf.IDK == judge.Production.IDK {
		env = judge.Production
	}
	known := slices.ContainsFunc(s.cafs[env.Name], func(c world.CAF) bool {
		return c.RUT == caf.RUT && c.Type == caf.Type && c.From == caf.From && c.To == caf.To
	})
	if !known {
		s.cafs[env.Name] = append(s.cafs[env.Name], caf)
	}
}

func (s *state) permit(p Permission) {
	key := Permission{Environment: p.Environment, Person: p.Person, Company: p.Company}
	if p.Remove {
		delete(s.rights, key)
		return
	}
	s.rights[key] = &p
}

// rightsOf is nil for a person who is no user of the company.
func (s *state) rightsOf(env, person, company string) *Permission {
	return s.rights[Permission{Environment: env, Person: person, Company: company}]
}

func (s *state) maySign(env string) func(person, company string) bool {
	return func(person, company string) bool {
		p := s.rightsOf(env, person, company)
		return p != nil && p.Sign
	}
}

// person says whether the SII knows a RUT, and whether it may log in with a
// certificate.
func (s *state) person(rut string) (bool, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	login, known := s.people[rut]
	return known, login
}

func (s *state) account(env, rut string) *account { return s.companies[env][rut] }

func on(b *bool) bool { return b != nil && *b }

// register notes an upload and starts verifying its signatures aside.
func (s *state) register(e *Envelope) {
	e.examine = sync.OnceValue(func() []judge.Signature { return examineAll(e.content, s.world, s.clock.zone) })
	go e.examine()
	s.envelopes, s.open = append(s.envelopes, e), append(s.open, e)
	if e.Channel == channelDTE {
		s.byHash[e.env.Name+e.SHA256] = e
	}
}

// receive takes in a new file: it gets its track id, and is durable before anybody hears
// of it.
func (s *state) receive(e *Envelope, now time.Time) error {
	s.lastTrack[e.Channel]++
	e.TrackID = fmt.Sprintf("%010d", s.lastTrack[e.Channel])
	e.ReceivedAt, e.speed = now, s.pace()
	s.trouble(e)
	if err := s.record("upload", now, uploaded{Envelope: e, Speed: e.speed}); err != nil {
		return err
	}
	s.register(e)
	return nil
}

// pace is the speed of the timeline: that of the dial, where a verdict has a
// delay of its own.
func (s *state) pace() float64 {
	if d := s.dials.verdictDelay(); d > 0 {
		return float64(stages[len(stages)-1].after) / float64(d)
	}
	return s.speed
}

func examineAll(content *judge.Envelope, w *world.World, zone *time.Location) []judge.Signature {
	if content == nil {
		return nil
	}
	found := make([]judge.Signature, len(content.Documents))
	for i, d := range content.Documents {
		found[i] = d.Examine(w.Pool, zone)
	}
	return found
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
