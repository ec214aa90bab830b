package downloadreceived_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/dial"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/store/storetest"
)

// mortalSender is a Sender in a process that dies: before the mail is out, or after it and before anybody knows.
type mortalSender struct {
	*mailbox.Sender
	*storetest.Life
}

func (m mortalSender) Send(ctx context.Context, s mailbox.Server, from string, to []string, raw []byte) error {
	var err error
	m.Act(func() { err = m.Sender.Send(ctx, s, from, to, raw) })
	return err
}

// correspond is what a process does that takes mails in, answers them, and answers for a person.
func (c *corresponds) correspond(h http.Handler) {
	call(h, http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "")
	call(h, http.MethodPost, "/_tick", nil, "")
	c.answerOne(h)
	c.advance(time.Minute)
	call(h, http.MethodPost, "/_tick", nil, "")
	call(h, http.MethodPost, "/_tick", nil, "")
}

// answerOne asks for a commercial answer, as a caller does again who got none.
func (c *corresponds) answerOne(h http.Handler) int {
	return call(h, http.MethodPost, "/v1/received/"+id(1).String()+"/answers", []byte(`{"action":"RCD","reason":"no corresponde"}`), "application/json").Code
}

// TestAnswersOutliveDeath kills the process at its writes and sendings while it takes in, answers and answers for a
// person; two others go on. Each envelope is answered as it has to be, by one mail, which comes twice at most, with one
// Message-ID and the same bytes.
func TestAnswersOutliveDeath(t *testing.T) {
	t.Parallel()
	step := 16
	if os.Getenv("WITNESS") == "1" {
		step = 1
	}
	var deaths, doubled, answers int
	c := newCorrespondence(t)
	for k := 0; ; k += step {
		died := false
		for _, after := range []bool{false, true} {
			c.again()
			if c.dies(k, after) {
				deaths, died = deaths+1, true
			}
			report := c.outlived(fmt.Sprintf("death at %d, took effect %t", k, after))
			for _, v := range report.Answers {
				answers++
				doubled += v.Copies - 1
			}
		}
		if !died {
			break
		}
	}
	t.Logf("%d deaths, %d answers, %d of them came twice", deaths, answers, doubled)
	if deaths*step < 150 || step == 1 && doubled == 0 || doubled > deaths/2 {
		t.Errorf("%d deaths, %d doubled", deaths, doubled)
	}
}

// again is the same world before anything happened.
func (c *corresponds) again() {
	c.t.Helper()
	fresh := newRig(c.t)
	fresh.useCompany(c.rig)
	c.rig, c.office = fresh, makeWorld(c.t).office.Anew()
	c.handler = c.process(c.memory, c.kept, c.box)
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodDelete, c.server.ControlURL()+"/mailboxes/"+supplier.DefaultFrom+"/messages", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		c.t.Fatalf("empty the mailbox: %v %v", answer, err)
	}
	_ = answer.Body.Close()
	for i, odd := range []string{"three documents", "cut short", "answer", "sent twice"} {
		c.sent(odd, 1+10*i)
	}
}

// dies runs a process that dies at its k-th act; false if it lived.
func (c *corresponds) dies(k int, after bool) bool {
	c.t.Helper()
	life := storetest.NewLife(k, after)
	sender := mortalSender{mailbox.NewSender(dial.New(dial.Options{AllowPrivate: true}).DialContext, 5*time.Second), life}
	doomed := c.processSending(life.Bucket(c.memory), life.Bucket(c.kept), c.box, sender)
	died := life.Run(func() { c.correspond(doomed) })
	life.Kill() // whoever still runs in it
	return died
}

// outlived lets two processes go on, and the supplier judge.
func (c *corresponds) outlived(when string) supplier.Report {
	c.t.Helper()
	heirs := []*downloadreceived.Handler{c.handler, c.process(c.memory, c.kept, c.box)}
	call(heirs[0], http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "")
	for range 20 {
		var all sync.WaitGroup
		for _, h := range heirs {
			all.Go(func() { call(h, http.MethodPost, "/_tick", nil, "") })
		}
		all.Wait()
		c.advance(time.Minute)
	}
	if code := c.answerOne(heirs[1]); code != http.StatusOK {
		c.t.Errorf("%s: the caller's repeat: %d", when, code)
	}
	c.tick()
	report := c.office.Judge(c.mails())
	if !report.Accepted() || len(report.Answers) != 4 {
		c.t.Errorf("%s: %+v", when, report)
	}
	for _, v := range report.Answers {
		if v.Copies > 2 {
			c.t.Errorf("%s: %s came %d times", when, v.MessageID, v.Copies)
		}
	}
	var page downloadreceived.OutgoingList
	c.get("/v1/received/"+buyer.String()+"/outbox", &page)
	for _, m := range page.Items {
		if m.State != outmail.Sent {
			c.t.Errorf("%s: %+v", when, m)
		}
	}
	return report
}
