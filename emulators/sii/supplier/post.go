package supplier

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// post is a mail that came in.
type post struct {
	id, inReplyTo, automatic, subject string
	date                              string
	files                             []file
}

// file is an attachment.
type file struct {
	name string
	data []byte
}

// readPost takes a mail with attachments on its first level apart: that is how answers are written.
func readPost(raw []byte) (post, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return post{}, err
	}
	p := post{
		id: inner(m.Header.Get("Message-ID")), inReplyTo: inner(m.Header.Get("In-Reply-To")), automatic: m.Header.Get("Auto-Submitted"),
		subject: m.Header.Get("Subject"), date: m.Header.Get("Date"),
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return p, err
	}
	r := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // it is given as it is
			return p, nil
		}
		if err != nil {
			return p, err
		}
		data, err := decoded(part)
		if err != nil {
			return p, err
		}
		if part.FileName() != "" {
			p.files = append(p.files, file{part.FileName(), data})
		}
	}
}

func inner(id string) string { return strings.Trim(strings.TrimSpace(id), "<>") }

func decoded(part *multipart.Part) ([]byte, error) {
	switch strings.ToLower(part.Header.Get("Content-Transfer-Encoding")) {
	case "base64":
		return io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
	case "quoted-printable":
		return io.ReadAll(quotedprintable.NewReader(part))
	}
	return io.ReadAll(part)
}

// answers are the attachments that are RespuestaDTE or EnvioRecibos, or claim to be.
func (p post) answers() []file {
	var all []file
	for _, f := range p.files {
		if bytes.Contains(f.data, []byte("<RespuestaDTE")) || bytes.Contains(f.data, []byte("<EnvioRecibos")) {
			all = append(all, f)
		}
	}
	return all
}

// same tells whether two mails are one that was sent twice.
func (p post) same(other post) bool {
	if len(p.files) != len(other.files) || p.date != other.date || p.subject != other.subject {
		return false
	}
	for i := range p.files {
		if !bytes.Equal(p.files[i].data, other.files[i].data) {
			return false
		}
	}
	return true
}
