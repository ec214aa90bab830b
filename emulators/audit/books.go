package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Sources are where the audit looks.
type Sources struct {
	Storage  string   // base of the JSON API; its /_control/stats are read too
	State    string   // bucket; empty: timbre-state
	Archive  string   // bucket; empty: timbre-archive
	SII      string   // the simulator's control API
	Journals []string // files that callers kept
	// Deliveries are files of what webhooks took; empty: nobody listened.
	Deliveries []string
	// Announced lets claims stay unfinished whose series has a sweep announced under due/, and changes untold that
	// are due later; they are counted.
	Announced bool
}

// books are all that there is to look at.
type books struct {
	entries    []Entry
	deliveries []Delivery
	listened   bool

	cafs     map[string][]caf // by environment/rut
	claims   map[id]claim
	requests map[string]request // by environment/rut/key
	records  map[id]record
	freed    map[id]bool
	marks    map[series]int64
	plans    []plan
	outbox   map[id]bool
	covered  map[series]bool     // by an announced sweep; empty if none may be
	told     map[id]bool         // by notify, some time: its changes are due; empty if none may be
	logs     map[string][]logged // by environment/rut, in order

	signed    map[id]map[string][]byte // by version
	envelopes map[string][]byte        // by name
	archive   map[string]int64         // counters of the bucket

	judged  []judged
	uploads []upload
}

func gather(ctx context.Context, s Sources) (*books, error) {
	b := &books{
		cafs: map[string][]caf{}, claims: map[id]claim{}, requests: map[string]request{}, records: map[id]record{}, freed: map[id]bool{},
		marks: map[series]int64{}, outbox: map[id]bool{}, signed: map[id]map[string][]byte{}, envelopes: map[string][]byte{},
	}
	state, archive := bucket{s.Storage, orDefault(s.State, "timbre-state")}, bucket{s.Storage, orDefault(s.Archive, "timbre-archive")}
	var err error
	// First what is due, then what it is about, last what callers saw: what is not due by then has been done.
	if b.covered, b.told, err = announced(ctx, state, s.Announced); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context, bucket) error{b.readCompanies, b.readFolios, b.readHints, b.readSending, b.readLogs} {
		if err := part(ctx, state); err != nil {
			return nil, err
		}
	}
	if err := b.readArchive(ctx, archive); err != nil {
		return nil, err
	}
	if err := b.readJournals(s); err != nil {
		return nil, err
	}
	if s.SII == "" {
		return b, nil
	}
	if err := getJSON(ctx, s.SII+"/_control/documents", &b.judged); err != nil {
		return nil, err
	}
	return b, getJSON(ctx, s.SII+"/_control/envelopes", &b.uploads)
}

func (b *books) readJournals(s Sources) error {
	for _, path := range s.Journals {
		entries, err := readJournal[Entry](path)
		if err != nil {
			return err
		}
		b.entries = append(b.entries, entries...)
	}
	for _, path := range s.Deliveries {
		deliveries, err := readJournal[Delivery](path)
		if err != nil {
			return err
		}
		b.listened, b.deliveries = true, append(b.deliveries, deliveries...)
	}
	return nil
}

func orDefault(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

func getJSON(ctx context.Context, address string, v any) error {
	text, err := get(ctx, address)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("decode %s: %w", address, err)
	}
	return nil
}

func (b *books) readCompanies(ctx context.Context, state bucket) error {
	return each(ctx, state, "companies/", func(_ string, c company) error {
		for env, block := range c.Blocks {
			b.cafs[env+"/"+c.RUT] = append(b.cafs[env+"/"+c.RUT], block.CAFs...)
		}
		return nil
	})
}

// file is a document's signed bytes of a version.
func (b *books) file(i id, version int) []byte { return b.signed[i][fmt.Sprintf("%d.xml", version)] }

func (b *books) readFolios(ctx context.Context, state bucket) error {
	err := each(ctx, state, "claims/", func(name string, c claim) error {
		i, err := parseID(name)
		b.claims[i] = c
		return err
	})
	if err != nil {
		return err
	}
	err = each(ctx, state, "req/", func(name string, r request) error {
		b.requests[strings.TrimSuffix(strings.TrimPrefix(name, "req/"), ".json")] = r
		return nil
	})
	if err != nil {
		return err
	}
	return each(ctx, state, "doc/", func(name string, r record) error {
		i, err := parseID(name)
		b.records[i] = r
		return err
	})
}

func (b *books) readHints(ctx context.Context, state bucket) error {
	freed, err := state.list(ctx, "freed/")
	if err != nil {
		return err
	}
	for _, o := range freed {
		i, err := parseID(o.name)
		if err != nil {
			return err
		}
		b.freed[i] = true
	}
	return each(ctx, state, "marks/", func(name string, m struct{ Low int64 }) error {
		s, err := parseSeries(name)
		b.marks[s] = m.Low
		return err
	})
}

func (b *books) readSending(ctx context.Context, state bucket) error {
	err := each(ctx, state, "envelopes/", func(_ string, p plan) error {
		b.plans = append(b.plans, p)
		return nil
	})
	if err != nil {
		return err
	}
	waiting, err := state.list(ctx, "outbox/")
	if err != nil {
		return err
	}
	for _, o := range waiting { // outbox/{e}/{rut}/{channel}/{type}-{folio}
		parts := strings.Split(o.name, "/")
		if len(parts) != 5 {
			return fmt.Errorf("%s names no document", o.name)
		}
		i, err := parseID(strings.Join([]string{parts[0], parts[1], parts[2], strings.Replace(parts[4], "-", "/", 1)}, "/"))
		if err != nil {
			return err
		}
		b.outbox[i] = true
	}
	return nil
}

func (b *books) readArchive(ctx context.Context, archive bucket) error {
	signed, err := archive.readAll(ctx, "dte/")
	if err != nil {
		return err
	}
	for _, o := range signed {
		i, err := parseID(o.name)
		if err != nil {
			return err
		}
		if b.signed[i] == nil {
			b.signed[i] = map[string][]byte{}
		}
		b.signed[i][o.name[strings.LastIndexByte(o.name, '/')+1:]] = o.data
	}
	sent, err := archive.readAll(ctx, "envelopes/")
	if err != nil {
		return err
	}
	for _, o := range sent {
		b.envelopes[o.name] = o.data
	}
	var stats map[string]map[string]int64
	if err := getJSON(ctx, archive.base+"/_control/stats", &stats); err != nil {
		return err
	}
	b.archive = stats[archive.name]
	return nil
}
