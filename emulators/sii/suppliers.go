package sii

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/supplier"
)

// suppliers are the offices of companies of the world that mail documents to the tested ones.
type suppliers struct {
	mu      sync.Mutex
	offices map[string]*supplier.Office
	used    map[string]int // folios, by office
}

// LetterOrder says what a supplier is to mail.
type LetterOrder struct {
	Oddity   string     `json:"oddity"` // a name of supplier.Oddities
	Receiver string     `json:"receiver"`
	To       string     `json:"to"`
	From     string     `json:"from,omitempty"`  // where answers go; a mailbox of that name is made
	Folio    int        `json:"folio,omitempty"` // of the first document; without it the next free one
	At       *time.Time `json:"at,omitempty"`    // of signatures and mails; without it now
	Plant    bool       `json:"plant,omitempty"` // the SII holds the documents too
}

// SentLetter is what was mailed.
type SentLetter struct {
	Oddity    string              `json:"oddity"`
	Mails     int                 `json:"mails"`
	Documents []supplier.Document `json:"documents"`
	Digests   []string            `json:"digests"` // of the envelopes
	Want      supplier.Outcome    `json:"want"`
}

var (
	errNoMail    = errors.New("no mail server was given (SII_SMTP_ADDR, SII_MAIL_CONTROL_URL)")
	errNoOffice  = errors.New("no such supplier")
	errMailboxes = errors.New("the mail emulator did not answer as it should")
)

func (s *Server) supplierRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /_control/oddities", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, supplier.Oddities()) })
	mux.HandleFunc("POST /_control/suppliers/{id}/letters", s.postLetter)
	mux.HandleFunc("GET /_control/suppliers/{id}/verdicts", s.showVerdicts)
}

// office is the one of a company of the world, opened once.
func (s *suppliers) office(world, id string) (*supplier.Office, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.offices[id]; found != nil {
		return found, nil
	}
	made, err := supplier.NewOffice(world, id)
	if errors.Is(err, supplier.ErrUnknown) {
		return nil, fmt.Errorf("%w: %w", errNoOffice, err)
	}
	if err != nil {
		return nil, err
	}
	if s.offices == nil {
		s.offices, s.used = map[string]*supplier.Office{}, map[string]int{}
	}
	s.offices[id] = made
	return made, nil
}

// folio is the first of a letter.
func (s *suppliers) folio(id string, wanted int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wanted == 0 {
		wanted = s.used[id] + 1
	}
	s.used[id] = max(s.used[id], wanted+supplier.Used-1)
	return wanted
}

// PostLetter has a supplier mail an oddity to a customer.
func (s *Server) PostLetter(ctx context.Context, id string, order LetterOrder) (SentLetter, error) {
	office, err := s.suppliers.office(s.options.World, id)
	if err != nil {
		return SentLetter{}, err
	}
	if s.options.SMTPAddr == "" {
		return SentLetter{}, errNoMail
	}
	if order.From == "" {
		order.From = supplier.DefaultFrom
	}
	if err := s.openMailbox(ctx, order.From); err != nil {
		return SentLetter{}, err
	}
	at := s.state.clock.now()
	if order.At != nil {
		at = order.At.In(s.state.clock.zone)
	}
	letter, err := office.Post(s.options.SMTPAddr, order.Oddity, supplier.Order{
		Receiver: order.Receiver, To: order.To, From: order.From, Folio: s.suppliers.folio(id, order.Folio), At: at,
	})
	if err != nil {
		return SentLetter{}, err
	}
	if order.Plant {
		err = s.plantLetter(letter, at)
	}
	return sent(letter), err
}

func sent(l supplier.Letter) SentLetter {
	out := SentLetter{Oddity: l.Oddity, Mails: len(l.Mails), Documents: l.Documents, Digests: []string{}}
	for _, e := range l.Envelopes {
		out.Digests = append(out.Digests, e.Digest)
	}
	for _, odd := range supplier.Oddities() {
		if odd.Name == l.Oddity {
			out.Want = odd.Want
		}
	}
	return out
}

// plantLetter makes the SII hold what a letter brings.
func (s *Server) plantLetter(l supplier.Letter, at time.Time) error {
	for _, d := range l.Documents {
		err := s.Change("documents", Plant{
			Issuer: d.Issuer, Type: d.Type, Folio: d.Folio, Date: d.Date, Receiver: d.Receiver, ReceivedAt: at, Signature: d.Signature,
			Book: judge.Book{Net: int64(d.Net), VAT: int64(d.VAT), Total: int64(d.Total)},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Verdicts tells what a supplier thinks of the answers in a mailbox.
func (s *Server) Verdicts(ctx context.Context, id, mailbox string) (supplier.Report, error) {
	office, err := s.suppliers.office(s.options.World, id)
	if err != nil {
		return supplier.Report{}, err
	}
	mails, err := s.readMailbox(ctx, mailbox)
	if err != nil {
		return supplier.Report{}, err
	}
	return office.Judge(mails), nil
}

// openMailbox makes a mailbox unless it is there.
func (s *Server) openMailbox(ctx context.Context, address string) error {
	var boxes []struct {
		Address string `json:"address"`
	}
	if err := s.mailControl(ctx, http.MethodGet, "/mailboxes", "", &boxes); err != nil {
		return err
	}
	for _, b := range boxes {
		if strings.EqualFold(b.Address, address) {
			return nil
		}
	}
	return s.mailControl(ctx, http.MethodPut, "/mailboxes/"+url.PathEscape(address), `{"password":"proveedor"}`, nil)
}

// readMailbox reads all mails, the oldest first.
func (s *Server) readMailbox(ctx context.Context, address string) ([][]byte, error) {
	var list []struct {
		UID uint32 `json:"uid"`
	}
	path := "/mailboxes/" + url.PathEscape(address) + "/messages"
	if err := s.mailControl(ctx, http.MethodGet, path, "", &list); err != nil {
		return nil, err
	}
	mails := make([][]byte, len(list))
	for i, m := range list {
		if err := s.mailControl(ctx, http.MethodGet, fmt.Sprintf("%s/%d", path, m.UID), "", &mails[i]); err != nil {
			return nil, err
		}
	}
	return mails, nil
}

// mailControl asks the mail emulator; into is decoded from JSON, or the bytes themselves.
func (s *Server) mailControl(ctx context.Context, method, path, body string, into any) error {
	if s.options.MailControl == "" {
		return errNoMail
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.options.MailControl, "/")+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	data, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%w: %s %s: %d", errMailboxes, method, path, answer.StatusCode)
	}
	if err != nil || into == nil {
		return err
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = data
		return nil
	}
	return json.Unmarshal(data, into)
}

func (s *Server) postLetter(w http.ResponseWriter, r *http.Request) {
	var order LetterOrder
	if !readJSON(w, r, &order) {
		return
	}
	letter, err := s.PostLetter(r.Context(), r.PathValue("id"), order)
	if err != nil {
		refuseSupplier(w, err)
		return
	}
	writeJSON(w, letter)
}

func (s *Server) showVerdicts(w http.ResponseWriter, r *http.Request) {
	mailbox := r.URL.Query().Get("mailbox")
	if mailbox == "" {
		mailbox = supplier.DefaultFrom
	}
	report, err := s.Verdicts(r.Context(), r.PathValue("id"), mailbox)
	if err != nil {
		refuseSupplier(w, err)
		return
	}
	writeJSON(w, struct {
		Accepted bool `json:"accepted"`
		supplier.Report
	}{report.Accepted(), report})
}

func refuseSupplier(w http.ResponseWriter, err error) {
	status := http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, errNoOffice):
		status = http.StatusNotFound
	case errors.Is(err, errNoMail):
		status = http.StatusConflict
	}
	http.Error(w, err.Error(), status)
}
