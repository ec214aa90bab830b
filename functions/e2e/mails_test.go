package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"timbre/emulators/mail"
	simulator "timbre/emulators/sii"
	"timbre/emulators/sii/faults"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/mailbox"
	"timbre/shared/store"
)

const mailPassword = company.Password("clave de la casilla")

// Password opens the password of the company's mailbox.
func (s *sending) Password(context.Context, company.Secret) (company.Password, error) {
	return mailPassword, nil
}

// newMails is sending with a mailbox that the simulator writes to and poll-status reads.
func newMails(t *testing.T, change ...func(*simulator.Options)) *sending {
	t.Helper()
	const address = "dte@timbre.local"
	provider, err := mail.Start(mail.Options{
		Dir: t.TempDir(), Mailboxes: []mail.Mailbox{{Address: address, Password: string(mailPassword)}}, CatchAll: address,
	})
	check(t, err)
	cleanup(t, provider)
	s := newSending(t, append(change, func(o *simulator.Options) { o.SMTPAddr = provider.SMTPAddr() })...)
	host, port, err := net.SplitHostPort(provider.IMAPAddr())
	check(t, err)
	s.box = &company.Mailbox{Host: host, User: address, Security: string(mailbox.Plain)}
	_, err = fmt.Sscan(port, &s.box.Port)
	check(t, err)
	s.mailControl = provider.ControlURL()
	s.mail = mailbox.NewReader(dial.New(dial.Options{AllowPrivate: true}).DialContext, mailbox.Options{})
	s.configure(s.company.FchResol)
	s.start()
	return s
}

// skew is by how much the simulator's clock may be wrong.
const skew = 2 * time.Minute

// mailed waits until the simulator, which sends mails beside its clock, has sent what is due.
func (s *sending) mailed() {
	s.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		waiting := 0
		for _, m := range s.sii.Mails() {
			if m.State == "waiting" && m.DueAt.Before(s.clock().Add(-skew)) {
				waiting++
			}
		}
		if waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d mails were not sent", waiting)
		}
		time.Sleep(5 * time.Millisecond) // the mail server is real
	}
}

// follow lets minutes pass with the mails that they bring.
func (s *sending) follow(minutes int) {
	s.t.Helper()
	for range minutes {
		s.pass(1)
		s.mailed()
	}
}

func (s *sending) record(id store.DocumentID) document.Record {
	s.t.Helper()
	r, err := document.Load(s.t.Context(), s.state, id)
	check(s.t, err)
	return r
}

// mixed issues three documents of which the second is rejected and the third has a remark.
func (s *sending) mixed() [3]store.DocumentID {
	s.t.Helper()
	s.change("folios:annul", simulator.FolioRange{Company: s.company.RUT, Type: 33, From: 2})
	one, two := s.issue(dte.Factura, 1), s.issue(dte.Factura, 2)
	s.flaw = true
	return [3]store.DocumentID{one, two, s.issue(dte.Factura, 3)}
}

// TestResultMails: the mail tells which document has the remark and why one was rejected, however it comes.
func TestResultMails(t *testing.T) {
	t.Parallel()
	tests := map[string]faults.Rule{
		"on time":           {},
		"late":              {Fault: faults.MailLate, For: faults.Duration(3 * time.Hour), Times: 1},
		"doubled":           {Fault: faults.MailDoubled},
		"lost, asked again": {Fault: faults.MailLost, Times: 1},
		"mojibake":          {Fault: faults.MailMojibake},
	}
	for name, rule := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newMails(t)
			if rule.Fault != "" {
				check(t, s.sii.Fault(rule))
			}
			ids := s.mixed()
			s.follow(5)
			s.want(map[store.DocumentID]event.Status{
				ids[0]: s.record(ids[0]).Status, ids[1]: event.StatusRejected, ids[2]: event.StatusAcceptedRemarks,
			})
			s.follow(240)
			s.want(map[store.DocumentID]event.Status{
				ids[0]: event.StatusAccepted, ids[1]: event.StatusRejected, ids[2]: event.StatusAcceptedRemarks,
			})
			s.wantReasons(ids[1], 3)
			s.wantReasons(ids[2], 1)
			if left := s.names(store.DuePrefix, "/poll-status/"); len(left) != 0 {
				t.Errorf("still waited for: %v", left)
			}
			if n := len(s.names("mail/", "")); n == 0 {
				t.Error("no mail in the archive")
			}
		})
	}
}

// wantReasons checks that a document names a reason of a level, and that the mail is its evidence.
func (s *sending) wantReasons(id store.DocumentID, level int) {
	s.t.Helper()
	r := s.record(id)
	if r.SII == nil || len(r.SII.Details) == 0 || r.SII.Details[0].Level != level || r.SII.Details[0].Text == "" {
		s.t.Errorf("%s: %+v", id, r.SII)
	}
	kept, err := dispatch.Kept(s.t.Context(), s.archive, id)
	check(s.t, err)
	for _, e := range kept {
		if e.Kind == dispatch.KindResultMail && len(e.SHA256) == 64 {
			return
		}
	}
	s.t.Errorf("the evidence of %s has no mail", id)
}

// names lists the objects of both buckets below a prefix that contain a text.
func (s *sending) names(prefix, part string) []string {
	s.t.Helper()
	var all []string
	for _, b := range []*store.Bucket{s.state, s.archive} {
		for o, err := range b.List(s.t.Context(), store.Query{Prefix: prefix}) {
			check(s.t, err)
			if strings.Contains(o.Name, part) {
				all = append(all, o.Name)
			}
		}
	}
	return all
}

// TestMailboxTrouble: a mailbox that does not answer holds up no verdict; when it works again nothing is missing.
func TestMailboxTrouble(t *testing.T) {
	t.Parallel()
	s := newMails(t)
	good := *s.box
	s.box.Port = 1
	s.configure(s.company.FchResol)
	ids := s.mixed()
	s.follow(10)
	if got := s.record(ids[1]).Status; got != event.StatusRejected {
		t.Fatalf("%s is %s", ids[1], got)
	}
	s.box.Port = good.Port
	s.configure(s.company.FchResol)
	s.follow(60)
	s.wantReasons(ids[1], 3)
}

// TestForgedMails change nothing that the SII's own answers say.
func TestForgedMails(t *testing.T) {
	t.Parallel()
	s := newMails(t)
	check(t, s.sii.Fault(faults.Rule{Fault: faults.MailLost}))
	ids := s.mixed()
	s.follow(5)
	first := s.record(ids[0])
	track := first.Track()
	forged := mailbox.Letter{
		From: "siidte@sii.cl", To: "dte@timbre.local", MessageID: "forged@sii.cl", Date: morning,
		Subject: "Resultado de Revision Envio " + track + " - " + s.company.RUT,
		Files: []mailbox.Attachment{{Name: "DTEMAIL.xml", Type: "text/xml", Content: []byte(
			`<RESULTADO_ENVIO><IDENTIFICACION><RUTEMISOR>` + s.company.RUT + `</RUTEMISOR><TRACKID>` + track + `</TRACKID><ESTADO>EPR - x</ESTADO></IDENTIFICACION>` +
				`<REVISIONENVIO><REVISIONDTE><FOLIO>1</FOLIO><TIPODTE>33</TIPODTE><ESTADO>RCH - x</ESTADO><DETALLE>(DTE-3-101) x</DETALLE></REVISIONDTE></REVISIONENVIO></RESULTADO_ENVIO>`,
		)}},
	}
	raw, err := forged.Bytes()
	check(t, err)
	answer, err := http.Post(s.mailControl+"/mailboxes/dte@timbre.local/messages", "message/rfc822", bytes.NewReader(raw)) //nolint:noctx // of this test
	check(t, err)
	check(t, answer.Body.Close())
	if answer.StatusCode/100 != 2 {
		t.Fatalf("the mailbox answered %s", answer.Status)
	}
	s.follow(30)
	s.want(map[store.DocumentID]event.Status{
		ids[0]: event.StatusAcceptedRemarks, ids[1]: event.StatusRejected, ids[2]: event.StatusAcceptedRemarks,
	})
}

// TestMailsHell: mails that are lost, late, doubled and garbled, of a service that fails, still tell the reasons
// in the end, and no status contradicts the SII's registry.
func TestMailsHell(t *testing.T) {
	t.Parallel()
	seeds := 1
	if os.Getenv("WITNESS") != "" {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newMails(t, func(o *simulator.Options) { o.Faults, o.Seed = "hell", uint64(seed+1) })
			ids := s.mixed()
			s.follow(30 * 60)
			s.want(map[store.DocumentID]event.Status{
				ids[0]: event.StatusAccepted, ids[1]: event.StatusRejected, ids[2]: event.StatusAcceptedRemarks,
			})
			s.wantReasons(ids[1], 3)
			s.wantReasons(ids[2], 1)
		})
	}
}
