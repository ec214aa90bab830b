package audit

import (
	"fmt"
	"strconv"
	"strings"
)

// series is a run of folios.
type series struct {
	env, rut string
	kind     int
}

func (s series) String() string { return fmt.Sprintf("%s/%s/%d", s.env, s.rut, s.kind) }

// id names a document.
type id struct {
	series
	folio int64
}

func (i id) String() string { return fmt.Sprintf("%s/%d", i.series, i.folio) }

// public is the id as callers know it.
func (i id) public() string { return fmt.Sprintf("%s/%d/%d", i.rut, i.kind, i.folio) }

// parseSeries reads .../{environment}/{rut}/{type} out of a name.
func parseSeries(name string) (series, error) {
	parts := strings.Split(strings.TrimSuffix(name, ".json"), "/")
	if len(parts) < 4 {
		return series{}, fmt.Errorf("%s names no series", name)
	}
	kind, err := strconv.Atoi(parts[3])
	return series{env: parts[1], rut: parts[2], kind: kind}, err
}

// parseID reads .../{environment}/{rut}/{type}/{folio} out of a name, whatever follows.
func parseID(name string) (id, error) {
	s, err := parseSeries(name)
	parts := strings.Split(strings.TrimSuffix(name, ".json"), "/")
	if err != nil || len(parts) < 5 {
		return id{}, fmt.Errorf("%s names no document (%w)", name, err)
	}
	folio, err := strconv.ParseInt(parts[4], 10, 64)
	return id{s, folio}, err
}

// claim is claims/….
type claim struct {
	State string `json:"state"` // held, reserved, free, void, foreign
	Key   string `json:"key"`
}

// used tells whether the folio is for a document.
func (c claim) used() bool { return c.State == "held" }

// caf is an authorized range of a company's configuration.
type caf struct {
	Type  int   `json:"type"`
	From  int64 `json:"from"`
	To    int64 `json:"to"`
	First int64 `json:"first"`
}

// company is companies/….
type company struct {
	RUT    string `json:"rut"`
	Blocks map[string]struct {
		CAFs []caf `json:"cafs"`
	} `json:"blocks"`
}

// request is req/….
type request struct {
	Environment string `json:"environment"`
	RUT         string `json:"rut"`
	Type        int    `json:"type"`
	Folio       int64  `json:"folio"`
	Expires     any    `json:"expires"` // of a reservation
}

func (r request) id() id { return id{series{r.Environment, r.RUT, r.Type}, r.Folio} }

// record is doc/….
type record struct {
	Answer    string   `json:"answer"`
	Key       string   `json:"key"`
	Version   int      `json:"version"`
	Tombstone string   `json:"tombstone"`
	Status    string   `json:"status"`
	Envelope  int64    `json:"envelope"`
	Tracks    []string `json:"tracks"`
	Seq       int      `json:"seq"` // changes of the status so far
}

func (r record) accepted() bool {
	return r.Status == "accepted" || r.Status == "accepted_with_remarks"
}

// plan is envelopes/… of the state bucket.
type plan struct {
	Environment string `json:"environment"`
	RUT         string `json:"rut"`
	Channel     string `json:"channel"`
	Number      int64  `json:"number"`
	Documents   []struct {
		Type    int   `json:"type"`
		Folio   int64 `json:"folio"`
		Version int   `json:"version"`
	} `json:"documents"`
	State  string   `json:"state"` // open, parked, received, refused, done
	Tracks []string `json:"tracks"`
}

func (p plan) chain() string { return p.Environment + "/" + p.RUT + "/" + p.Channel }

func (p plan) String() string { return fmt.Sprintf("%s/%d", p.chain(), p.Number) }

// archived is the name of the plan's envelope in the archive.
func (p plan) archived() string {
	return fmt.Sprintf("envelopes/%s/%010d.xml", p.chain(), p.Number)
}

func (p plan) ids() []id { // in the order of Documents
	all := make([]id, len(p.Documents))
	for i, d := range p.Documents {
		all[i] = id{series{p.Environment, p.RUT, d.Type}, d.Folio}
	}
	return all
}

// judged is a document in the SII's registry.
type judged struct {
	Environment string `json:"environment"`
	Issuer      string `json:"issuer"`
	Type        int    `json:"type"`
	Folio       int64  `json:"folio"`
	Total       string `json:"total"`
	State       string `json:"state"` // DOK, RLV, RPR, RCH
	TrackID     string `json:"track_id"`
}

func (j judged) id() id { return id{series{j.Environment, j.Issuer, j.Type}, j.Folio} }

// verdicts are what the states of the registry mean to callers.
var verdicts = map[string]string{
	"DOK": "accepted", "RLV": "accepted_with_remarks", "RPR": "accepted_with_remarks", "RCH": "rejected",
}

// upload is an envelope in the SII's registry.
type upload struct {
	Environment string `json:"environment"`
	Channel     string `json:"channel"`
	TrackID     string `json:"track_id"`
	Company     string `json:"company"`
	SHA256      string `json:"sha256"`
	State       string `json:"state"`
	Sent        int    `json:"sent"`
}
