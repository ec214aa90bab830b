package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"unicode/utf8"

	"timbre/shared/problem"
)

// ReadBody reads a whole body of at most limit bytes.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit { // nothing of it is read
		w.Header().Set("Connection", "close")
		return nil, problem.New(problem.BodyTooLarge, "")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, BodyError(err)
	}
	return text, nil
}

// BodyError turns the error of reading a body into a problem.
func BodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return problem.Wrap(problem.BodyTooLarge, "", err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return problem.Wrap(problem.UnreadableBody, "El cuerpo de la solicitud llegó demasiado lento.", err)
	}
	return problem.Wrap(problem.UnreadableBody, "El cuerpo de la solicitud llegó incompleto.", err)
}

// ReadJSON reads a JSON body of at most limit bytes into v, a pointer to a struct. Fields that v does
// not have and values of another kind are refused, all at once, each with its path.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if err := CheckJSON(r); err != nil {
		return err
	}
	text, err := ReadBody(w, r, limit)
	if err != nil {
		return err
	}
	return DecodeJSON(text, v)
}

// CheckJSON refuses a Content-Type that is given and is not JSON in UTF-8.
func CheckJSON(r *http.Request) error {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(given)
	charset := parameters["charset"]
	if err != nil || media != "application/json" || charset != "" && !isUTF8(charset) {
		return problem.New(problem.UnsupportedMediaType, "El cuerpo debe ser application/json en UTF-8.")
	}
	return nil
}

func isUTF8(charset string) bool {
	return bytes.EqualFold([]byte(charset), []byte("utf-8")) || bytes.EqualFold([]byte(charset), []byte("utf8"))
}

// DecodeJSON is ReadJSON for a text at hand.
func DecodeJSON(text []byte, v any) error {
	if !utf8.Valid(text) {
		return problem.New(problem.UnreadableBody, "")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return problem.Wrap(problem.UnreadableBody, "", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return problem.New(problem.UnreadableBody, "Hay texto después del valor JSON.")
	}
	if err := problem.Invalid(problem.InvalidRequest, misfits(tree, v)); err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return problem.Wrap(problem.UnreadableBody, "", err)
	}
	return nil
}
