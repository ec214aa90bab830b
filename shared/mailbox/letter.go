package mailbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// Letter is a mail to be written.
type Letter struct {
	From, To  string // one address each, with or without a name
	ReplyTo   string // may be empty
	Subject   string
	Text      string
	MessageID string // without angle brackets, unique and kept by the caller: it names the mail for ever
	InReplyTo string // Message-ID of the mail that is answered, may be empty
	Date      time.Time
	Automatic bool // nobody wrote it: other programs must not answer (RFC 3834)
	Files     []Attachment
}

// Attachment is a file of a Letter.
type Attachment struct {
	Name    string
	Type    string // media type; application/octet-stream if empty
	Content []byte
}

// Bytes writes the mail. Equal letters give equal bytes.
func (l Letter) Bytes() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, fail("write mail", ErrSettings, err)
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if err := w.SetBoundary(fmt.Sprintf("=_%x", sha256.Sum256([]byte(l.MessageID)))[:40]); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	l.writeHeader(&out, w.Boundary())
	err := writeText(w, l.Text)
	for _, f := range l.Files {
		err = errors.Join(err, f.write(w))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return out.Bytes(), nil
}

func (l Letter) check() error {
	for _, value := range []string{l.From, l.To, l.ReplyTo, l.Subject, l.MessageID, l.InReplyTo} {
		if strings.ContainsAny(value, "\r\n\x00") {
			return errors.New("line break in a header")
		}
	}
	if !strings.Contains(l.MessageID, "@") || strings.ContainsAny(l.MessageID, "<> ") {
		return fmt.Errorf("message id %q", l.MessageID)
	}
	if l.Date.IsZero() {
		return errors.New("no date")
	}
	for _, address := range []string{l.From, l.To, cmp.Or(l.ReplyTo, l.From)} {
		if _, err := mail.ParseAddress(address); err != nil {
			return fmt.Errorf("address: %w", err)
		}
	}
	return nil
}

func (l Letter) writeHeader(out *bytes.Buffer, boundary string) {
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "%s: %s\r\n", name, strings.ReplaceAll(value, "?= =?", "?=\r\n =?"))
		}
	}
	field("From", addressField(l.From))
	field("To", addressField(l.To))
	field("Reply-To", addressField(l.ReplyTo))
	field("Subject", mime.QEncoding.Encode("utf-8", l.Subject))
	field("Date", l.Date.Format(time.RFC1123Z))
	field("Message-ID", "<"+l.MessageID+">")
	if l.InReplyTo != "" {
		field("In-Reply-To", "<"+l.InReplyTo+">")
		field("References", "<"+l.InReplyTo+">")
	}
	if l.Automatic {
		field("Auto-Submitted", "auto-generated")
	}
	field("MIME-Version", "1.0")
	field("Content-Type", fmt.Sprintf("multipart/mixed; boundary=%q", boundary))
	out.WriteString("\r\n")
}

// addressField writes an address that check has seen to be one.
func addressField(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return ""
	}
	return a.String()
}

func writeText(w *multipart.Writer, text string) error {
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {"text/plain; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(part)
	_, err = io.WriteString(q, text)
	return errors.Join(err, q.Close())
}

func (f Attachment) write(w *multipart.Writer) error {
	name := map[string]string{"name": f.Name}
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mime.FormatMediaType(cmp.Or(f.Type, "application/octet-stream"), name)},
		"Content-Transfer-Encoding": {"base64"},
		"Content-Disposition":       {mime.FormatMediaType("attachment", map[string]string{"filename": f.Name})},
	})
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(f.Content)
	for len(text) > 0 {
		n := min(76, len(text))
		if _, err := io.WriteString(part, text[:n]+"\r\n"); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}
