package gcs_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"cloud.google.com/go/storage"

	"timbre/emulators/gcs"
)

// multipartBody is an upload as the client makes it, with a fixed boundary.
func multipartBody(tb testing.TB, resource string, content []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err := w.SetBoundary("boundary")
	for _, part := range [][]byte{[]byte(resource), content} {
		p, errPart := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"text/xml"}})
		if errPart != nil {
			tb.Fatal(errPart)
		}
		_, errWrite := p.Write(part)
		err = errors.Join(err, errWrite)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

const related = "multipart/related; boundary=boundary"

// TestNoCutOfAnUploadShortensIt: a body that ends early must never become a
// shorter object.
func TestNoCutOfAnUploadShortensIt(t *testing.T) {
	t.Parallel()
	content := []byte("line 1\r\n--bound\r\n\r\nline 2")
	body := multipartBody(t, `{"name":"x"}`, content)
	got, err := gcs.ParseMultipart(related, bytes.NewReader(body))
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("whole body: %q, %v", got, err)
	}
	end := bytes.LastIndex(body, []byte("--boundary--")) + len("--boundary--")
	for cut := range end {
		if got, err := gcs.ParseMultipart(related, bytes.NewReader(body[:cut])); err == nil && !bytes.Equal(got, content) {
			t.Errorf("cut at %d of %d gave %q", cut, end, got)
		}
	}
}

func TestMalformedUploads(t *testing.T) {
	t.Parallel()
	good := multipartBody(t, `{"name":"x"}`, []byte("content"))
	three := append(bytes.TrimSuffix(bytes.Clone(good), []byte("--\r\n")), "\r\n\r\nthird\r\n--boundary--\r\n"...)
	for name, tt := range map[string]struct {
		contentType string
		body        []byte
	}{
		"no type":       {"", good},
		"other type":    {"multipart/form-data; boundary=boundary", good},
		"no boundary":   {"multipart/related", good},
		"other one":     {"multipart/related; boundary=other", good},
		"no JSON":       {related, multipartBody(t, `{"name":`, nil)},
		"JSON is array": {related, multipartBody(t, `[]`, nil)},
		"three parts":   {related, three},
	} {
		if got, err := gcs.ParseMultipart(tt.contentType, bytes.NewReader(tt.body)); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}

func TestMediaUpload(t *testing.T) {
	t.Parallel()
	srv := start(t, options())
	post := func(query, body string) int {
		r, err := http.Post(srv.URL()+"/upload/storage/v1/b/"+state+"/o?"+query, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil {
			t.Error(err)
		}
		return r.StatusCode
	}
	if got := post("uploadType=media&name=a%2Fb", "plain"); got != http.StatusOK {
		t.Errorf("media upload: %d", got)
	}
	o := client(t, srv.URL()).Bucket(state).Object("a/b")
	if got, r, err := get(t.Context(), o); err != nil || got != "plain" || r.Attrs.ContentType != "text/plain" {
		t.Errorf("%q, %v", got, err)
	}
	for query, want := range map[string]int{
		"uploadType=media": 400, "uploadType=resumable&name=x": 400, "name=x": 400,
		"uploadType=media&name=a%2Fb&ifGenerationMatch=0": 412, "uploadType=media&name=%ff": 400,
	} {
		if got := post(query, "x"); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// TestBrokenConnectionWritesNothing sends an upload whose connection ends in the
// middle of the content.
func TestBrokenConnectionWritesNothing(t *testing.T) {
	t.Parallel()
	srv := start(t, options())
	body := multipartBody(t, `{"name":"x"}`, []byte("content"))
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /upload/storage/v1/b/%s/o?uploadType=multipart HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		state, related, len(body), body[:len(body)-20])
	tcp, ok := conn.(*net.TCPConn)
	if err := errors.Join(err, tcp.CloseWrite()); err != nil || !ok {
		t.Fatal(err)
	}
	if r, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && r.StatusCode != http.StatusBadRequest {
		t.Errorf("answer %d, want 400 or none", r.StatusCode)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := get(t.Context(), client(t, srv.URL()).Bucket(state).Object("x")); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("read = %v, want no object", err)
	}
}

func FuzzMultipart(f *testing.F) {
	f.Add(related, multipartBody(f, `{"name":"x","metadata":{"a":"b"}}`, []byte("content")))
	f.Add(related, multipartBody(f, `{}`, nil))
	f.Add(`multipart/related; boundary="a b"`, []byte("--a b\r\n\r\n{}\r\n--a b\r\n\r\n\r\n--a b--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		content, err := gcs.ParseMultipart(contentType, bytes.NewReader(body))
		if err == nil && !bytes.Contains(body, content) {
			t.Errorf("content %q is not in the body", content)
		}
	})
}

func FuzzFileHeader(f *testing.F) {
	f.Add([]byte("timbre-gcs 1 00000002 297bfb1b\n{}rest"))
	f.Add([]byte("timbre-gcs 1 0000ffff 00000000\n{}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		once, err := gcs.RewriteHeader(file)
		if err != nil {
			return
		}
		twice, err := gcs.RewriteHeader(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("header %q became %q, %v", once, twice, err)
		}
	})
}
