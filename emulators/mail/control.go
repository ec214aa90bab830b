package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"net/textproto"
	"strconv"
	"time"

	"timbre/emulators/mail/depot"
)

func mailKey(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// routes are the control API.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(http.ResponseWriter, *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { respond(w, r, h) })
	}
	handle("GET /health", s.health)
	handle("GET /mailboxes", s.listMailboxes)
	handle("PUT /mailboxes/{address}", s.putMailbox)
	handle("GET /mailboxes/{address}/messages", s.listMessages)
	handle("POST /mailboxes/{address}/messages", s.inject)
	handle("DELETE /mailboxes/{address}/messages", s.removeMessages)
	handle("GET /mailboxes/{address}/messages/{uid}", s.rawMessage)
	handle("DELETE /mailboxes/{address}/messages/{uid}", s.removeMessages)
	handle("POST /mailboxes/{address}/renumber", s.renumber)
	handle("GET /faults", func(http.ResponseWriter, *http.Request) (any, error) { return s.Faults(), nil })
	handle("PUT /faults", s.putFaults)
	handle("GET /certificate", func(w http.ResponseWriter, _ *http.Request) (any, error) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		return s.pem, nil
	})
	return mux
}

// badRequest is the caller's fault.
type badRequest struct{ error }

// respond writes what a handler returns: bytes as they are, other things as JSON.
func respond(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) (any, error)) {
	body, err := h(w, r)
	if err != nil {
		var bad badRequest
		status := http.StatusInternalServerError
		switch {
		case errors.Is(err, depot.ErrNoAccount), errors.Is(err, depot.ErrNoFolder), errors.Is(err, depot.ErrNoMail):
			status = http.StatusNotFound
		case errors.As(err, &bad), errors.Is(err, depot.ErrName), errors.Is(err, depot.ErrExists):
			status = http.StatusBadRequest
		}
		http.Error(w, err.Error(), status)
		return
	}
	raw, ok := body.([]byte)
	if !ok {
		w.Header().Set("Content-Type", "application/json")
		raw, err = json.Marshal(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	_, _ = w.Write(raw) // the client is gone
}

type healthBody struct {
	Status string `json:"status"`
	Late   int    `json:"late"` // mails that still wait for their delay
}

func (s *Server) health(http.ResponseWriter, *http.Request) (any, error) {
	late, err := s.depot.Late()
	return healthBody{"ok", late}, err
}

type mailboxBody struct {
	Address string                  `json:"address"`
	User    string                  `json:"user"`
	Folders map[string]depot.Status `json:"folders"`
}

func describe(a *depot.Account) mailboxBody {
	out := mailboxBody{a.Address, a.User(), map[string]depot.Status{}}
	for _, f := range a.Folders() {
		out.Folders[f.Name] = f.Status()
	}
	return out
}

func (s *Server) listMailboxes(http.ResponseWriter, *http.Request) (any, error) {
	out := []mailboxBody{}
	for _, a := range s.depot.Accounts() {
		out = append(out, describe(a))
	}
	return out, nil
}

func (s *Server) putMailbox(_ http.ResponseWriter, r *http.Request) (any, error) {
	m := Mailbox{}
	if err := decode(r, &m); err != nil {
		return nil, err
	}
	m.Address = r.PathValue("address")
	if err := s.depot.Put(m.Address, m.login()); err != nil {
		return nil, err
	}
	a, err := s.depot.Account(m.Address)
	if err != nil {
		return nil, err
	}
	return describe(a), nil
}

// folder is the one that a request names; INBOX without ?folder=.
func (s *Server) folder(r *http.Request) (*depot.Folder, error) {
	a, err := s.depot.Account(r.PathValue("address"))
	if err != nil {
		return nil, err
	}
	name := r.URL.Query().Get("folder")
	if name == "" {
		name = depot.Inbox
	}
	return a.Folder(name)
}

func uidOf(r *http.Request) (uint32, error) {
	uid, err := strconv.ParseUint(r.PathValue("uid"), 10, 32)
	if err != nil {
		return 0, badRequest{fmt.Errorf("uid: %w", err)}
	}
	return uint32(uid), nil
}

type messageBody struct {
	UID       uint32    `json:"uid"`
	Arrived   time.Time `json:"arrived"`
	Size      int64     `json:"size"`
	Flags     []string  `json:"flags"`
	SHA256    string    `json:"sha256"`
	From      string    `json:"from"`
	Subject   string    `json:"subject"` // as written, like From
	MessageID string    `json:"message_id"`
}

func (s *Server) listMessages(_ http.ResponseWriter, r *http.Request) (any, error) {
	f, err := s.folder(r)
	if err != nil {
		return nil, err
	}
	out := []messageBody{}
	for _, m := range f.Mails() {
		raw, err := f.Raw(m.UID)
		if errors.Is(err, depot.ErrNoMail) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, describeMail(m, raw))
	}
	return out, nil
}

func describeMail(m depot.Mail, raw []byte) messageBody {
	sum := sha256.Sum256(raw)
	out := messageBody{UID: m.UID, Arrived: m.Arrived, Size: m.Size, Flags: append([]string{}, m.Flags...), SHA256: hex.EncodeToString(sum[:])}
	if parsed, err := mail.ReadMessage(bytes.NewReader(raw)); err == nil { // a broken mail has nothing to show
		h := parsed.Header
		out.From, out.Subject, out.MessageID = h.Get("From"), h.Get("Subject"), h.Get("Message-ID")
	}
	return out
}

func (s *Server) rawMessage(w http.ResponseWriter, r *http.Request) (any, error) {
	f, err := s.folder(r)
	if err != nil {
		return nil, err
	}
	uid, err := uidOf(r)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", "message/rfc822")
	return f.Raw(uid)
}

type uidBody struct {
	UID uint32 `json:"uid"`
}

// inject delivers a raw mail as it is, whatever the faults.
func (s *Server) inject(w http.ResponseWriter, r *http.Request) (any, error) {
	f, err := s.folder(r)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.opts.MaxBytes))
	if err != nil {
		return nil, badRequest{err}
	}
	uid, err := f.Deliver(raw, time.Now())
	return uidBody{uid}, err
}

type removedBody struct {
	Removed int `json:"removed"`
}

// removeMessages removes one mail or all.
func (s *Server) removeMessages(_ http.ResponseWriter, r *http.Request) (any, error) {
	f, err := s.folder(r)
	if err != nil {
		return nil, err
	}
	if r.PathValue("uid") == "" {
		n, err := f.Remove(func(depot.Mail) bool { return true })
		return removedBody{n}, err
	}
	uid, err := uidOf(r)
	if err != nil {
		return nil, err
	}
	n, err := f.Remove(func(m depot.Mail) bool { return m.UID == uid })
	if err == nil && n == 0 {
		err = fmt.Errorf("message %d: %w", uid, depot.ErrNoMail)
	}
	return removedBody{n}, err
}

func (s *Server) renumber(_ http.ResponseWriter, r *http.Request) (any, error) {
	f, err := s.folder(r)
	if err != nil {
		return nil, err
	}
	return f.Renumber()
}

func (s *Server) putFaults(_ http.ResponseWriter, r *http.Request) (any, error) {
	var f Faults
	if err := decode(r, &f); err != nil {
		return nil, err
	}
	if err := s.SetFaults(f); err != nil {
		return nil, badRequest{err}
	}
	return f, nil
}

func decode(r *http.Request, into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badRequest{fmt.Errorf("body: %w", err)}
	}
	return nil
}
