package resultmail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
	"time"
)

// From is the sender of every result mail.
const From = "siidte@sii.cl"

// Message is one mail before it is written.
type Message struct {
	To      string
	ID      string // unique; a second copy of a mail has another one
	Date    time.Time
	Garbled bool // UTF-8 bytes are declared as ISO-8859-1
	Result  Result
}

// Subject is what clients search for (WEBSERVICES §6).
func (r Result) Subject() string {
	return fmt.Sprintf("Resultado de Revision Envio %s - %s", r.Track, r.Issuer)
}

// Bytes writes the mail with its two attachments.
func (m Message) Bytes() ([]byte, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := addPart(w, textproto.MIMEHeader{"Content-Type": {"text/plain; charset=ISO-8859-1"}}, []byte("Se adjunta el resultado de la revision de su envio.\r\n")); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	for extension, text := range map[string]string{"txt": m.Result.text(), "xml": m.Result.xml()} {
		data, err := encode(text, m.Garbled)
		if err == nil {
			err = addPart(w, attachment("DTEMAIL"+m.Result.Track+"."+extension, extension), data)
		}
		if err != nil {
			return nil, fmt.Errorf("write mail: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", "Servicio de Impuestos Internos <" + From + ">"}, {"To", m.To}, {"Subject", m.Result.Subject()},
		{"Date", m.Date.Format(time.RFC1123Z)}, {"Message-ID", "<" + m.ID + "@sii.cl>"}, {"MIME-Version", "1.0"},
		{"Content-Type", "multipart/mixed; boundary=" + w.Boundary()},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body.Bytes())
	return b.Bytes(), nil
}

func attachment(name, extension string) textproto.MIMEHeader {
	kind := map[string]string{"txt": "text/plain; charset=ISO-8859-1", "xml": "text/xml"}[extension]
	return textproto.MIMEHeader{
		"Content-Type":              {kind + `; name="` + name + `"`},
		"Content-Disposition":       {`attachment; filename="` + name + `"`},
		"Content-Transfer-Encoding": {"base64"},
	}
}

func addPart(w *multipart.Writer, header textproto.MIMEHeader, data []byte) error {
	part, err := w.CreatePart(header)
	if err != nil {
		return err
	}
	if header.Get("Content-Transfer-Encoding") == "base64" {
		data = []byte(lines76(base64.StdEncoding.EncodeToString(data)))
	}
	_, err = part.Write(data)
	return err
}

func lines76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s + "\r\n"
}
