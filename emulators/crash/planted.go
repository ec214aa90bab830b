package crash

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"timbre/emulators/audit"
)

// Aim is a short campaign aimed at one planted bug (package planted of the product).
type Aim struct {
	Bug   string
	Rules []audit.Rule // that the audit must find broken, one of them at least
	aim   func(*Options)
}

// Aims are those of all planted bugs.
var Aims = []Aim{
	{"free-unbound", []audit.Rule{audit.OneKeyPerFolio}, func(o *Options) {
		o.Only, o.Holds, o.HoldMost, o.KillEvery = []string{"generate-sign before create req"}, 1, 8*time.Second, 100*time.Millisecond
		o.Documents, o.Busy, o.Kills, o.Hits = 100_000, 25*time.Second, 0, 0
		hasten(o)
	}},
	{"second-folio", []audit.Rule{audit.OneFolioPerKey}, func(o *Options) { o.Documents = 150 }},
	{"store-behind", []audit.Rule{audit.OneSignedFile, audit.ReplayEqual}, func(o *Options) {
		o.Only = []string{"generate-sign before create archive dte", "generate-sign after create doc"}
		o.Documents, o.Kills, o.Holds, o.HoldMost = 250, 8, 0.5, 8*time.Second
	}},
	{"forget-envelope", []audit.Rule{audit.OnePlan, audit.OnceAtSII}, func(o *Options) {
		o.Only, o.Documents, o.Kills = []string{"send before delete outbox", "send after upload"}, 200, 4
	}},
	{"resign", []audit.Rule{audit.AsArchived, audit.OnceAtSII}, func(o *Options) {
		o.Only, o.Documents, o.Kills = []string{"send after upload"}, 60, 3
	}},
	{"new-envelope", []audit.Rule{audit.OnceAtSII, audit.FalseRed, audit.FalseGreen}, func(o *Options) { o.Documents, o.LostUploads = 60, 3 }},
	{"drop-outbox", []audit.Rule{audit.NothingMoves}, func(o *Options) {
		o.Only, o.Documents, o.Quiet, o.Swallow = []string{"send after upload"}, 30, 12*time.Second, 1
	}},
	{"epr-accepts", []audit.Rule{audit.FalseGreen}, func(o *Options) { o.Documents = 250 }},
}

// hasten lets sweeps come at once. Their entries then are removed before all that they cover is claimed,
// which is harmless where more orders follow.
func hasten(o *Options) {
	o.Announced = true
	o.Function = map[string]string{"SWEEP_AFTER": "1s", "SWEEP_EVERY": "1s", "SWEEP_GRACE": "1s"}
}

// Options of the campaign: those given, aimed.
func (a Aim) Options(o Options) Options {
	o.Profile, o.Busy, o.Settle, o.Quiet, o.Kills, o.Hits = "calm", 40*time.Second, 25*time.Second, 0, 0, 0
	o.Instances, o.Clients, o.KillEvery, o.Holds, o.Swallow = 3, 16, 200*time.Millisecond, 0, 0
	o.Function = map[string]string{}
	a.aim(&o)
	o.Function["PLANTED_BUG"] = a.Bug
	o.Function["UPLOAD_TIMEOUT"], o.Function["TOKEN_WAIT"] = "1s", "2s"
	return o
}

// Found tells which of the expected rules a report names.
func (a Aim) Found(r *Result) []audit.Rule {
	var found []audit.Rule
	for _, v := range r.Violations {
		if slices.Contains(a.Rules, v.Rule) && !slices.Contains(found, v.Rule) {
			found = append(found, v.Rule)
		}
	}
	return found
}

// RunAims plants each bug, or those that are named, and demands that the audit finds it. Without the bugs
// (control) it demands that nothing is found.
func RunAims(ctx context.Context, o Options, names []string, control bool, say func(string, ...any)) error {
	var missed []string
	for _, a := range Aims {
		if len(names) > 0 && !slices.Contains(names, a.Bug) {
			continue
		}
		aimed := a.Options(o)
		if control {
			delete(aimed.Function, "PLANTED_BUG")
			aimed.Settle = 4 * time.Minute // a change of which no message told is told two minutes later
		}
		result, err := Run(ctx, aimed, func(string, ...any) {})
		if err != nil {
			return fmt.Errorf("%s: %w", a.Bug, err)
		}
		found := a.Found(result)
		say("%-15s %4d documents, %3d deaths, found %v; broken are %v", a.Bug, result.Documents, result.Kills, found, result.Broken())
		if control && !result.Green() || !control && len(found) == 0 {
			missed = append(missed, a.Bug)
		}
		if control && !result.Green() {
			say("%v", result.Violations[:min(len(result.Violations), 5)])
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("not as it should be: %s", strings.Join(missed, ", "))
	}
	return nil
}
