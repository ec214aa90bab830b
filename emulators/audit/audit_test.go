package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/audit"
	"timbre/emulators/gcs"
)

const (
	firm = "certificacion/76400123-0"
	// keyA and keyB are the SHA-256 of the keys "a" and "b".
	keyA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
	keyB = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
	keyC = "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6"
)

type object = map[string]any

// books are what an audit looks at; those of newBooks are in order.
type books struct {
	state, archive map[string]any // by name; text as it is, all else as JSON
	judged         []object
	uploads        []object
	journal        []audit.Entry
	deliveries     []audit.Delivery
	announced      bool
	overwrite      string // an object of the archive that is overwritten
}

func signed(folio int) string {
	return fmt.Sprintf("<DTE><RUTEmisor>76400123-0</RUTEmisor><TipoDTE>33</TipoDTE><Folio>%d</Folio><MntTotal>1190</MntTotal></DTE>", folio)
}

func answer(folio int) string { return fmt.Sprintf(`{"id":"76400123-0/33/%d"}`, folio) }

func claim(key string) object { return object{"state": "held", "key": key} }

func request(folio int) object {
	return object{"environment": "certificacion", "rut": "76400123-0", "type": 33, "folio": folio}
}

func record(key string, folio int, status string) object {
	return object{"answer": answer(folio), "key": key, "version": 1, "status": status, "envelope": 1, "tracks": []string{"77"}, "seq": 2}
}

func event(folio, seq int) string {
	return fmt.Sprintf("certificacion.76400123-0.33.%d.%d", folio, seq)
}

func delivery(folio, seq int, status string) audit.Delivery {
	return audit.Delivery{
		ID: event(folio, seq), Event: "document.status", Environment: "certificacion", Company: "76400123-0", Type: 33, Folio: int64(folio),
		Status: status, Seq: seq,
	}
}

func judged(folio int, state string) object {
	return object{"environment": "certificacion", "issuer": "76400123-0", "type": 33, "folio": folio, "total": "1190", "state": state, "track_id": "0077"}
}

func plan(n int, state string, folios ...int) object {
	var documents []object
	for _, f := range folios {
		documents = append(documents, object{"type": 33, "folio": f, "version": 1})
	}
	return object{"environment": "certificacion", "rut": "76400123-0", "channel": "dte", "number": n, "documents": documents, "state": state, "tracks": []string{"77"}}
}

// newBooks hold two invoices, one accepted and one rejected, and a folio that was given back.
func newBooks() *books {
	envelope := "<EnvioDTE>" + signed(1) + signed(2) + "</EnvioDTE>"
	return &books{
		state: map[string]any{
			"companies/76400123-0.json":              object{"rut": "76400123-0", "blocks": object{"certificacion": object{"cafs": []object{{"type": 33, "from": 1, "to": 100, "first": 1}}}}},
			"claims/" + firm + "/33/0000000001.json": claim(keyA), "claims/" + firm + "/33/0000000002.json": claim(keyB),
			"claims/" + firm + "/33/0000000003.json": object{"state": "free"}, "freed/" + firm + "/33/0000000003": "",
			"marks/" + firm + "/33.json":                 object{"low": 3},
			"req/" + firm + "/" + keyA + ".json":         request(1),
			"req/" + firm + "/" + keyB + ".json":         request(2),
			"doc/" + firm + "/33/0000000001.json":        record(keyA, 1, "accepted"),
			"doc/" + firm + "/33/0000000002.json":        record(keyB, 2, "rejected"),
			"envelopes/" + firm + "/dte/0000000001.json": plan(1, "done", 1, 2),
			"log/" + firm + "/events/000000000001.json":  object{"id": event(1, 1)}, "log/" + firm + "/events/000000000002.json": object{"id": event(2, 1)},
			"log/" + firm + "/events/000000000003.json": object{"id": event(2, 2)}, "log/" + firm + "/events/000000000004.json": object{"id": event(1, 2)},
		},
		archive: map[string]any{
			"dte/" + firm + "/33/0000000001/1.xml": `<?xml version="1.0"?>` + "\n" + signed(1) + "\n", "dte/" + firm + "/33/0000000002/1.xml": signed(2),
			"envelopes/" + firm + "/dte/0000000001.xml": envelope,
		},
		judged:  []object{judged(1, "DOK"), judged(2, "RCH")},
		uploads: []object{{"track_id": "0077", "company": "76400123-0", "sha256": audit.Hash([]byte(envelope)), "state": "EPR", "sent": 2}},
		journal: []audit.Entry{
			{Key: "a", Environment: "certificacion", Company: "76400123-0", Status: 201, ID: "76400123-0/33/1", Total: "1190", Answer: audit.Hash([]byte(answer(1)))},
			{Key: "a", Environment: "certificacion", Company: "76400123-0", Status: 200, ID: "76400123-0/33/1", Answer: audit.Hash([]byte(answer(1)))},
			{Key: "bad", Environment: "certificacion", Company: "76400123-0", Status: 422},
		},
		deliveries: []audit.Delivery{
			delivery(1, 1, "sent"), delivery(2, 1, "sent"), delivery(2, 1, "sent"), delivery(1, 2, "accepted"), delivery(2, 2, "rejected"),
			delivery(2, 1, "sent"), {ID: "alert", Event: "folios.low"},
		},
	}
}

// faults are what can be wrong, each with the rules that it breaks.
var faults = map[string]struct {
	spoil func(b *books)
	want  map[audit.Rule]int
}{
	"nothing": {func(*books) {}, map[audit.Rule]int{}},
	"answered, but no document": {func(b *books) {
		b.journal[0].ID, b.journal[0].Answer, b.journal[1].ID = "76400123-0/33/9", "", "76400123-0/33/9"
	}, map[audit.Rule]int{audit.AnswerStands: 2}},
	"another answer":            {func(b *books) { b.journal[1].Answer = "x" }, map[audit.Rule]int{audit.ReplayEqual: 1}},
	"an answer without request": {func(b *books) { b.journal[0].Key = "z" }, map[audit.Rule]int{audit.AnswerStands: 1}},
	"a refusal that holds":      {func(b *books) { b.journal[2].Key = "b" }, map[audit.Rule]int{audit.RefusalTraces: 1}},
	"another caller's content":  {func(b *books) { b.journal[0].Total = "2380" }, map[audit.Rule]int{audit.ContentOfCaller: 2}},
	"a key with two folios":     {(*books).twoFolios, map[audit.Rule]int{audit.OneFolioPerKey: 1, audit.OneKeyPerFolio: 1, audit.Finished: 1}},
	"a folio with two keys":     {func(b *books) { b.state["req/"+firm+"/"+keyB+".json"] = request(1) }, map[audit.Rule]int{audit.OneKeyPerFolio: 3, audit.Finished: 1}},
	"a claim left alone":        {func(b *books) { b.state["claims/"+firm+"/33/0000000004.json"] = claim("c") }, map[audit.Rule]int{audit.Finished: 2}},
	"a claim, its sweep is due": {(*books).announce, map[audit.Rule]int{}},
	"a death after signing, its sweep is due": {func(b *books) {
		b.announce()
		b.archive["dte/"+firm+"/33/0000000004/1.xml"] = signed(4)
		b.state["outbox/"+firm+"/dte/33-0000000004"] = ""
	}, map[audit.Rule]int{}},
	"a claim below the mark":  {func(b *books) { b.announce(); b.state["marks/"+firm+"/33.json"] = object{"low": 5} }, map[audit.Rule]int{audit.Finished: 2}},
	"signed, no document":     {func(b *books) { b.archive["dte/"+firm+"/33/0000000007/1.xml"] = signed(7) }, map[audit.Rule]int{audit.Finished: 1}},
	"signed twice":            {func(b *books) { b.archive["dte/"+firm+"/33/0000000001/2.xml"] = signed(1) }, map[audit.Rule]int{audit.OneSignedFile: 1}},
	"another document's file": {func(b *books) { b.archive["dte/"+firm+"/33/0000000001/1.xml"] = signed(2) }, map[audit.Rule]int{audit.OneSignedFile: 1}},
	"a free folio without hint": {func(b *books) {
		delete(b.state, "freed/"+firm+"/33/0000000003")
		b.state["marks/"+firm+"/33.json"] = object{"low": 4}
	}, map[audit.Rule]int{audit.NoLostFolio: 1}},
	"a hole below the mark": {func(b *books) { delete(b.state, "claims/"+firm+"/33/0000000003.json"); b.hole(5, 6) }, map[audit.Rule]int{audit.NoLostFolio: 3}},
	"in two envelopes": {func(b *books) {
		b.state["envelopes/"+firm+"/dte/0000000002.json"] = plan(2, "done", 1)
		b.copyEnvelope()
	}, map[audit.Rule]int{audit.OnePlan: 1}},
	"names another envelope": {func(b *books) {
		b.state["envelopes/"+firm+"/dte/0000000001.json"] = plan(1, "refused", 1)
		b.state["envelopes/"+firm+"/dte/0000000002.json"] = plan(2, "done", 1, 2)
		b.copyEnvelope()
	}, map[audit.Rule]int{audit.OnePlan: 2}},
	"other bytes at the SII":   {func(b *books) { b.uploads[0]["sha256"] = "x" }, map[audit.Rule]int{audit.AsArchived: 1}},
	"not the signed bytes":     {func(b *books) { b.archive["dte/"+firm+"/33/0000000002/1.xml"] = signed(2) + "<x/>" }, map[audit.Rule]int{audit.AsArchived: 1}},
	"sent, not archived":       {func(b *books) { delete(b.archive, "envelopes/"+firm+"/dte/0000000001.xml") }, map[audit.Rule]int{audit.AsArchived: 2}},
	"twice at the SII":         {func(b *books) { b.judged = append(b.judged, judged(1, "RCH")) }, map[audit.Rule]int{audit.OnceAtSII: 1}},
	"still waits":              {func(b *books) { b.state["outbox/"+firm+"/dte/33-0000000001"] = "" }, map[audit.Rule]int{audit.EmptyOutbox: 1}},
	"an envelope is missing":   {func(b *books) { b.state["envelopes/"+firm+"/dte/0000000003.json"] = plan(3, "refused") }, map[audit.Rule]int{audit.ChainGapless: 1}},
	"an envelope is parked":    {func(b *books) { b.state["envelopes/"+firm+"/dte/0000000001.json"] = plan(1, "parked", 1, 2) }, map[audit.Rule]int{audit.NothingMoves: 1}},
	"the archive was touched":  {func(b *books) { b.overwrite = "dte/" + firm + "/33/0000000001/1.xml" }, map[audit.Rule]int{audit.Untouched: 1}},
	"unknown to us":            {func(b *books) { b.judged = append(b.judged, judged(50, "DOK")) }, map[audit.Rule]int{audit.Unknown: 1}},
	"no verdict":               {func(b *books) { b.state["doc/"+firm+"/33/0000000001.json"] = record(keyA, 1, "sent") }, map[audit.Rule]int{audit.Verdict: 1, audit.Told: 1}},
	"accepted, was rejected":   {func(b *books) { b.judged[0] = judged(1, "RCH") }, map[audit.Rule]int{audit.FalseGreen: 1}},
	"accepted, never judged":   {func(b *books) { b.judged = b.judged[1:] }, map[audit.Rule]int{audit.FalseGreen: 1}},
	"accepted, with remarks":   {func(b *books) { b.judged[0] = judged(1, "RPR") }, map[audit.Rule]int{audit.Verdict: 1}},
	"rejected, was accepted":   {func(b *books) { b.judged[1] = judged(2, "DOK") }, map[audit.Rule]int{audit.FalseRed: 1}},
	"blocked, was accepted":    {func(b *books) { b.state["doc/"+firm+"/33/0000000001.json"] = record(keyA, 1, "blocked") }, map[audit.Rule]int{audit.FalseRed: 1, audit.Told: 1}},
	"under another track":      {func(b *books) { b.judged[0]["track_id"] = "78" }, map[audit.Rule]int{audit.RightTrack: 1}},
	"another status was told":  {func(b *books) { b.deliveries[3].Status = "rejected" }, map[audit.Rule]int{audit.Told: 1}},
	"the last change not told": {func(b *books) { b.deliveries = slices.Delete(b.deliveries, 3, 4) }, map[audit.Rule]int{audit.Told: 1}},
	"it is told later": {func(b *books) {
		b.deliveries = slices.Delete(b.deliveries, 3, 4)
		b.announced = true
		b.state["due/2026-11-24T10:00/notify/document/"+firm+"/33/0000000001/2/1"] = ""
	}, map[audit.Rule]int{}},
	"told in another order": {func(b *books) { b.deliveries[0], b.deliveries[3] = b.deliveries[3], b.deliveries[0] }, map[audit.Rule]int{audit.ToldInOrder: 1}},
	"told of what is not":   {func(b *books) { b.deliveries = append(b.deliveries, delivery(9, 1, "sent")) }, map[audit.Rule]int{audit.Told: 1}},
	"not in the log": {func(b *books) {
		b.state["log/"+firm+"/events/000000000003.json"] = object{"id": event(2, 1)}
	}, map[audit.Rule]int{audit.LogWhole: 2}},
	"a gap in the log":         {func(b *books) { delete(b.state, "log/"+firm+"/events/000000000002.json") }, map[audit.Rule]int{audit.LogWhole: 3}},
	"a boleta that came twice": {(*books).boletaTwice, map[audit.Rule]int{}},
	"a boleta without track id": {func(b *books) {
		b.boletaTwice()
		b.state["doc/"+firm+"/39/0000000001.json"].(object)["tracks"] = []string{} //nolint:forcetypeassert // made so
	}, map[audit.Rule]int{}},
	"a boleta by DTEUpload twice": {func(b *books) {
		b.boletaTwice()
		b.uploads[2]["channel"] = "dte"
	}, map[audit.Rule]int{audit.OnceAtSII: 1}},
	"a boleta held twice":        {func(b *books) { b.boletaTwice(); b.judged[3]["state"] = "DOK" }, map[audit.Rule]int{audit.OnceAtSII: 1}},
	"a document without a claim": {func(b *books) { delete(b.state, "claims/"+firm+"/33/0000000002.json") }, map[audit.Rule]int{audit.OneKeyPerFolio: 1, audit.NoLostFolio: 1}},
}

// twoFolios lets key a use folio 4, too.
func (b *books) twoFolios() {
	b.state["claims/"+firm+"/33/0000000004.json"] = claim(keyA)
	second := record(keyA, 4, "rejected")
	second["seq"] = 0 // nobody was told of it
	b.state["doc/"+firm+"/33/0000000004.json"] = second
	b.archive["dte/"+firm+"/33/0000000004/1.xml"] = signed(4)
}

// boletaTwice lets the SII judge a boleta twice and hold it once.
func (b *books) boletaTwice() {
	text := strings.ReplaceAll(signed(1), ">33<", ">39<")
	b.state["claims/"+firm+"/39/0000000001.json"] = claim(keyC)
	b.state["req/"+firm+"/"+keyC+".json"] = object{"environment": "certificacion", "rut": "76400123-0", "type": 39, "folio": 1}
	b.state["doc/"+firm+"/39/0000000001.json"] = object{
		"answer": "{}", "key": keyC, "version": 1, "status": "accepted", "envelope": 1, "tracks": []string{"79", "80"}, "seq": 0,
	}
	b.archive["dte/"+firm+"/39/0000000001/1.xml"] = text
	b.archive["envelopes/"+firm+"/boleta/0000000001.xml"] = "<EnvioBOLETA>" + text + "</EnvioBOLETA>"
	carried := plan(1, "done", 1)
	carried["channel"], carried["documents"] = "boleta", []object{{"type": 39, "folio": 1, "version": 1}}
	b.state["envelopes/"+firm+"/boleta/0000000001.json"] = carried
	for n, state := range []string{"DOK", "RCH"} {
		b.uploads = append(b.uploads, object{
			"track_id": strconv.Itoa(79 + n), "channel": "boleta", "company": "76400123-0", "state": "EPR", "sent": 1,
			"sha256": audit.Hash([]byte("<EnvioBOLETA>" + text + "</EnvioBOLETA>")),
		})
		j := judged(1, state)
		j["type"], j["track_id"] = 39, strconv.Itoa(79+n)
		b.judged = append(b.judged, j)
	}
}

// announce leaves a claim that a sweep will see.
func (b *books) announce() {
	b.announced = true
	b.state["claims/"+firm+"/33/0000000004.json"] = claim("c")
	b.state["due/2026-11-24T10:00/generate-sign/"+firm+"/33"] = ""
}

// hole gives folio last to key b and says that all below the mark is done.
func (b *books) hole(mark, last int) {
	b.state["marks/"+firm+"/33.json"] = object{"low": mark + 1}
	b.state[fmt.Sprintf("claims/%s/33/%010d.json", firm, last)] = object{"state": "void"}
}

func (b *books) copyEnvelope() {
	b.archive["envelopes/"+firm+"/dte/0000000002.xml"] = b.archive["envelopes/"+firm+"/dte/0000000001.xml"]
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, test := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBooks()
			test.spoil(b)
			report := b.audit(t)
			if diff := cmp.Diff(test.want, report.Broken()); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s\n%v", diff, report.Violations)
			}
		})
	}
}

// TestReport counts, and lists what may be given out.
func TestReport(t *testing.T) {
	t.Parallel()
	report := newBooks().audit(t)
	if diff := cmp.Diff([]string{firm + "/33/3 (given back)"}, report.Free); diff != "" {
		t.Errorf("free folios (-want +got):\n%s", diff)
	}
	got := map[string]int{}
	for _, what := range []string{"keys answered 2xx", "answers 2xx", "keys refused", "documents", "documents accepted", "uploads that the SII saw", "signed files"} {
		got[what] = report.Of(what)
	}
	want := map[string]int{
		"keys answered 2xx": 1, "answers 2xx": 2, "keys refused": 1, "documents": 2, "documents accepted": 1, "uploads that the SII saw": 2, "signed files": 2,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	report.Write(&out)
	if !bytes.Contains(out.Bytes(), []byte("0 violations")) {
		t.Errorf("printed was %s", out.String())
	}
}

// audit puts the books where an audit looks.
func (b *books) audit(t *testing.T) *audit.Report {
	t.Helper()
	server, err := gcs.Start(gcs.Options{Buckets: []gcs.Bucket{{Name: "timbre-state"}, {Name: "timbre-archive", Retention: b.retention()}}})
	check(t, err)
	t.Cleanup(func() { check(t, server.Close()) })
	for bucket, objects := range map[string]map[string]any{"timbre-state": b.state, "timbre-archive": b.archive} {
		for name, content := range maps.All(objects) {
			upload(t, server.URL(), bucket, name, content)
		}
	}
	if b.overwrite != "" {
		upload(t, server.URL(), "timbre-archive", b.overwrite, b.archive[b.overwrite])
	}
	registry := http.NewServeMux()
	for path, list := range map[string][]object{"/_control/documents": b.judged, "/_control/envelopes": b.uploads} {
		registry.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { check(t, json.NewEncoder(w).Encode(list)) })
	}
	control := httptest.NewServer(registry)
	t.Cleanup(control.Close)
	path := filepath.Join(t.TempDir(), "journal")
	journal, err := audit.OpenJournal(path)
	check(t, err)
	for _, e := range b.journal {
		check(t, journal.Add(e))
	}
	check(t, journal.Close())
	taken := filepath.Join(t.TempDir(), "deliveries")
	journal, err = audit.OpenJournal(taken)
	check(t, err)
	for _, d := range b.deliveries {
		check(t, journal.AddDelivery(d))
	}
	check(t, journal.Close())
	report, err := audit.Run(t.Context(), audit.Sources{
		Storage: server.URL(), SII: control.URL, Journals: []string{path}, Deliveries: []string{taken}, Announced: b.announced,
	})
	check(t, err)
	return report
}

// retention is that of the archive, or none where the test overwrites it.
func (b *books) retention() time.Duration {
	if b.overwrite != "" {
		return 0
	}
	return time.Hour
}

func upload(t *testing.T, base, bucket, name string, content any) {
	t.Helper()
	text, isText := content.(string)
	if !isText {
		encoded, err := json.Marshal(content)
		check(t, err)
		text = string(encoded)
	}
	answer, err := http.Post(base+"/upload/storage/v1/b/"+bucket+"/o?uploadType=media&name="+url.QueryEscape(name), "text/plain", bytes.NewReader([]byte(text))) //nolint:noctx // of this test
	check(t, err)
	check(t, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("upload %s: %s", name, answer.Status)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
