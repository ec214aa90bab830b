package sii_test

import (
	"fmt"
	"strings"
	"testing"

	"timbre/emulators/sii"
	"timbre/emulators/sii/judge"
)

// UF of 200 pesos makes boletas of more than 27,000 large.
func strictBench(t *testing.T, strict bool) *bench {
	t.Helper()
	b := newBench(t)
	uf := 200
	b.change("switches", sii.Switches{StrictFormat: &strict, UF: &uf})
	b.change("companies", sii.CompanyChange{RUT: b.company.RUT, Branches: []int{11}})
	wantAccepted(t, b.sendOf(b.invoice(90), b.export(90)))
	return b
}

// folios numbers drafts by kind: 1 to 89, as 90 is taken.
type folios map[int]int

func (f folios) next(b *bench, twin func(*bench, int) *draft) *draft {
	kind := twin(b, 1).kind
	f[kind]++
	return twin(b, f[kind])
}

// file is an envelope of all breaches; it tells the key of each document.
func (f folios) file(b *bench, breaches []breach) ([]*draft, map[string]string) {
	var drafts []*draft
	rules := map[string]string{}
	for _, c := range breaches {
		d := f.next(b, c.twin)
		for _, e := range c.edits {
			e(b, d)
		}
		drafts = append(drafts, d)
		rules[fmt.Sprintf("%d/%d", d.kind, d.folio)] = c.rule
	}
	return drafts, rules
}

// twins sends each kind of document unspoilt.
func twins(b *bench, f folios, makers ...func(*bench, int) *draft) []*draft {
	var drafts []*draft
	for _, twin := range makers {
		drafts = append(drafts, f.next(b, twin))
	}
	return drafts
}

func dteTwins(b *bench, f folios) []*draft {
	return twins(b, f, (*bench).invoice, (*bench).exemptInvoice, (*bench).settlement, (*bench).purchase, (*bench).guide, (*bench).internalGuide,
		(*bench).primaryGuide, (*bench).credit, (*bench).debit, (*bench).export, (*bench).exportCredit)
}

func found(d *sii.Document, rule string) *judge.Finding {
	for i, f := range d.Findings {
		if f.Rule == rule {
			return &d.Findings[i]
		}
	}
	return nil
}

// Each rule of the tables is broken by a document whose twin is right; the
// finding has the rule's code and level.
func TestBreaches(t *testing.T) {
	t.Parallel()
	b, f := strictBench(t, true), folios{}
	wantAccepted(t, b.sendOf(dteTwins(b, f)...))
	wantAccepted(t, b.send(b.company.RUT, b.boletasOf(twins(b, f, (*bench).strictBoleta, (*bench).exemptBoleta)...).write(t)))
	drafts, rules := f.file(b, dteBreaches())
	boletas, boletaRules := f.file(b, boletaBreaches())
	documents := b.sendOf(drafts...).Documents
	documents = append(documents, b.send(b.company.RUT, b.boletasOf(boletas...).write(t)).Documents...)
	for key, rule := range boletaRules {
		rules[key] = rule
	}
	stated := map[string]judge.Statement{}
	for _, s := range judge.Statements() {
		stated[s.Name] = s
	}
	for _, d := range documents {
		rule := rules[fmt.Sprintf("%d/%d", d.Type, d.Folio)]
		want := stated[rule]
		got := found(d, rule)
		if got == nil || got.Level != want.Level || got.Code != want.Code || want.Name == "" {
			t.Errorf("%s, %d/%d: got %s %v, want level %d %s", rule, d.Type, d.Folio, d.State, d.Details, want.Level, want.Code)
		}
		if state := judge.State(d.Findings); d.State != state {
			t.Errorf("%s, %d/%d: got %s, want %s", rule, d.Type, d.Folio, d.State, state)
		}
		delete(stated, rule)
	}
	for name := range stated {
		t.Errorf("no document breaks %s", name)
	}
}

// The same for the rules that are code.
func TestProcedureBreaches(t *testing.T) {
	t.Parallel()
	b, f := strictBench(t, true), folios{}
	wantAccepted(t, b.sendOf(b.textNote(99)))
	drafts, rules := f.file(b, procedureBreaches())
	boletas, boletaRules := f.file(b, boletaProcedureBreaches())
	documents := b.sendOf(drafts...).Documents
	documents = append(documents, b.send(b.company.RUT, b.boletasOf(boletas...).write(t)).Documents...)
	for key, rule := range boletaRules {
		rules[key] = rule
	}
	for _, d := range documents {
		rule := rules[fmt.Sprintf("%d/%d", d.Type, d.Folio)]
		want, known := procedures[rule]
		if got := found(d, rule); !known || got == nil || got.Level != want.level || got.Code != want.code {
			t.Errorf("%s, %d/%d: got %s %v, want level %d %s", rule, d.Type, d.Folio, d.State, d.Details, want.level, want.code)
		}
	}
}

// A folio that came before hides every statement that the document breaks.
func TestEarlyRejectionHidesStatements(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	wantAccepted(t, b.sendOf(b.invoice(1)))
	d := b.invoice(1)
	after("FchEmis", tagged("IndNoRebaja", "1"))(b, d)
	set("MntTotal", "10021")(b, d)
	e := b.sendOf(d)
	if len(e.Documents) != 1 || len(e.Documents[0].Findings) != 1 || e.Documents[0].Findings[0].Code != "DTE-3-101" {
		t.Errorf("got %s %+v, want DTE-3-101 alone", e.State, e.Documents)
	}
}

// The strict rules rest unless asked for: each document that breaks only one of
// them is taken.
func TestStrictRulesRest(t *testing.T) {
	t.Parallel()
	strict := map[string]bool{}
	for _, s := range judge.Statements() {
		strict[s.Name] = s.Strict != ""
	}
	b, f := strictBench(t, false), folios{}
	var dtes, boletas []breach
	for _, c := range dteBreaches() {
		if strict[c.rule] {
			dtes = append(dtes, c)
		}
	}
	for _, c := range boletaBreaches() {
		if strict[c.rule] {
			boletas = append(boletas, c)
		}
	}
	drafts, rules := f.file(b, dtes)
	boletaDrafts, _ := f.file(b, boletas)
	documents := b.sendOf(drafts...).Documents
	documents = append(documents, b.send(b.company.RUT, b.boletasOf(boletaDrafts...).write(t)).Documents...)
	for _, d := range documents {
		for _, finding := range d.Findings {
			if strict[finding.Rule] || strings.HasPrefix(finding.Rule, "guide-") && finding.Rule == rules[fmt.Sprintf("%d/%d", d.Type, d.Folio)] {
				t.Errorf("%d/%d: got %+v, want it to rest", d.Type, d.Folio, finding)
			}
		}
	}
}
