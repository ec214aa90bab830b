package downloadreceived

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"timbre/shared/access"
	"timbre/shared/exchange"
	"timbre/shared/mailbox"
	"timbre/shared/mailbox/parts"
	"timbre/shared/problem"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// maxRequest bounds the body of a download request.
const maxRequest = 4 << 10

// download takes in the mails that came since the mailbox was read last.
func (h *Handler) download(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	var request DownloadRequest
	if err := serve.ReadJSON(w, r, maxRequest, &request); err != nil {
		return serve.Reply{}, err
	}
	at, c, err := h.companyOf(r.Context(), request.Company, access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	if _, has, err := h.account(r.Context(), c); err != nil {
		return serve.Reply{}, err
	} else if !has {
		return serve.Reply{}, problem.New(problem.MailboxMissing, "")
	}
	t, more, err := h.intake(r.Context(), at, c, askedTime)
	if err != nil {
		return serve.Reply{}, mailProblem(err)
	}
	answer := DownloadAnswer{
		Mails: t.mails, Documents: t.documents, New: t.fresh, Duplicates: t.duplicates, Quarantined: t.quarantined, More: more,
	}
	if answer.MissingXML, err = h.countMissing(r.Context(), at); err != nil {
		return serve.Reply{}, err
	}
	return serve.JSON(answer)
}

// mailProblem tells the caller what is wrong with the mailbox. What he must mend is a conflict, what passes is 503.
func mailProblem(err error) error {
	var fault *mailbox.Fault
	if !errors.As(err, &fault) {
		return err
	}
	switch fault {
	case mailbox.ErrSettings, mailbox.ErrAuth, mailbox.ErrTLS, mailbox.ErrNoFolder:
		return problem.Wrap(problem.MailboxUnusable, fault.Advice(), err)
	}
	return &problem.Error{Code: problem.Unavailable, Detail: fault.Advice(), RetryAfter: time.Minute, Cause: err}
}

// postable are the media types of what may be posted.
var postable = []string{
	"application/xml", "text/xml", "message/rfc822", "application/octet-stream", "text/plain", "application/x-www-form-urlencoded",
}

// post takes in a mail or an XML by hand, the same way as from the mailbox.
func (h *Handler) post(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	number, err := rut.Parse(r.URL.Query().Get("company"))
	if err != nil {
		return serve.Reply{}, problem.Wrap(problem.InvalidParameter, "company debe ser el RUT de la empresa.", err)
	}
	at, _, err := h.companyOf(r.Context(), number, access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	raw, err := readPost(w, r)
	if err != nil {
		return serve.Reply{}, err
	}
	in := incoming{company: at, raw: raw}
	if err := h.keep(r.Context(), &in); err != nil {
		return serve.Reply{}, err
	}
	var t tally
	if err := h.takeKept(r.Context(), &in, &t); err != nil {
		return serve.Reply{}, err
	}
	return h.posted(r.Context(), at, in.sum(), t)
}

// readPost reads what was posted. Nothing is kept of what the caller himself can see to be wrong.
func readPost(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(cmp.Or(r.Header.Get("Content-Type"), "application/octet-stream"))
	if err != nil || !slices.Contains(postable, media) {
		return nil, problem.Wrap(problem.UnsupportedMediaType, "Envíe los bytes del XML (application/xml) o del correo (message/rfc822).", err)
	}
	raw, err := serve.ReadBody(w, r, maxMail-1)
	if err != nil {
		return nil, err
	}
	if !isXML(raw) {
		return raw, checkMail(raw)
	}
	var unread *exchange.Quarantine
	if _, err := exchange.Read(raw); errors.As(err, &unread) {
		return nil, &problem.Error{
			Code: problem.ReceivedUnreadable, Cause: err, Errors: []problem.Field{{Path: "body", Code: unread.Code, Detail: sentence(unread.Reason)}},
		}
	}
	return raw, nil
}

// checkMail refuses what has neither the head of a mail nor anything in it.
func checkMail(raw []byte) error {
	found := false
	m, err := parts.Walk(raw, parts.Limits{}, func(parts.File) error {
		found = true
		return nil
	})
	if err != nil || found || m.From != "" || m.Subject != "" || m.MessageID != "" {
		return err
	}
	return problem.New(problem.ReceivedUnreadable, "")
}

// isXML tells an XML from a mail, which begins with the name of a header.
func isXML(raw []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff\x00", "\xfe\xff"} {
		raw = bytes.TrimPrefix(raw, []byte(mark))
	}
	return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("<"))
}

// sentence makes a reason a sentence.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:] + "."
}

// posted says what became of a mail.
func (h *Handler) posted(ctx context.Context, c store.Company, sum string, t tally) (serve.Reply, error) {
	mail, err := received.LoadMail(ctx, h.State, c, sum)
	if err != nil {
		return serve.Reply{}, err
	}
	answer := PostAnswer{
		SHA256: sum, Documents: t.documents, New: t.fresh, Duplicates: t.duplicates, Quarantined: mail.Quarantined, Files: []FileView{},
	}
	for _, s := range mail.Files {
		f, err := received.LoadFile(ctx, h.State, c, s)
		if errors.Is(err, store.ErrNotFound) { // in quarantine
			continue
		}
		if err != nil {
			return serve.Reply{}, err
		}
		answer.Files = append(answer.Files, h.fileView(c, &f))
	}
	return serve.JSON(answer)
}
