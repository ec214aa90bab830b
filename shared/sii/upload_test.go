package sii_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/sii"
)

// latin1 is a file with bytes that are no UTF-8: they must go out as they are.
var latin1 = []byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<EnvioDTE>\xd1and\xfa\n</EnvioDTE>")

func TestUploadRequest(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	var got *http.Request
	var body []byte
	f.answer[uploadPath] = func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		says(http.StatusOK, "<RECEPCIONDTE><STATUS>0</STATUS><TRACKID>7</TRACKID></RECEPCIONDTE>")(w, r)
	}
	if _, err := session(f, memory()).Upload(t.Context(), company, "envio-1.xml", latin1); err != nil {
		t.Fatal(err)
	}
	if got.ContentLength != int64(len(body)) || len(got.TransferEncoding) != 0 {
		t.Errorf("Content-Length %d, transfer encoding %v, body %d bytes", got.ContentLength, got.TransferEncoding, len(body))
	}
	wantHeader := map[string]string{
		"User-Agent": "Mozilla/4.0 (compatible; PROG 1.0; Windows NT 5.0; YComp 5.0.2.4)",
		"Cookie":     "TOKEN=T1", "Accept-Language": "es-cl", "Cache-Control": "no-cache",
	}
	for name, want := range wantHeader {
		if got.Header.Get(name) != want {
			t.Errorf("header %s = %q, want %q", name, got.Header.Get(name), want)
		}
	}
	want := []string{
		"rutSender=11111111", "dvSender=1", "rutCompany=76192083", "dvCompany=9",
		"archivo=" + string(latin1) + " (envio-1.xml, text/xml)",
	}
	if diff := cmp.Diff(want, parts(t, got.Header.Get("Content-Type"), body)); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func parts(t *testing.T, contentType string, body []byte) []string {
	t.Helper()
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/form-data" {
		t.Fatalf("content type %q: %v", contentType, err)
	}
	reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	var all []string
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		text := part.FormName() + "=" + string(value)
		if part.FileName() != "" {
			text += fmt.Sprintf(" (%s, %s)", part.FileName(), part.Header.Get("Content-Type"))
		}
		all = append(all, text)
	}
}

func TestUploadRecordedAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		track  string
		detail []string
	}{
		"status-0.live-certificacion-2026-06-12.xml": {0, "0251552460", nil},
		"status-0.manual-2003.xml":                   {0, "39", nil},
		"status-7.schema.live-2026.xml":              {7, "", []string{"SCH-00001: Invalid Schema Name"}},
		"status-7.schema.manual-2003.xml": {7, "", []string{
			`LSX-00265: attribute "version" value "3.2" is wrong (must be ".2")`,
			`LSX-00213: only 0 occurrences of particle "sequence", minimum is 1`,
		}},
		"status-99.duplicate.live-2026.xml": {99, "251550580", []string{
			"Archivo ya fue enviado 2 veces con Trackid 251550580. Debe esperar 900 segundos antes de reintentar",
		}},
		"status-5.manual-2003.xml":        {5, "", nil},
		"status-5.no-token.live-2026.xml": {5, "", nil},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			body := fixture(t, "upload", name)
			f.answer[uploadPath] = says(http.StatusOK, body)
			got, err := session(f, memory()).Upload(t.Context(), company, "x.xml", latin1)
			if err != nil {
				t.Fatal(err)
			}
			wanted := sii.UploadResult{Status: want.status, TrackID: want.track, Detail: want.detail, Answer: body}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUploadForms(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body   string
		status int
		track  string
		detail string
	}{
		"escaped in a page": {
			"<html><pre>&lt;RECEPCIONDTE&gt;&lt;STATUS&gt;0&lt;/STATUS&gt;&lt;TRACKID&gt;10788956674&lt;/TRACKID&gt;&lt;/RECEPCIONDTE&gt;</pre></html>",
			0, "10788956674", "",
		},
		"spaces inside of tags": {"<RECEPCIONDTE>< STATUS >0</ STATUS ><TRACKID >\n22\n</TRACKID></RECEPCIONDTE>", 0, "22", ""},
		"loose text":            {"<RECEPCIONDTE><STATUS>2</STATUS> archivo muy grande </RECEPCIONDTE>", 2, "", "archivo muy grande"},
		"latin-1":               {"<RECEPCIONDTE><STATUS>6</STATUS><DETAIL><ERROR>Empresa no autorizada a env\xedo</ERROR></DETAIL></RECEPCIONDTE>", 6, "", "Empresa no autorizada a envío"},
		"status twice the same": {"<RECEPCIONDTE><STATUS>1</STATUS><STATUS>1</STATUS></RECEPCIONDTE>", 1, "", ""},
		"unknown status":        {"<RECEPCIONDTE><STATUS>1234</STATUS></RECEPCIONDTE>", 1234, "", ""},
		"duplicate, no track":   {"<RECEPCIONDTE><STATUS>99</STATUS><DETAIL><ERROR>repetido</ERROR></DETAIL></RECEPCIONDTE>", 99, "", "repetido"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := sii.ParseUpload([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != test.status || got.TrackID != test.track || got.Glosa() != test.detail {
				t.Errorf("got status %d, track %q, detail %q", got.Status, got.TrackID, got.Glosa())
			}
		})
	}
}

// TestUploadLies: nothing without a STATUS is an answer.
func TestUploadLies(t *testing.T) {
	t.Parallel()
	page := "<html><body>HA OCURRIDO UN ERROR EN EL UPLOAD</body></html>"
	tests := map[string]http.HandlerFunc{
		"html 200":             says(http.StatusOK, page),
		"html 500":             says(http.StatusInternalServerError, page),
		"html 503":             says(http.StatusServiceUnavailable, page),
		"Error 500":            says(http.StatusOK, "Error 500"),
		"429":                  says(http.StatusTooManyRequests, ""),
		"empty":                says(http.StatusOK, ""),
		"status without root":  says(http.StatusOK, "<html><STATUS>0</STATUS><TRACKID>1</TRACKID></html>"),
		"root without status":  says(http.StatusOK, "<RECEPCIONDTE><TRACKID>1</TRACKID></RECEPCIONDTE>"),
		"empty status":         says(http.StatusOK, "<RECEPCIONDTE><STATUS></STATUS><TRACKID>1</TRACKID></RECEPCIONDTE>"),
		"0 without track":      says(http.StatusOK, "<RECEPCIONDTE><STATUS>0</STATUS></RECEPCIONDTE>"),
		"cut inside the track": says(http.StatusOK, "<RECEPCIONDTE><STATUS>0</STATUS><TRACKID>02515"),
		"two that differ":      says(http.StatusOK, "<RECEPCIONDTE><STATUS>0</STATUS><STATUS>7</STATUS><TRACKID>1</TRACKID></RECEPCIONDTE>"),
		"too long":             says(http.StatusOK, strings.Repeat(" ", 1<<20)+"<RECEPCIONDTE><STATUS>0</STATUS><TRACKID>1</TRACKID></RECEPCIONDTE>"),
		"redirect":             func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
		"reset after":          resets,
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, "<RECEPCIONDTE><STATUS>0</STATUS><TRACKID>1</TRACKID></RECEPCIONDTE>")
		},
	}
	for name, lie := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[uploadPath] = lie
			_, err := session(f, memory()).Upload(t.Context(), company, "x.xml", latin1)
			if !errors.Is(err, sii.ErrIndeterminate) || errors.Is(err, sii.ErrUnavailable) {
				t.Errorf("error %v, want indeterminate", err)
			}
			if n := f.count(uploadPath); n != 1 {
				t.Errorf("%d uploads, want 1: an upload is never repeated by itself", n)
			}
		})
	}
}

func TestUploadTimeout(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	s := session(f, memory())
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	defer close(release)
	f.answer[uploadPath] = func(http.ResponseWriter, *http.Request) { <-release }
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Upload(ctx, company, "x.xml", latin1); !errors.Is(err, sii.ErrIndeterminate) {
		t.Errorf("error %v, want indeterminate", err)
	}
}

func TestUploadNeverSent(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	bucket := memory()
	if err := session(f, bucket).Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Close() // the connection is refused: not a byte is sent
	_, err := session(f, bucket).Upload(t.Context(), company, "x.xml", latin1)
	if !errors.Is(err, sii.ErrUnavailable) || errors.Is(err, sii.ErrIndeterminate) {
		t.Errorf("error %v, want unavailable", err)
	}
}

func FuzzParseUpload(f *testing.F) {
	f.Add([]byte("<RECEPCIONDTE><STATUS>0</STATUS><TRACKID>0251552460</TRACKID></RECEPCIONDTE>"))
	f.Add([]byte("&lt;RECEPCIONDTE&gt;&lt;STATUS&gt;99&lt;/STATUS&gt;&lt;ERROR&gt;con Trackid 12. Debe"))
	f.Add([]byte("<RECEPCIONDTE><STATUS>7</STATUS><DETAIL><ERROR>LSX</ERROR></DETAIL></RECEPCIONDTE>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := sii.ParseUpload(body)
		if err != nil {
			return
		}
		if !bytes.Contains(body, []byte("STATUS")) || got.Status < 0 {
			t.Errorf("status %d out of %q", got.Status, body)
		}
		if got.Status == sii.StatusReceived && got.TrackID == "" {
			t.Errorf("received without a track id: %q", body)
		}
	})
}
