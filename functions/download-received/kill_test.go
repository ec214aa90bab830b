package downloadreceived_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/outmail"
	"timbre/shared/store"
)

const killMails = 200

// TestKilled lets two processes of the binary read a mailbox of 200 mails, most of them while they come, and kills them at
// random with SIGKILL. Afterwards every document is once in the register, the supplier finds every envelope answered as
// often as it must be, by mails of one Message-ID each, and who followed the cursor meanwhile has seen the register
// as it is.
func TestKilled(t *testing.T) {
	s := newStage(t)
	s.open(2)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var works sync.WaitGroup
	reader := &follower{stage: s}
	for i, p := range s.processes {
		works.Go(func() { s.work(ctx, p) })
		works.Go(func() { s.killOften(ctx, p, uint64(i)) })
	}
	works.Go(func() { reader.follow(ctx) })
	letters := s.post(t)
	s.eventually(5*time.Minute, 100*time.Millisecond, func() bool {
		return s.deaths() >= 20 && 2*int(reader.read.Load()) >= documents(letters)
	}, "too few deaths, or too few documents in spite of them")
	stop()
	works.Wait()

	began := time.Now()
	t.Logf("%d answers were being sent by who died", s.age())
	s.settle(letters)
	t.Logf("%d deaths; settled in %v", s.deaths(), time.Since(began).Round(time.Second))
	s.registered(letters)
	reader.end()
	s.answered()
}

// deaths counts those of all processes.
func (s *stage) deaths() int {
	n := 0
	for _, p := range s.processes {
		p.mu.Lock()
		n += p.deaths
		p.mu.Unlock()
	}
	return n
}

// documents counts those that letters bring.
func documents(letters []supplier.Letter) int {
	n := 0
	for _, l := range letters {
		n += len(l.Documents)
	}
	return n
}

// work reads the mailbox and ticks, again and again; who is killed does not answer.
func (s *stage) work(ctx context.Context, p *process) {
	for ctx.Err() == nil {
		_, failed := s.client(p).Call(ctx, http.MethodPost, "/v1/received:download", map[string]any{"company": buyer})
		if err := errors.Join(failed, s.tick(ctx, p)); err != nil {
			pause(ctx, 50*time.Millisecond) // until it lives again
		}
	}
}

// killOften kills a process that lives, at random.
func (s *stage) killOften(ctx context.Context, p *process, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 5)) //nolint:gosec // dice
	for ctx.Err() == nil {
		if p.healthy() {
			pause(ctx, time.Duration(dice.IntN(1500))*time.Millisecond)
			p.kill()
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// post mails the oddities in turn until there are enough mails.
func (s *stage) post(t *testing.T) []supplier.Letter {
	t.Helper()
	odds := slices.DeleteFunc(supplier.Oddities(), func(o supplier.Oddity) bool { return o.Name == "over 10 MB" })
	var letters []supplier.Letter
	for sent := 0; sent < killMails; {
		i := len(letters)
		l, err := s.office.Post(s.mails.SMTPAddr(), odds[i%len(odds)].Name, supplier.Order{
			Receiver: buyer.String(), To: buyerAddress, From: sellerAddress, Folio: 1 + 10*i, At: time.Now(),
		})
		s.must(err)
		letters, sent = append(letters, l), sent+len(l.Mails)
		pause(t.Context(), 100*time.Millisecond)
	}
	return letters
}

// age makes the claims of who died while he sent an answer older than package outmail believes, rather than wait for that.
func (s *stage) age() int {
	s.t.Helper()
	s.t.Setenv("STORAGE_EMULATOR_HOST", s.storage.URL())
	client, err := gcsstore.NewClient(s.t.Context())
	s.must(err)
	state, claimed := store.NewBucket(client.Bucket("state")), 0
	for _, id := range s.sending() {
		_, err := store.Update(s.t.Context(), state, store.LetterState(stageCompany, id), func(r *outmail.Record) error {
			if r.State != outmail.Waiting || r.Claim == nil {
				return store.ErrUnchanged
			}
			r.Claim.At = r.Claim.At.Add(-time.Hour)
			claimed++
			return nil
		}, func(r *outmail.Record) map[string]string {
			return map[string]string{"state": string(r.State), "kind": string(r.Kind)}
		})
		s.must(err)
	}
	return claimed
}

// settle lets the processes live until all that was begun is done.
func (s *stage) settle(letters []supplier.Letter) {
	s.t.Helper()
	s.eventually(3*time.Minute, time.Second, func() bool {
		for _, p := range s.processes {
			if !p.healthy() {
				return false
			}
			s.call(s.client(p), http.MethodPost, "/v1/received:download", map[string]any{"company": buyer})
			s.must(s.tick(s.t.Context(), p))
		}
		return len(s.list("")) >= documents(letters) && len(s.sending()) == 0 && s.complete()
	}, "it does not settle")
}

// complete tells whether the supplier waits for no more answers.
func (s *stage) complete() bool {
	for _, e := range s.office.Judge(s.mailsOf(sellerAddress)).Envelopes {
		if len(e.Got) < len(e.Want) {
			return false
		}
	}
	return true
}

// list is the register after a cursor.
func (s *stage) list(cursor string) []downloadreceived.Item {
	s.t.Helper()
	var page downloadreceived.List
	answer := s.call(s.client(s.processes[0]), http.MethodGet, "/v1/received?limit=1000&company="+buyer.String()+"&cursor="+cursor, nil)
	s.must(json.Unmarshal(answer, &page))
	return page.Items
}

// sending are the answers that are not sent yet.
func (s *stage) sending() []store.LetterID {
	s.t.Helper()
	var page downloadreceived.OutgoingList
	s.eventually(time.Minute, 20*time.Millisecond, s.processes[0].healthy, "the first process does not come back")
	answer := s.call(s.client(s.processes[0]), http.MethodGet, "/v1/received/"+buyer.String()+"/outbox?state=waiting&limit=1000", nil)
	s.must(json.Unmarshal(answer, &page))
	all := make([]store.LetterID, len(page.Items))
	for i, o := range page.Items {
		all[i] = o.ID
	}
	return all
}

// registered compares the register with what was mailed.
func (s *stage) registered(letters []supplier.Letter) {
	s.t.Helper()
	got, want := map[string]int{}, map[string]int{}
	for _, l := range letters {
		for _, d := range l.Documents {
			want[fmt.Sprintf("%s/%d/%d", d.Issuer, d.Type, d.Folio)]++
		}
	}
	for _, d := range s.list("") {
		got[fmt.Sprintf("%s/%d/%d", d.Issuer, d.Type, d.Folio)]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("register (-mailed +registered):\n%s", diff)
	}
	distinct := map[string]bool{}
	for _, l := range letters {
		for _, m := range l.Mails {
			distinct[string(m)] = true
		}
	}
	came := s.mailsOf(buyerAddress)
	kept := s.archived(fmt.Sprintf("mail/%s/%s/", stageCompany.Env, stageCompany.RUT))
	if kept < len(distinct) || kept > len(came) {
		s.t.Errorf("%d mails in the archive, %d came, %d different ones", kept, len(came), len(distinct))
	}
}

// answered has the supplier judge the answers.
func (s *stage) answered() {
	s.t.Helper()
	r := s.office.Judge(s.mailsOf(sellerAddress))
	again := 0
	for _, v := range r.Answers {
		again += v.Copies - 1
		if len(v.Faults) > 0 {
			s.t.Errorf("answer %s: %q", v.MessageID, v.Faults)
		}
	}
	for _, e := range r.Envelopes {
		if len(e.Faults) > 0 {
			s.t.Errorf("envelope of %q: %q", e.Oddity, e.Faults)
		}
	}
	s.t.Logf("%d answers, %d of them sent again with the same Message-ID", len(r.Answers), again)
}

// follower reads the register behind its cursor while it grows.
type follower struct {
	*stage
	cursor string
	seen   []string
	read   atomic.Int64 // of seen
}

// follow asks whoever lives.
func (f *follower) follow(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		if err := f.page(ctx, f.processes[n%len(f.processes)]); err != nil {
			pause(ctx, 20*time.Millisecond)
		}
	}
}

func (f *follower) page(ctx context.Context, p *process) error {
	var page downloadreceived.List
	answer, err := f.client(p).Call(ctx, http.MethodGet, "/v1/received?limit=7&company="+buyer.String()+"&cursor="+f.cursor, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return err
	}
	for _, d := range page.Items {
		f.seen = append(f.seen, d.ID)
	}
	f.cursor = page.Cursor
	f.read.Store(int64(len(f.seen)))
	return nil
}

// end reads on to the end and compares with the whole.
func (f *follower) end() {
	f.t.Helper()
	for n := -1; n != len(f.seen); {
		n = len(f.seen)
		f.must(f.page(f.t.Context(), f.processes[0]))
	}
	var whole []string
	for _, d := range f.list("") {
		whole = append(whole, d.ID)
	}
	if diff := cmp.Diff(whole, f.seen); diff != "" {
		f.t.Errorf("register (-at the end +as it was followed):\n%s", diff)
	}
}
