package downloadreceived_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/supplier"
	"timbre/shared/claim"
	"timbre/shared/received"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// TestClaims runs on one world: making one takes longer than most of these.
func TestClaims(t *testing.T) {
	t.Parallel()
	world := makeClaimWorld(t)
	for name, test := range map[string]func(*testing.T, *claimRig){
		"a supplier's invoice": testWholeWay,
		"again":                testAgain,
		"many at once":         testAtOnce,
		"answer lost":          testAnswerLost,
		"chaos":                testChaos,
		"out of order":         testOutOfOrder,
		"another instead":      testAnotherInstead,
		"late for good":        testPendingTooLong,
		"not at the SII":       testNotAtSII,
		"bad requests":         testBadResponses,
		"reminders":            testReminders,
		"answered in time":     testAnsweredInTime,
		"paid in cash":         testPaidInCash,
		"reception comes late": testReceptionLate,
		"tokens of production": testTokenSource,
		"tokens die":           testTokensDie,
		"no certificate":       testNoCertificate,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newClaimRig(t, world))
		})
	}
}

// testWholeWay: a supplier mails an invoice and sends it to the SII; the buyer's tick learns when it came, proves by
// its signature that it is the one in hand, and a person accepts it.
func testWholeWay(t *testing.T, r *claimRig) {
	bot, err := supplier.New(r.world.dir, "b")
	if err != nil {
		t.Fatal(err)
	}
	odd := supplier.Oddities()[0]
	letter, err := bot.Letter(odd, supplier.Order{Receiver: buyer.String(), To: "dte@empresa.example", Folio: 5, At: noon})
	if err != nil {
		t.Fatal(err)
	}
	if w := call(r.handler, http.MethodPost, "/v1/received?company="+buyer.String(), letter.Mails[0], ""); w.Code != http.StatusOK {
		t.Fatalf("post: %d %s", w.Code, w.Body)
	}
	r.tick()
	if got := r.respond(5, claim.ACD); got.code != "not-at-sii" || got.sii != "FAU" {
		t.Errorf("before the supplier sent it to the SII: %+v", got)
	}
	sender := sii.New(store.NewBucket(store.NewMemory()), r.clock, sii.Options{BaseURL: r.sii.URL}).As(store.Certificacion, sii.PersonOf(r.identity("b")))
	if result, err := sender.Upload(t.Context(), other, "x.xml", envelopeOf(t, bot, 5)); err != nil || result.Status != sii.StatusReceived {
		t.Fatalf("upload: %+v, %v", result, err)
	}
	uploaded := r.clock()
	for range 12 {
		r.advance(5 * time.Minute)
		r.tick()
	}
	record := r.record(5)
	if record.Main().SII == nil || !record.Main().SII.Exact || !record.SIIReceivedAt.Equal(uploaded) || record.ClaimDeadline.IsZero() {
		t.Fatalf("the SII's word %+v, received %s", record.Main().SII, record.SIIReceivedAt)
	}
	if got := r.respond(5, claim.ERM); got.status != http.StatusOK || r.held(5) != "ERM" {
		t.Errorf("got %+v, the SII holds %q", got, r.held(5))
	}
}

// testAgain: a repeat enters nothing, and what may follow is entered.
func testAgain(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	first := r.respond(1, claim.ACD)
	if first.status != http.StatusOK || first.State != received.StateAccepted || first.Reason != "porque sí" || first.ClaimDeadline == nil {
		t.Fatalf("got %+v", first)
	}
	if want := claim.TermOf(noon, santiago(t)).Ends.Format(time.RFC3339); *first.ClaimDeadline != want {
		t.Errorf("deadline %s, want %s", *first.ClaimDeadline, want)
	}
	for range 3 {
		r.advance(time.Minute)
		again := r.respond(1, claim.ACD)
		if diff := cmp.Diff(first, again, cmp.AllowUnexported(answer{})); diff != "" {
			t.Errorf("a repeat differs (-first +again):\n%s", diff)
		}
	}
	if n := r.wire.count(opEnter); n != 1 {
		t.Errorf("entered %d times", n)
	}
	if got := r.respond(1, claim.ERM); got.status != http.StatusOK || len(got.Claims) != 2 || r.held(1) != "ACD ERM" {
		t.Errorf("receipt after acceptance: %+v, the SII holds %s", got, r.held(1))
	}
	if got := r.respond(1, claim.RCD); got.status != http.StatusConflict || got.sii != "11" {
		t.Errorf("claim after acceptance: %+v", got)
	}
}

// testAtOnce: the same request many times at once, and two that contradict each other.
func testAtOnce(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.plant(2, nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := r.respond(1, claim.ACD); got.status != http.StatusOK {
				t.Errorf("got %+v", got)
			}
		})
	}
	got := make([]answer, 2)
	for i, a := range []claim.Action{claim.ACD, claim.RCD} {
		group.Go(func() { got[i] = r.respond(2, a) })
	}
	group.Wait()
	for range 20 {
		r.advance(time.Minute)
		r.tick()
	}
	if r.states(1) != "ACD recorded" || r.held(1) != "ACD" {
		t.Errorf("%s, the SII holds %q", r.states(1), r.held(1))
	}
	for i, a := range []string{"ACD", "RCD"} {
		if won := r.held(2) == a; won != (got[i].status == http.StatusOK) && got[i].status != http.StatusConflict {
			t.Errorf("%s: got %+v, the SII holds %q", a, got[i], r.held(2))
		}
	}
	record := r.record(2)
	if record.Pending() != nil || len(record.Claims) != 1 || record.Claims[0].Action != r.held(2) {
		t.Errorf("%s, claims %+v, the SII holds %q", r.states(2), record.Claims, r.held(2))
	}
}

// testAnswerLost: the connection dies before or after the SII has recorded the event; its list decides.
func testAnswerLost(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.plant(2, nil)
	r.wire.cutNext("after")
	if got := r.respond(1, claim.RCD); got.status != http.StatusOK || got.State != received.StateClaimed || r.wire.count(opEnter) != 1 {
		t.Errorf("recorded, answer lost: %+v after %d calls", got, r.wire.count(opEnter))
	}
	r.wire.cutNext("before")
	if got := r.respond(2, claim.ERM); got.status != unavailable || r.states(2) != "ERM pending" || r.held(2) != "" {
		t.Errorf("not recorded: %+v, %s, the SII holds %q", got, r.states(2), r.held(2))
	}
	if got := r.respond(2, claim.ERM); got.status != http.StatusOK || r.states(2) != "ERM recorded" || r.held(2) != "ERM" {
		t.Errorf("repeated: %+v, %s, the SII holds %q", got, r.states(2), r.held(2))
	}
}

// testChaos: answers get lost in every way while persons ask, change their minds and go away. In the end the record says
// what the SII holds, and nothing that nobody asked for is there.
func testChaos(t *testing.T, r *claimRig) {
	random := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a test that must repeat itself
	actions := []claim.Action{claim.ACD, claim.ERM, claim.RCD, claim.RFP, claim.RFT}
	asked := map[int64]string{}
	const documents = 24
	for folio := int64(1); folio <= documents; folio++ {
		r.plant(folio, nil)
	}
	r.tick()
	for range 6 * documents {
		folio, action := 1+random.Int64N(documents), actions[random.IntN(len(actions))]
		switch random.IntN(5) {
		case 0:
			r.wire.cutNext("before")
		case 1:
			r.wire.cutNext("after")
		case 2:
			r.wire.silence(1+random.IntN(6), opEvents, opEnter)
		case 3:
			r.advance(time.Duration(random.IntN(400)) * time.Second)
			r.tick()
		}
		asked[folio] += string(action) + " "
		r.respond(folio, action)
	}
	r.wire.silence(0, opEvents, opEnter)
	r.wire.cutNext("")
	for range 40 {
		r.advance(time.Minute)
		r.tick()
	}
	entered := 0
	for folio := int64(1); folio <= documents; folio++ {
		record, held := r.record(folio), strings.Fields(r.held(folio))
		var noted []string
		for _, c := range record.Claims {
			noted = append(noted, c.Action)
		}
		slices.Sort(noted)
		slices.Sort(held)
		if !slices.Equal(noted, held) || record.Pending() != nil {
			t.Errorf("folio %d: noted %v, the SII holds %v, %s", folio, noted, held, r.states(folio))
		}
		for _, a := range held {
			entered++
			if !strings.Contains(asked[folio], a) {
				t.Errorf("folio %d: %s was never asked for", folio, a)
			}
		}
	}
	if entered < documents {
		t.Errorf("only %d events", entered)
	}
}

// testOutOfOrder: what a person asked for while the SII was out of order the tick enters later, once.
func testOutOfOrder(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.tick()
	r.wire.silence(1000, opEnter, opEvents, opReception)
	got := r.respond(1, claim.RFT)
	if got.status != unavailable || !strings.Contains(got.detail, "quedó anotada") || r.states(1) != "RFT pending" {
		t.Fatalf("got %+v, %s", got, r.states(1))
	}
	r.advance(6 * time.Minute)
	r.tick()
	if r.states(1) != "RFT pending" {
		t.Errorf("still out of order: %s", r.states(1))
	}
	r.wire.silence(0, opEnter, opEvents, opReception)
	for range 30 {
		r.advance(time.Minute)
		r.tick()
	}
	record := r.record(1)
	if r.states(1) != "RFT recorded" || r.held(1) != "RFT" || record.State != received.StateClaimed || record.Claims[0].Reason != "porque sí" {
		t.Errorf("%s, the SII holds %q, record %+v", r.states(1), r.held(1), record)
	}
}

// testAnotherInstead: a person changes his mind while the first response waits; only the second is entered.
func testAnotherInstead(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.tick()
	r.wire.silence(1, opEnter)
	if got := r.respond(1, claim.RCD); got.status != unavailable {
		t.Fatalf("got %+v", got)
	}
	if got := r.respond(1, claim.ACD); got.status != http.StatusOK {
		t.Errorf("got %+v", got)
	}
	for range 30 {
		r.advance(time.Minute)
		r.tick()
	}
	if r.states(1) != "RCD replaced, ACD recorded" || r.held(1) != "ACD" {
		t.Errorf("%s, the SII holds %q", r.states(1), r.held(1))
	}
}

// testPendingTooLong: a response that the SII does not take until its time is over ends as refused, not before.
func testPendingTooLong(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.tick()
	r.wire.silence(1<<30, opEnter)
	r.respond(1, claim.ERM)
	for range 8*24 - 1 {
		r.advance(time.Hour)
		r.tick()
		if r.states(1) != "ERM pending" {
			t.Fatalf("at %s: %s", r.clock(), r.states(1))
		}
	}
	for range 4 {
		r.advance(time.Hour)
		r.tick()
	}
	record := r.record(1)
	if r.states(1) != "ERM refused" || *record.Responses[0].Code != claim.TooLate || record.State != received.StateAccepted {
		t.Errorf("%s, state %s", r.states(1), record.State)
	}
	if diff := cmp.Diff([]string{"claim.deadline." + subject(1) + ".3", "claim.deadline." + subject(1) + ".1"}, r.alerts()); diff != "" {
		t.Errorf("alerts of what is only pending (-want +got):\n%s", diff)
	}
}

func subject(folio int64) string { return fmt.Sprintf("%s.33.%d", other, folio) }

// testNotAtSII: neither accepted nor claimed is what the SII does not have, or has with other data or signature.
func testNotAtSII(t *testing.T, r *claimRig) {
	r.mail(1)
	r.plant(2, func(p *fakesii.Plant) { p.Total++ })
	r.plant(3, func(p *fakesii.Plant) { p.Signature = "YW5vdGhlcg==" })
	for folio, state := range map[int64]string{1: "FAU", 2: "DNK", 3: "DNK"} {
		for _, a := range []claim.Action{claim.ACD, claim.RCD, claim.ERM, claim.RFP, claim.RFT} {
			got := r.respond(folio, a)
			if got.status != http.StatusConflict || got.code != "not-at-sii" || got.sii != state || r.states(folio) != "" {
				t.Errorf("folio %d, %s: got %+v, %s", folio, a, got, r.states(folio))
			}
		}
	}
	if n := r.wire.count(opEnter) + r.wire.count(opEvents); n != 0 {
		t.Errorf("%d calls of the register", n)
	}
	// The supplier sends it after all.
	p := fakesii.Plant{Issuer: other.String(), Type: 33, Folio: 1, Date: "2026-11-20", Receiver: buyer.String(), ReceivedAt: r.clock(), Signature: "c2lnbmVk"}
	p.Total = 1190
	if err := r.sii.Change("documents", p); err != nil {
		t.Fatal(err)
	}
	if got := r.respond(1, claim.ACD); got.status != http.StatusOK {
		t.Errorf("received after all: %+v", got)
	}
}

func testBadResponses(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.mail(2)
	path := respondPath(1)
	long := strings.Repeat("ñ", 501)
	for _, test := range []struct {
		path, body string
		status     int
		code       string
	}{
		{path, `{"action":"NCA"}`, 422, "invalid-request"}, {path, `{"action":"acd"}`, 422, "invalid-request"}, {path, `{}`, 422, "invalid-request"},
		{path, `{"action":"ACD","reason":"` + long + `"}`, 422, "invalid-request"}, {path, `{"action":"ACD","motivo":"x"}`, 422, "invalid-request"},
		{path, `[`, 400, "unreadable-body"},
		{respondPath(99), `{"action":"ACD"}`, 404, "not-found"},
		{strings.Replace(path, "/33/", "/35/", 1), `{"action":"ACD"}`, 404, "not-found"},
		{strings.Replace(path, buyer.String(), other.String(), 1), `{"action":"ACD"}`, 403, "forbidden"},
	} {
		w := call(r.handler, http.MethodPost, test.path, []byte(test.body), "application/json")
		if w.Code != test.status || !strings.Contains(w.Body.String(), "urn:dte:problem:"+test.code) {
			t.Errorf("%s %.60s: %d %s", test.path, test.body, w.Code, w.Body)
		}
	}
	note := id(7)
	note.Type = 61
	if _, err := received.Add(t.Context(), r.state, note, received.Variant{At: noon, Receiver: buyer, IssueDate: "2026-11-20", Total: "1"}); err != nil {
		t.Fatal(err)
	}
	w := call(r.handler, http.MethodPost, "/v1/received/"+note.String()+"/response", []byte(`{"action":"ACD"}`), "application/json")
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "claim-impossible") {
		t.Errorf("a nota de crédito: %d %s", w.Code, w.Body)
	}
	if n := r.wire.count(opEnter); n != 0 || r.states(1) != "" {
		t.Errorf("%d entered, %s", n, r.states(1))
	}
}

// testTokenSource: where the register of certificacion wants tokens of production, the setting gives them.
func testTokenSource(t *testing.T, r *claimRig) {
	yes := true
	if err := r.sii.Change("switches", fakesii.Switches{ClaimsWantProduction: &yes}); err != nil {
		t.Fatal(err)
	}
	r.plant(1, nil)
	if got := r.respond(1, claim.ACD); got.status != unavailable || r.states(1) != "ACD pending" {
		t.Errorf("its own tokens: %+v, %s", got, r.states(1))
	}
	r.tokens = store.Produccion
	r.handler = r.instance(r.memory, nil)
	if got := r.respond(1, claim.ACD); got.status != http.StatusOK || r.held(1) != "ACD" {
		t.Errorf("tokens of production: %+v", got)
	}
}

// testTokensDie: a token that died meanwhile is renewed within the call.
func testTokensDie(t *testing.T, r *claimRig) {
	for folio := int64(1); folio <= 4; folio++ {
		r.plant(folio, nil)
		if got := r.respond(folio, claim.ERM); got.status != http.StatusOK {
			t.Errorf("folio %d: %+v", folio, got)
		}
		r.advance(49 * time.Minute)
	}
}

func testNoCertificate(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	if err := r.memory.Delete(t.Context(), store.CompanyConfig(buyer).String(), generationOf(t, r)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.state.Create(t.Context(), store.CompanyConfig(buyer), []byte(`{"rut":"`+buyer.String()+`","active":"certificacion"}`), nil); err != nil {
		t.Fatal(err)
	}
	if got := r.respond(1, claim.ACD); got.status != http.StatusConflict || got.code != "certificate-missing" {
		t.Errorf("got %+v", got)
	}
}

func generationOf(t *testing.T, r *claimRig) int64 {
	t.Helper()
	o, err := r.state.Read(t.Context(), store.CompanyConfig(buyer))
	if err != nil {
		t.Fatal(err)
	}
	return o.Generation
}
