package crash_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/storage"

	"timbre/emulators/crash"
)

// TestStorageCalls: the official client's calls have the names by which points know them.
func TestStorageCalls(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = crash.StorageCall(r, body)
		w.WriteHeader(http.StatusBadRequest)
	}))
	defer server.Close()
	t.Setenv("STORAGE_EMULATOR_HOST", server.URL)
	client, err := storage.NewClient(t.Context(), storage.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // nothing is open
	object := func(bucket, name string) *storage.ObjectHandle { return client.Bucket(bucket).Object(name) }
	tests := map[string]func(context.Context) error{
		"create claims": func(ctx context.Context) error {
			return write(ctx, object("timbre-state", "claims/a/1.json").If(storage.Conditions{DoesNotExist: true}))
		},
		"replace doc": func(ctx context.Context) error {
			return write(ctx, object("timbre-state", "doc/a/1.json").If(storage.Conditions{GenerationMatch: 7}))
		},
		"create archive dte": func(ctx context.Context) error {
			return write(ctx, object("timbre-archive", "dte/a/1.xml").If(storage.Conditions{DoesNotExist: true}))
		},
		"delete outbox": func(ctx context.Context) error {
			return object("timbre-state", "outbox/a/33-1").If(storage.Conditions{GenerationMatch: 7}).Delete(ctx)
		},
		"": func(ctx context.Context) error {
			_, err := object("timbre-state", "doc/a/1.json").NewReader(ctx)
			return err
		},
	}
	for want, call := range tests {
		if err := call(t.Context()); err == nil {
			t.Errorf("%s succeeded", want)
		}
		if got != want {
			t.Errorf("the call is %q, want %q", got, want)
		}
	}
}

func write(ctx context.Context, o *storage.ObjectHandle) error {
	w := o.NewWriter(ctx)
	w.ChunkSize = 0
	if _, err := w.Write([]byte("{}")); err != nil {
		return err
	}
	return w.Close()
}

func TestSIICalls(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/maullin.sii.cl/cgi_dte/UPL/DTEUpload": "upload", "/maullin.sii.cl/DTEWS/QueryEstUp.jws": "query",
		"/maullin.sii.cl/DTEWS/QueryEstDte.jws": "query", "/maullin.sii.cl/DTEWS/CrSeed.jws": "",
	} {
		if got := crash.SIICall(httptest.NewRequest(http.MethodPost, path, nil), nil); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}
