package downloadreceived

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"timbre/shared/company"
	"timbre/shared/exchange"
	"timbre/shared/exchange/answer"
	"timbre/shared/journal"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// answerOf is the kind of due entries about a file that is to be answered.
	answerOf = "answer"
	// logAnswers numbers what is answered: CodEnvio of each file, IdRespuesta of each answer.
	logAnswers = "answers"
)

// mailing is what the company writes to its suppliers.
type mailing struct {
	outbox  *outmail.Outbox
	numbers *journal.Journal
}

// openMailing has files answered from now on; without a way to send mail none is.
func (s *service) openMailing() error {
	s.mailing.numbers = journal.New(s.State, logAnswers)
	if s.Letters == nil {
		return nil
	}
	var err error
	s.mailing.outbox, err = outmail.New(outmail.Deps{
		State: s.State, Archive: s.Archive, Companies: s.Companies, Passwords: s.Passwords, Sender: s.Letters, Logger: s.Logger, Now: s.Now,
	})
	s.tasks[answerOf] = s.answerDue
	s.seen = append(s.seen, s.planAnswer)
	return err
}

// planAnswer has a file answered that deserves it: an envelope, or what was meant to be one. Answers, reports of
// failed delivery, automatic replies and repeats are never answered, or two programs would write to each other for
// ever; nor is an XML that was posted by hand, which nobody sent just now (WEBSERVICES §9.3).
func (s *service) planAnswer(ctx context.Context, seen Seen) error {
	sum := ""
	switch {
	case seen.Mail.From == "" || seen.Mail.Automatic != "" || seen.Repeated:
	case seen.File != nil && seen.File.Kind == exchange.EnvioDTE:
		sum = seen.File.SHA256
	case seen.Quarantined != nil:
		sum = seen.Quarantined.File
	}
	if sum == "" {
		return nil
	}
	if err := s.mailing.outbox.CanSend(ctx, seen.Company.RUT); err != nil {
		if errors.Is(err, outmail.ErrNoServer) {
			return nil
		}
		return err
	}
	return s.plan(ctx, s.Now(), answerOf, string(seen.Company.Env), seen.Company.RUT.String(), sum, seen.Mail.SHA256)
}

// answerDue writes the technical answer to a file (RecepcionEnvio).
func (s *service) answerDue(ctx context.Context, w work) error {
	f, reception, deserves, err := s.judge(ctx, w)
	if err != nil || !deserves {
		return err
	}
	_, err = s.acknowledge(ctx, f, reception)
	if errors.Is(err, errNoCertificate) || errors.Is(err, outmail.ErrNoServer) || errors.Is(err, errNoAddress) {
		s.Logger.WarnContext(ctx, "envelope not answered", "rut", f.company.RUT.String(), "file", f.sum, "error", err)
		return nil
	}
	return err
}

// judge reads a file once more, one at a time in this process: a large one takes tens of megabytes.
func (s *service) judge(ctx context.Context, w work) (*arrivedFile, answer.Reception, bool, error) {
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	case <-ctx.Done():
		return nil, answer.Reception{}, false, context.Cause(ctx)
	}
	f, err := s.arrived(ctx, w)
	if err != nil {
		return nil, answer.Reception{}, false, err
	}
	reception, deserves, err := s.reception(ctx, f)
	f.bytes = nil
	return f, reception, deserves, err
}

// arrivedFile is a file that is to be answered.
type arrivedFile struct {
	company store.Company
	sum     string
	digest  [32]byte
	bytes   []byte
	mail    received.Mail
	name    string
}

// arrived reads what a due entry names.
func (s *service) arrived(ctx context.Context, w work) (*arrivedFile, error) {
	if len(w.parts) != 4 {
		return nil, fmt.Errorf("download-received: %q names no file", w.parts)
	}
	r, err := rut.Parse(w.parts[1])
	if err != nil {
		return nil, err
	}
	f := &arrivedFile{company: store.Company{Env: store.Environment(w.parts[0]), RUT: r}, sum: w.parts[2]}
	if f.digest, err = received.Digest(f.sum); err != nil {
		return nil, err
	}
	found, err := s.Archive.Read(ctx, store.ReceivedFile(f.company, f.digest))
	if err != nil {
		return nil, err
	}
	f.bytes = found.Data
	if f.mail, err = received.LoadMail(ctx, s.State, f.company, w.parts[3]); err != nil {
		return nil, err // its intake is not through
	}
	kept, err := received.LoadFile(ctx, s.State, f.company, f.sum)
	if errors.Is(err, store.ErrNotFound) { // in quarantine
		err = nil
	}
	f.name = cmp.Or(kept.Name, "EnvioDTE.xml")
	return f, err
}

// reception is what to say about a file, with the SII's codes (FORMATS §13.1); false where nothing is to be said.
func (s *service) reception(ctx context.Context, f *arrivedFile) (answer.Reception, bool, error) {
	code, err := s.number(ctx, f.company, store.ReceptionLetter(f.digest))
	if err != nil {
		return answer.Reception{}, false, err
	}
	arrival := exchange.Arrival{FileName: f.name, Code: code, ReceivedAt: f.mail.At.In(s.chile)}
	file, err := exchange.Read(f.bytes)
	if err != nil {
		unread, deserves := unreadable(f, arrival)
		return unread, deserves, nil
	}
	report := s.checker(f.company).Check(file)
	known, err := s.knownBefore(ctx, f, report)
	if err != nil {
		return answer.Reception{}, false, err
	}
	arrival.Known = func(d *exchange.Document) bool { return known[d] }
	out, deserves := report.Reception(arrival)
	return out, deserves && out.Issuer != f.company.RUT, nil
}

// knownBefore are the documents of a file that another file had brought.
func (s *service) knownBefore(ctx context.Context, f *arrivedFile, report *exchange.Report) (map[*exchange.Document]bool, error) {
	known := map[*exchange.Document]bool{}
	for i := range report.Documents {
		d := report.Documents[i].Document
		if d.Issuer.IsZero() || !d.Type.Valid() || d.Folio < 1 || d.Folio > maxFolio {
			continue
		}
		r, err := received.Load(ctx, s.State, store.ReceivedID{Company: f.company, Issuer: d.Issuer, Type: d.Type, Folio: d.Folio})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		known[d] = err == nil && r.Variants[0].File != f.sum
	}
	return known, nil
}

// The marks of an envelope in a file that is no XML, or none that is read.
var (
	envelopeMark = regexp.MustCompile(`<(?:\w+:)?EnvioDTE[\s>]`)
	issuerMark   = regexp.MustCompile(`<RutEmisor>\s*([0-9]{1,8}-[0-9Kk])\s*</RutEmisor>`)
)

// unreadable is the answer to what was meant to be an envelope and cannot be read: its issuer's RUT is all that is
// believed of it, as an answer must name whom it is for.
func unreadable(f *arrivedFile, a exchange.Arrival) (answer.Reception, bool) {
	head := f.bytes[:min(len(f.bytes), 64<<10)]
	mark := issuerMark.FindSubmatch(head)
	if mark == nil || !envelopeMark.Match(head) {
		return answer.Reception{}, false
	}
	issuer, err := rut.Parse(string(mark[1]))
	if err != nil || issuer == f.company.RUT {
		return answer.Reception{}, false
	}
	return answer.Reception{
		FileName: a.FileName, ReceivedAt: a.ReceivedAt, Code: a.Code, Issuer: issuer, State: answer.EnvelopeUnreadable,
	}, true
}

// acknowledge writes the answer and the mail that carries it.
func (s *service) acknowledge(ctx context.Context, f *arrivedFile, r answer.Reception) (*outmail.Record, error) {
	to, err := s.addressOf(ctx, f.company, r.Issuer, &f.mail)
	if err != nil {
		return nil, err
	}
	l := letter{
		company: f.company, id: store.ReceptionLetter(f.digest), kind: outmail.Reception, about: f.sum, to: to, supplier: r.Issuer,
		inReplyTo: f.mail.MessageID, subject: fmt.Sprintf("Acuse de recibo de envío: %s", r.State.Gloss()), file: "RecepcionEnvio",
		text: fmt.Sprintf("Se adjunta la respuesta (RespuestaDTE, RecepcionEnvio) al archivo «%s»: %s.", r.FileName, r.State.Gloss()),
	}
	return s.send(ctx, l, func(p *pen) ([]byte, error) {
		return answer.WriteReceptions(p.head, []answer.Reception{r}, p.identity, p.at)
	})
}

// number is the company's own number of something that is answered or an answer, the same at each asking.
func (s *service) number(ctx context.Context, c store.Company, id store.LetterID) (int64, error) {
	body, err := json.Marshal(map[string]any{"letter": id})
	if err != nil {
		return 0, err
	}
	entries, err := s.mailing.numbers.Append(ctx, c, journal.Event{ID: store.EventID(id), Body: body})
	if err != nil {
		return 0, err
	}
	return entries[0].Number, nil
}

// fileName is what an attachment is called.
func fileName(kind string, supplier rut.RUT, n int64) string {
	return fmt.Sprintf("%s_%s_%d.xml", kind, strings.ToUpper(supplier.String()), n)
}

// tidied is a Message-ID as an answer may repeat it: strangers write anything there.
func tidied(id string) string {
	if len(id) > 200 || !strings.Contains(id, "@") || strings.ContainsAny(id, "<> \t\r\n\x00") {
		return ""
	}
	return id
}

// mailLetter is the mail of a letter, with the XML that it carries.
func mailLetter(l *letter, from *company.Company, name string, xml []byte) mailbox.Letter {
	text := l.text + "\r\n\r\n" + from.RznSoc + "\r\nRUT " + from.RUT.String() + "\r\n"
	m := mailbox.Letter{To: l.to, Subject: l.subject, Text: text, InReplyTo: tidied(l.inReplyTo), Automatic: true}
	if xml != nil {
		m.Files = []mailbox.Attachment{{Name: name, Type: "text/xml", Content: xml}}
	}
	return m
}

// wallClock is the time as answers write it.
func (s *service) wallClock() time.Time { return s.Now().In(s.chile).Truncate(time.Second) }
