package downloadreceived_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
)

// mostMemory is what the function's process may need at most (VmHWM).
const mostMemory = 128 << 20

// TestCorpusInItsOwnProcess has the binary read the whole corpus out of one mailbox, by IMAP: all is as expected, nothing is
// lost, and the process stays small.
func TestCorpusInItsOwnProcess(t *testing.T) {
	s := newStage(t)
	s.open(1)
	bot, err := supplier.New(s.world, "b")
	s.must(err)
	write := func(t *testing.T, name string, folio int) supplier.Letter {
		t.Helper()
		i := slices.IndexFunc(supplier.Oddities(), func(o supplier.Oddity) bool { return o.Name == name })
		l, err := bot.Letter(supplier.Oddities()[i], supplier.Order{Receiver: buyer.String(), To: buyerAddress, From: sellerAddress, Folio: folio, At: time.Now()})
		s.must(err)
		return l
	}
	want, different := sums{}, map[[32]byte]bool{}
	for i, c := range corpus() {
		if c.of != "" {
			continue // in the mailbox of somebody else
		}
		first := 1000 + 10*i
		for _, raw := range c.mails(&author{t: t, folio: first, letter: write}) {
			s.inject(raw)
			different[sha256.Sum256(raw[:min(len(raw), 20<<20)])] = true
		}
		want.add(c.want, first)
	}
	s.download()
	taken := s.processes[0].peak()
	s.must(s.tick(t.Context(), s.processes[0])) // answers are written
	peak := s.processes[0].peak()
	if diff := cmp.Diff(want, s.sums()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if kept := s.archived(fmt.Sprintf("mail/%s/%s/", stageCompany.Env, stageCompany.RUT)); kept != len(different) {
		t.Errorf("%d mails in the archive, %d different ones came", kept, len(different))
	}
	t.Logf("%d different mails; VmHWM %d MiB after the intake, %d MiB after the answers", len(different), taken>>20, peak>>20)
	if peak > mostMemory {
		t.Errorf("VmHWM is %d MiB, at most %d are allowed", peak>>20, mostMemory>>20)
	}
}

// inject puts a mail into the buyer's mailbox.
func (s *stage) inject(raw []byte) {
	s.t.Helper()
	answer, err := http.Post(s.mails.ControlURL()+"/mailboxes/"+buyerAddress+"/messages", "message/rfc822", strings.NewReader(string(raw))) //nolint:noctx // an emulator of ours
	s.must(err)
	defer answer.Body.Close() //nolint:errcheck // only the status counts
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("inject: %d", answer.StatusCode)
	}
}

// download reads the mailbox to its end.
func (s *stage) download() {
	s.t.Helper()
	for more := true; more; {
		var a downloadreceived.DownloadAnswer
		answer := s.call(s.client(s.processes[0]), http.MethodPost, "/v1/received:download", map[string]any{"company": buyer})
		s.must(json.Unmarshal(answer, &a))
		more = a.More
	}
}

// sums asks the function.
func (s *stage) sums() sums {
	s.t.Helper()
	got := sums{}
	for _, d := range s.list("") {
		got[fmt.Sprintf("%d/%d %s", d.Type, d.Folio, d.Strict)]++
	}
	var quarantined downloadreceived.QuarantineList
	s.must(json.Unmarshal(s.call(s.client(s.processes[0]), http.MethodGet, "/v1/received/"+buyer.String()+"/quarantine?limit=1000", nil), &quarantined))
	for _, q := range quarantined.Items {
		got[q.Code]++
	}
	var files downloadreceived.FileList
	s.must(json.Unmarshal(s.call(s.client(s.processes[0]), http.MethodGet, "/v1/received/"+buyer.String()+"/files?limit=1000", nil), &files))
	for _, f := range files.Items {
		got[string(f.Kind)]++
	}
	return got
}
