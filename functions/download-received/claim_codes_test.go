package downloadreceived_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/claims"
	"timbre/emulators/sii/supplier"
	"timbre/shared/claim"
	"timbre/shared/mailbox/parts"
	"timbre/shared/received"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// codeCase is a state of the SII and of the wire, an action, and what a caller is told.
type codeCase struct {
	name    string
	prepare func(r *claimRig, folio int64)
	action  claim.Action
	// status, problem and sii are the answer's; states the responses afterwards; held the SII's events.
	status                     int
	problem, sii, states, held string
}

const (
	hideList    = 3 // tries of one question
	unavailable = 503
	conflict    = 409
)

// hidden lets the function know nothing of what the SII holds until it has entered the action.
func hidden(r *claimRig) { r.wire.silence(hideList, opEvents) }

func scripted(code int) func(*claimRig, int64) {
	return func(r *claimRig, folio int64) {
		r.plant(folio, nil)
		if err := r.sii.Script(fakesii.Answer{Operation: opEnter, Code: &code}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// after has the SII hold events of which the function does not know yet.
func after(hide bool, actions ...claim.Action) func(*claimRig, int64) {
	return func(r *claimRig, folio int64) {
		r.plant(folio, nil)
		r.tick()
		r.enters("a", folio, actions...)
		if hide {
			hidden(r)
		}
	}
}

// codeCases reach every code of ingresarAceptacionReclamoDoc that a receiver can get; those to which no known state of
// the SII leads are scripted.
func codeCases() []codeCase {
	const impossible, closed, pending = "claim-impossible", "claim-closed", "ACD pending"
	return []codeCase{
		{"0", func(r *claimRig, n int64) { r.plant(n, nil) }, claim.ACD, 200, "", "", "ACD recorded", "ACD"},
		{"0 for a receipt after an acceptance", after(false, claim.ACD), claim.ERM, 200, "", "", "ERM recorded", "ACD ERM"},
		{"0 for another claim", after(false, claim.RCD), claim.RFT, 200, "", "", "RFT recorded", "RCD RFT"},
		{"7, the list says so", after(false, claim.ACD), claim.ACD, 200, "", "", "", "ACD"},
		{"7, the SII says so", after(true, claim.ACD), claim.ACD, 200, "", "", "ACD recorded", "ACD"},
		{"6, by the list", after(false, claim.RCD), claim.ERM, conflict, impossible, "6", "", "RCD"},
		{"6", after(true, claim.RCD), claim.ERM, conflict, impossible, "6", "ERM refused", "RCD"},
		{"11, by the list", after(false, claim.ACD), claim.RFP, conflict, impossible, "11", "", "ACD"},
		{"11", after(true, claim.ACD), claim.RFP, conflict, impossible, "11", "RFP refused", "ACD"},
		{"12", after(true, claim.RFT), claim.ACD, conflict, impossible, "12", "ACD refused", "RFT"},
		{"13", after(true, claim.ERM), claim.RCD, conflict, impossible, "13", "RCD refused", "ERM"},
		{"8, by the clock", func(r *claimRig, n int64) {
			r.plant(n, func(p *fakesii.Plant) { p.ReceivedAt = noon.Add(-claims.Term - time.Second) })
		}, claim.RCD, conflict, closed, "8", "", ""},
		{"8", func(r *claimRig, n int64) {
			r.plant(n, func(p *fakesii.Plant) { p.ReceivedAt = noon.Add(-claims.Term - time.Second) })
			r.wire.silence(2*hideList, opReception)
		}, claim.RCD, conflict, closed, "8", "RCD refused", ""},
		{"27", func(r *claimRig, n int64) { r.plant(n, func(p *fakesii.Plant) { p.Payment = "1" }) }, claim.ERM, conflict, closed, "27", "ERM refused", ""},
		{"10", func(r *claimRig, n int64) {
			r.plant(n, func(p *fakesii.Plant) { p.ReceivedAt = claims.Start.Add(-time.Hour) })
			r.wire.silence(2*hideList, opReception)
		}, claim.ACD, conflict, impossible, "10", "ACD refused", ""},
		{"1", scripted(1), claim.ACD, conflict, impossible, "1", "ACD refused", ""},
		{"2", scripted(2), claim.ACD, conflict, impossible, "2", "ACD refused", ""},
		{"3", scripted(3), claim.ACD, conflict, impossible, "3", "ACD refused", ""},
		{"4", scripted(4), claim.ACD, conflict, impossible, "4", "ACD refused", ""},
		{"5", scripted(5), claim.RCD, conflict, impossible, "5", "RCD refused", ""},
		{"19 for a claim of goods", scripted(19), claim.RFT, 200, "", "", "RFT recorded", ""},
		{"19 for an acceptance", scripted(19), claim.ACD, conflict, impossible, "19", "ACD refused", ""},
		{"26", scripted(26), claim.ACD, conflict, impossible, "26", "ACD refused", ""},
		{"28", scripted(28), claim.ACD, conflict, impossible, "28", "ACD refused", ""},
		{"a code of a question", scripted(23), claim.ACD, conflict, impossible, "23", "ACD refused", ""},
		{"-1", scripted(-1), claim.ACD, unavailable, "unavailable", "-1", pending, ""},
		{"9 later", scripted(9), claim.ACD, unavailable, "unavailable", "9", pending, ""},
		{"18 later", scripted(18), claim.ACD, unavailable, "unavailable", "18", pending, ""},
		{"refused, and the list hidden for ever", func(r *claimRig, n int64) {
			scripted(12)(r, n)
			r.wire.silence(1000, opEvents)
		}, claim.ACD, unavailable, "unavailable", "12", pending, ""},
	}
}

// TestEveryClaimCode reaches every code of the register over HTTP, and tells callers what each means.
func TestEveryClaimCode(t *testing.T) {
	t.Parallel()
	world, codes := makeClaimWorld(t), map[int]int{}
	for _, test := range codeCases() {
		r := newClaimRig(t, world)
		test.prepare(r, 1)
		got := r.respond(1, test.action)
		if got.status != test.status || got.code != test.problem || got.sii != test.sii {
			t.Errorf("%s: got %d %s %s (%s), want %d %s %s", test.name, got.status, got.code, got.sii, got.detail, test.status, test.problem, test.sii)
		}
		if states, held := r.states(1), r.held(1); states != test.states || held != test.held {
			t.Errorf("%s: responses %q, the SII holds %q; want %q, %q", test.name, states, held, test.states, test.held)
		}
		if got.status == unavailable && got.detail == "" || got.status == 200 && (got.RecordedAt == "" || got.Action != test.action) {
			t.Errorf("%s: got %+v", test.name, got)
		}
		r.wire.seen(codes)
	}
	strangers(t, world, codes)
	inProcess(t, world, codes)
	assignable(t, world, codes)
	var missing []int
	for code := -1; code <= 28; code++ {
		if codes[code] == 0 {
			missing = append(missing, code)
		}
	}
	if len(missing) != 0 {
		t.Errorf("codes that never came over the wire: %v of %v", missing, codes)
	}
}

// strangers are persons without a permission in the receiving company: 14 and 17.
func strangers(t *testing.T, world *claimWorld, codes map[int]int) {
	t.Helper()
	for _, test := range []struct {
		signer string
		hide   bool
		sii    string
	}{{"c", false, "14"}, {"b", true, "17"}} {
		r := newClaimRig(t, world)
		r.plant(1, nil)
		r.tick()
		r.enters("a", 1, claim.ERM)
		r.signer = test.signer
		if test.hide {
			hidden(r)
		}
		if got := r.respond(1, claim.ACD); got.status != conflict || got.code != "sii-permission" || got.sii != test.sii {
			t.Errorf("signer of %s: got %d %s %s", test.signer, got.status, got.code, got.sii)
		}
		r.wire.seen(codes)
	}
}

// inProcess is a document that the supplier has uploaded and that the SII has not judged: 18, and nothing is noted.
func inProcess(t *testing.T, world *claimWorld, codes map[int]int) {
	t.Helper()
	r := newClaimRig(t, world)
	bot, err := supplier.New(world.dir, "b")
	if err != nil {
		t.Fatal(err)
	}
	envelope := envelopeOf(t, bot, 1)
	sender := sii.New(store.NewBucket(store.NewMemory()), r.clock, sii.Options{BaseURL: r.sii.URL}).As(store.Certificacion, sii.PersonOf(r.identity("b")))
	if result, err := sender.Upload(t.Context(), other, "x.xml", envelope); err != nil || result.Status != sii.StatusReceived {
		t.Fatalf("upload: %+v, %v", result, err)
	}
	r.mail(1)
	if _, err := received.Update(t.Context(), r.state, id(1), func(r *received.Record) error { // the SII is not asked for it here
		r.Variants[0].SII = &received.AtSII{Standing: "registered"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := r.respond(1, claim.ACD); got.status != unavailable || got.sii != "18" || r.states(1) != "" {
		t.Errorf("in process: got %d %s %s, responses %q", got.status, got.code, got.sii, r.states(1))
	}
	r.wire.seen(codes)
}

// assignable reaches the codes of consultarDocDteCedible, and 9, 15 and 16 of the list.
func assignable(t *testing.T, world *claimWorld, codes map[int]int) {
	t.Helper()
	r := newClaimRig(t, world)
	for folio := int64(1); folio <= 5; folio++ {
		r.plant(folio, func(p *fakesii.Plant) {
			if folio == 4 {
				p.ReceivedAt = noon.Add(-claims.Term - time.Second)
			}
		})
	}
	r.plant(6, func(p *fakesii.Plant) { p.Type = 61 })
	r.enters("a", 2, claim.ERM)
	r.enters("a", 3, claim.RCD)
	desk := r.client().Claims(store.Certificacion, sii.PersonOf(r.identity("a")), santiago(t))
	got := map[int64]string{}
	for folio := int64(1); folio <= 6; folio++ {
		k := sii.Received{Issuer: other, Type: 33, Folio: folio}
		if folio == 6 {
			k.Type = 61
		}
		said, err := desk.Assignable(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		list, listed, err := desk.Events(t.Context(), sii.Received{Issuer: other, Type: 33, Folio: folio})
		if err != nil {
			t.Fatal(err)
		}
		got[folio] = fmt.Sprintf("%d %d %d", said.Code, listed.Code, len(list))
	}
	want := map[int64]string{1: "22 16 0", 2: "23 15 1", 3: "24 15 1", 4: "25 16 0", 5: "22 16 0", 6: "20 9 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cedible, list, events (-want +got):\n%s", diff)
	}
	for want, k := range map[claim.Code]sii.Received{ // what no route of ours lets through
		claim.BadFolio: {Issuer: other, Type: 33}, claim.BadType: {Issuer: other, Type: 61, Folio: 1},
		claim.BadAction: {Issuer: other, Type: 33, Folio: 5}, claim.NoRecords: {Issuer: other, Type: 33, Folio: 99},
	} {
		action := claim.ERM
		if want == claim.BadAction {
			action = claim.NCA
		}
		if said, err := desk.Enter(t.Context(), k, action); err != nil || said.Code != want {
			t.Errorf("%+v: got %d, %v", k, said.Code, err)
		}
	}
	code := 21 // annulled by a nota de crédito, which only an upload brings
	if err := r.sii.Script(fakesii.Answer{Operation: opCedible, Code: &code}); err != nil {
		t.Fatal(err)
	}
	if said, err := desk.Assignable(t.Context(), sii.Received{Issuer: other, Type: 33, Folio: 5}); err != nil || said.Code != claim.Annulled {
		t.Errorf("scripted: %d, %v", said.Code, err)
	}
	r.wire.seen(codes)
}

// envelopeOf is what a supplier uploads: the copy meant for the SII, as its mail carries it.
func envelopeOf(t *testing.T, bot *supplier.Bot, folio int) []byte {
	t.Helper()
	for _, odd := range supplier.Oddities() {
		if odd.Name != "the SII's copy" {
			continue
		}
		letter, err := bot.Letter(odd, supplier.Order{Receiver: buyer.String(), To: "dte@empresa.example", Folio: folio, At: noon})
		if err != nil {
			t.Fatal(err)
		}
		var found []byte
		if _, err := parts.Walk(letter.Mails[0], parts.Limits{}, func(f parts.File) error {
			found = f.Content
			return nil
		}); err != nil || found == nil {
			t.Fatalf("no file: %v", err)
		}
		return found
	}
	t.Fatal("the supplier writes no such letter")
	return nil
}
