package gcs

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

const (
	maxContent  = 100 << 20 // far above what the product writes; the real limit is 5 TiB
	maxResource = 1 << 20
)

// upload is what an insert carries.
type upload struct {
	fields      change
	contentType string
	content     []byte
}

// parseMultipart reads a multipart/related body: the object resource, then the
// content. A body that ends early is an error, never a shorter object.
func parseMultipart(contentType string, r io.Reader) (upload, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/related" || params["boundary"] == "" {
		return upload{}, invalid("Content-Type of a multipart upload is multipart/related with a boundary, not %q.", contentType)
	}
	parts := multipart.NewReader(r, params["boundary"])
	_, resource, err := readPart(parts, maxResource)
	if err != nil {
		return upload{}, err
	}
	header, content, err := readPart(parts, maxContent)
	if err != nil {
		return upload{}, err
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		return upload{}, invalid("A multipart upload has exactly two parts.")
	}
	up := upload{contentType: header, content: content}
	if err := json.Unmarshal(resource, &up.fields); err != nil {
		return upload{}, invalid("Metadata part is no JSON object.")
	}
	return up, nil
}

func readPart(parts *multipart.Reader, limit int64) (string, []byte, error) {
	p, err := parts.NextRawPart()
	if err != nil {
		return "", nil, invalid("Malformed multipart body: %v.", err)
	}
	content, err := readLimited(p, limit)
	return p.Header.Get("Content-Type"), content, err
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, invalid("Body ended early: %v.", err)
	}
	if int64(len(content)) > limit {
		return nil, &apiError{status: http.StatusRequestEntityTooLarge, reason: "uploadTooLarge", message: "Upload too large for this emulator."}
	}
	return content, nil
}

func parseMedia(contentType string, r io.Reader) (upload, error) {
	content, err := readLimited(r, maxContent)
	return upload{contentType: contentType, content: content}, err
}

// text returns a string field of the resource, or empty.
func (c change) text(key string) string {
	var s string
	if json.Unmarshal(c[key], &s) != nil {
		return ""
	}
	return s
}
