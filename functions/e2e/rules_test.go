package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/judge"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/dte/dtetest"
	"timbre/shared/envelope"
	"timbre/shared/rules"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
	"timbre/shared/ted"
)

// desk signs whatever it is given, asking no rule, and takes it to the simulated SII.
type desk struct {
	t      *testing.T
	world  string
	keys   caf.Keys
	cafs   map[dte.Type]*caf.CAF
	id     *cert.Identity
	sii    *fakesii.Server
	client *sii.Client
	next   map[dte.Type]int64
	// refusals are what the upload says of files that it does not take, by rule.
	refusals map[string]string
}

// Times of the desk, as wall clocks in Chile; the day is that of the fixtures.
var (
	deskSigned = time.Date(2026, 11, 23, 10, 11, 12, 0, time.UTC)
	deskNow    = time.Date(2026, 11, 23, 13, 15, 0, 0, time.UTC) // 10:15 there
)

func newDesk(t *testing.T) *desk {
	t.Helper()
	world := t.TempDir()
	check(t, authority.Make(world, authority.Options{
		Now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Folios: 200, Companies: []authority.Company{{
			ID: "a", RUT: dtetest.Issuer.RUT.String(), Name: dtetest.Issuer.RznSoc, Activity: dtetest.Issuer.GiroEmis, Acteco: 726000,
			Address: dtetest.Issuer.DirOrigen, Comuna: dtetest.Issuer.CmnaOrigen, City: dtetest.Issuer.CiudadOrigen, FchResol: "2024-01-02",
			Signer: authority.Signer{RUT: "15333111-1", Name: "Inés Ñancupil Müller"}, PFX: "certs/a-modern.pfx", PFXPassword: authority.Password,
		}},
	}))
	keys, err := company.ReadSIIKeys(filepath.Join(world, "sii"))
	check(t, err)
	id, err := cert.ReadPFX(file(t, world, "certs", "a-modern.pfx"), authority.Password)
	check(t, err)
	now := func() time.Time { return deskNow }
	server, err := fakesii.Start(fakesii.Options{World: world, InPlace: true, Now: now})
	check(t, err)
	cleanup(t, server)
	return &desk{
		t: t, world: world, keys: keys, cafs: map[dte.Type]*caf.CAF{}, id: id, sii: server, next: map[dte.Type]int64{}, refusals: map[string]string{},
		client: sii.New(store.NewBucket(store.NewMemory()), now, sii.Options{BaseURL: server.URL}),
	}
}

func (d *desk) caf(kind dte.Type) *caf.CAF {
	d.t.Helper()
	if d.cafs[kind] == nil {
		c, err := caf.Parse(file(d.t, d.world, "caf", "a", kind.String()+"-1-200.xml"), d.keys)
		check(d.t, err)
		d.cafs[kind] = c
	}
	return d.cafs[kind]
}

// submit uploads a document that breaks a rule in an envelope of its own. False: the schema does not let it
// pass, so that the SII has nothing more to say about it.
func (d *desk) submit(rule string, signed []byte, name string) bool {
	d.t.Helper()
	cover := envelope.Caratula{Issuer: dtetest.Issuer.RUT, Receiver: rut.SII, ResolutionDate: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)}
	file, err := envelope.Write(cover, [][]byte{signed}, d.id, deskSigned.Add(time.Minute), "S"+name)
	if err != nil {
		return false
	}
	if change := sealedFaults[rule]; change != nil {
		file = d.sealed(file, "S"+name, change)
	}
	result, err := d.client.As(store.Certificacion, sii.PersonOf(d.id)).Upload(d.t.Context(), dtetest.Issuer.RUT, name+".xml", file)
	check(d.t, err)
	if result.TrackID == "" {
		d.refusals[rule] = fmt.Sprintf("STATUS %d %s", result.Status, result.Glosa())
		d.t.Logf("%s: %s", name, d.refusals[rule])
	}
	return result.TrackID != ""
}

// take gives an order the next folio, signs it and submits it: its type and folio, empty if it cannot be
// stamped, or the schema refuses it.
func (d *desk) take(rule string, o *dte.Order, name string) string {
	d.t.Helper()
	d.next[o.Type()]++
	o = o.WithFolio(d.next[o.Type()])
	stamp, err := ted.Stamp(o.Stamped(), d.caf(o.Type()), deskSigned)
	if err != nil {
		d.t.Logf("%s: %v", name, err)
		return ""
	}
	signed, err := dte.Write(o, stamp, deskSigned, dte.FormBoth, d.id)
	check(d.t, err)
	if !d.submit(rule, signed, name) {
		return ""
	}
	return fmt.Sprintf("%s/%d", o.Type(), o.Folio())
}

// bases submits the documents that the fixtures change, which break no rule. One that the simulator's
// schema does not let pass is told; its fixtures then count as invalid.
func (d *desk) bases() map[string]string {
	d.t.Helper()
	keys := map[string]string{}
	for name := range dtetest.Bases(d.t) {
		keys[name] = d.take("", dtetest.Fixture{Rule: name, Base: name, Stage: dtetest.Signed}.Order(d.t, dtetest.Issuer, dtetest.Today), "base"+name)
		if keys[name] == "" {
			d.t.Logf("base %s is not valid", name)
		}
	}
	return keys
}

// findings are what the SII said of each document, by type and folio.
func (d *desk) findings() map[string][]judge.Finding {
	d.sii.Advance(3 * time.Hour)
	out := map[string][]judge.Finding{}
	for _, doc := range d.sii.Documents() {
		out[fmt.Sprintf("%d/%d", doc.Type, doc.Folio)] = doc.Findings
	}
	return out
}

// originals are the documents to which the bases refer, received before them.
func (d *desk) originals() {
	for _, base := range []string{"33", "110", "112"} {
		o := dtetest.Fixture{Rule: base, Base: base, Stage: dtetest.Made, Change: "Encabezado/IdDoc/FchEmis=2026-11-02"}.Order(d.t, dtetest.Issuer, dtetest.Today)
		if key := d.take("", o, "original"+base); key != base+"/1" {
			d.t.Fatalf("original %s became %q", base, key)
		}
	}
	for name, findings := range d.findings() {
		if judge.State(findings) == "RCH" {
			d.t.Fatalf("original %s: %v", name, findings)
		}
	}
}

// submission is a fixture on its way.
type submission struct {
	rule *rules.Rule
	key  string // type and folio; empty if it could not be sent
	base string // of the unchanged document
}

// unruled is the document of a fixture as it would be signed without rules. What only remarks speak
// against goes the usual way, so that its totals are those of the change.
func unruled(t *testing.T, f dtetest.Fixture) (*dte.Order, bool) {
	t.Helper()
	o, _, err := dte.Resolve(dte.Request{Document: f.Document(t), Issuer: dtetest.Issuer, Today: dtetest.Today, AllowRemarks: true})
	if err == nil && f.Stage == dtetest.Asked {
		return o, true
	}
	stored, err := json.Marshal(dtetest.Fixture{Rule: f.Rule, Base: f.Base, Stage: dtetest.Signed}.Order(t, dtetest.Issuer, dtetest.Today))
	check(t, err)
	var changed dte.Order
	if json.Unmarshal(dtetest.Change(t, stored, dtetest.Stored(f.Change)), &changed) != nil {
		return nil, false // the format has no such field
	}
	return &changed, true
}

// send submits the document of a fixture: its type and folio, empty if nothing can be sent.
func (d *desk) send(f dtetest.Fixture, name string) string {
	d.t.Helper()
	if f.Stage == dtetest.Signed {
		if signedFaults[f.Rule] == nil {
			return ""
		}
		return d.takeFault(f, name)
	}
	if sealedFaults[f.Rule] != nil { // a fault of the file, not of what it holds
		base := dtetest.Fixture{Rule: f.Rule, Base: f.Base, Stage: dtetest.Signed}
		return d.take(f.Rule, base.Order(d.t, dtetest.Issuer, dtetest.Today), name)
	}
	o, ok := unruled(d.t, f)
	if !ok {
		return ""
	}
	return d.take(f.Rule, o, name)
}

// TestSimulatorAgrees signs each document that breaks a rule, past our rules, and asks the simulated SII,
// whose rules were written apart from ours. Where the rule has a known code and both know it, code and
// level must be the same. With WITNESS=1 it also tells of the rules without a code whether the simulator
// sees anything.
func TestSimulatorAgrees(t *testing.T) {
	d := newDesk(t)
	d.originals()
	bases := d.bases()
	var sent []submission
	for i, f := range dtetest.Fixtures(t) {
		s := submission{rule: rules.Named(f.Rule), base: bases[f.Base]}
		if s.rule.SII == "" && os.Getenv("WITNESS") == "" {
			continue
		}
		s.key = d.send(f, fmt.Sprintf("fixture%d", i))
		sent = append(sent, s)
	}
	answers := d.findings()
	for name, key := range bases {
		if len(answers[key]) > 0 {
			t.Logf("base %s: %v", name, answers[key])
		}
		if judge.State(answers[key]) == "RCH" {
			t.Errorf("base %s is rejected", name)
		}
	}
	d.compare(sent, answers)
}

// compare prints what both say and fails where they say different things of one rule.
func (d *desk) compare(sent []submission, answers map[string][]judge.Finding) {
	t := d.t
	t.Helper()
	coded, plain := map[string]int{}, map[string]int{}
	agreed := map[string]bool{}
	for _, s := range sent {
		verdict, text := "invalid", "no valid envelope can hold it"
		if s.key != "" {
			verdict, text = s.verdict(answers[s.key], answers[s.base])
		} else if refusal := d.refusals[s.rule.ID]; s.rule.SII != "" && strings.Contains(refusal, s.rule.SII) {
			verdict, text = "agrees", refusal
		}
		counts := plain
		if s.rule.SII != "" {
			counts = coded
		}
		counts[verdict]++
		agreed[s.rule.SII] = agreed[s.rule.SII] || verdict == "agrees"
		if s.rule.SII != "" || verdict == "lacks" {
			t.Logf("%-9s %-12s %-34s %s", verdict, s.rule.SII, s.rule.ID, text)
		}
		if verdict == "disagrees" {
			t.Errorf("%s: we say %s, the simulator %s", s.rule.ID, s.rule.SII, text)
		}
	}
	t.Logf("rules with a code: %v; without: %v", coded, plain)
	for _, s := range sent {
		if r := s.rule; r.SII != "" && (r.Sure == "live" || r.Sure == "official") && !agreed[r.SII] {
			t.Errorf("the SII is known to answer %s (%s); the simulator does not", r.SII, r.ID)
		}
	}
	if coded["agrees"] == 0 {
		t.Error("the simulator agrees with nothing")
	}
}

// verdict compares what the SII found, beyond what it finds in the unchanged document, with the rule:
// the same code, the same section and number at another level, only words of the same level, or nothing
// of the kind; of a rule without a code, whether it sees anything.
func (s submission) verdict(found, before []judge.Finding) (string, string) {
	verdict := "lacks"
	var texts []string
	for _, f := range found {
		if slices.ContainsFunc(before, func(b judge.Finding) bool { return b.Code == f.Code && b.Rule == f.Rule }) {
			continue
		}
		texts = append(texts, f.Detail())
		switch {
		case s.rule.SII == "":
			verdict = "sees"
		case f.Code == s.rule.SII && f.Level == int(s.rule.Level):
			return "agrees", f.Detail()
		case withoutLevel(f.Code) == withoutLevel(s.rule.SII):
			verdict = "disagrees"
		case f.Code == "" && f.Level == int(s.rule.Level) && verdict == "lacks":
			verdict = "words"
		}
	}
	return verdict, strings.Join(texts, "; ")
}

var levelDigit = regexp.MustCompile(`-\d-`)

func withoutLevel(code string) string { return levelDigit.ReplaceAllString(code, "-") }
