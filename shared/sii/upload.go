package sii

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	"timbre/shared/rut"
	"timbre/shared/store"
)

// UploadResult is the definite answer to an upload.
type UploadResult struct {
	Status int
	// TrackID is a decimal string of up to 15 digits, as the SII wrote it; with StatusDuplicate the one
	// under which the same file was received before. Empty where the answer names none.
	TrackID string
	// Detail are the reasons, verbatim.
	Detail []string
	// Answer is the answer's text, for the evidence.
	Answer string
}

// Glosa is the reasons in one text.
func (r UploadResult) Glosa() string { return strings.Join(r.Detail, "; ") }

// upload posts a file once. The error is ErrUnavailable if it was never sent, ErrIndeterminate if its fate is unknown.
func (c *Client) upload(ctx context.Context, env store.Environment, token string, f file) (UploadResult, error) {
	ctx, cancel := context.WithTimeout(ctx, UploadTimeout)
	defer cancel()
	body, contentType, err := f.form()
	if err != nil {
		return UploadResult{}, fmt.Errorf("write the upload form: %w", err)
	}
	a, sent, err := c.call(ctx, request{
		method: http.MethodPost, url: address(c.base, env, pathUpload), header: uploadHeader(contentType, token), body: body,
	})
	if err != nil && !sent {
		return UploadResult{}, fmt.Errorf("%w: upload: %w", ErrUnavailable, err)
	}
	if err != nil {
		return UploadResult{}, fmt.Errorf("%w: %w", ErrIndeterminate, err)
	}
	result, err := parseUpload(a.body)
	if err != nil {
		return result, fmt.Errorf("%w: HTTP %d: %w", ErrIndeterminate, a.status, err)
	}
	return result, nil
}

// file is an envelope to be uploaded; its bytes go out untouched.
type file struct {
	sender  rut.RUT // the person of the certificate
	company rut.RUT
	name    string
	data    []byte
}

// form is the RFC 1867 form, its parts in the order of the manual.
func (f file) form() ([]byte, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	var failed error
	for _, p := range []param{
		{"rutSender", strconv.Itoa(f.sender.Number())}, {"dvSender", f.sender.Digit()},
		{"rutCompany", strconv.Itoa(f.company.Number())}, {"dvCompany", f.company.Digit()},
	} {
		failed = errors.Join(failed, w.WriteField(p.name, p.value))
	}
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="archivo"; filename="%s"`, f.name)},
		"Content-Type":        {"text/xml"},
	})
	if err != nil {
		return nil, "", err
	}
	_, err = part.Write(f.data)
	failed = errors.Join(failed, err, w.Close())
	return b.Bytes(), w.FormDataContentType(), failed
}

func uploadHeader(contentType, token string) http.Header {
	return http.Header{
		"Accept": {"image/gif, image/x-xbitmap, image/jpeg, image/pjpeg, application/vnd.ms-powerpoint, " +
			"application/ms-excel, application/msword, */*"},
		"Accept-Language": {"es-cl"},
		"Cache-Control":   {"no-cache"},
		"Connection":      {"Keep-Alive"},
		"Content-Type":    {contentType},
		"Cookie":          {"TOKEN=" + token},
	}
}

// The answer is read by patterns, since it comes with blank lines, with spaces inside of tags, with loose
// text between the elements, without a prolog, and at times escaped inside an HTML page.
var (
	statusElement = regexp.MustCompile(`<\s*STATUS\s*>\s*(\d{1,9})\s*<\s*/\s*STATUS\s*>`)
	trackElement  = regexp.MustCompile(`<\s*TRACKID\s*>\s*(\d{1,15})\s*<\s*/\s*TRACKID\s*>`)
	errorElement  = regexp.MustCompile(`(?s)<\s*ERROR\s*>(.*?)<\s*/\s*ERROR\s*>`)
	anyElement    = regexp.MustCompile(`<[^>]*>`)
	earlierTrack  = regexp.MustCompile(`(?i)Trackid\s+(\d{1,15})\b`)
)

// parseUpload reads the answer. It is an error if there is no RECEPCIONDTE, no STATUS or two that differ,
// or a receipt without a track id: a missing STATUS is never 0. Answer is set in any case.
func parseUpload(body []byte) (UploadResult, error) {
	text := toUTF8(body)
	result := UploadResult{Status: statusNone, Answer: clip(text, answerKept)}
	_, reception, found := strings.Cut(text, receptionElement)
	if !found {
		_, reception, found = strings.Cut(text, receptionEscaped)
		reception = html.UnescapeString(reception)
	}
	if !found {
		return result, errors.New("no RECEPCIONDTE in the answer")
	}
	status, err := oneStatus(reception)
	if err != nil {
		return result, err
	}
	result.Status = status
	result.Detail = details(reception)
	if m := trackElement.FindStringSubmatch(reception); m != nil {
		result.TrackID = m[1]
	}
	if m := earlierTrack.FindStringSubmatch(result.Glosa()); m != nil && status == StatusDuplicate {
		result.TrackID = m[1]
	}
	if status == StatusReceived && result.TrackID == "" {
		return result, errors.New("STATUS 0 without TRACKID")
	}
	return result, nil
}

func oneStatus(reception string) (int, error) {
	all := statusElement.FindAllStringSubmatch(reception, 2)
	switch {
	case len(all) == 0:
		return statusNone, errors.New("no STATUS in the answer")
	case len(all) == 2 && all[0][1] != all[1][1]:
		return statusNone, errors.New("two STATUS in the answer")
	}
	return strconv.Atoi(all[0][1])
}

// details are the ERROR elements; where there is none, the loose text after STATUS.
func details(reception string) []string {
	var all []string
	for _, m := range errorElement.FindAllStringSubmatch(reception, -1) {
		all = append(all, clip(strings.Join(strings.Fields(m[1]), " "), 500))
	}
	if all != nil {
		return all
	}
	after := reception[statusElement.FindStringIndex(reception)[1]:]
	after, _, _ = strings.Cut(after, "</RECEPCIONDTE")
	after = statusElement.ReplaceAllString(trackElement.ReplaceAllString(after, ""), "")
	if loose := strings.Join(strings.Fields(anyElement.ReplaceAllString(after, " ")), " "); loose != "" {
		return []string{clip(loose, 500)}
	}
	return nil
}
