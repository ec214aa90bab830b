package sii_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// postForm posts a raw multipart body.
func (b *bench) postForm(kind string, body io.Reader) (int, string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.server.URL+b.host+"/cgi_dte/UPL/DTEUpload", body)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {kind}, "User-Agent": {agent}, "Cookie": {"TOKEN=" + b.token}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func TestForms(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	kind, right := form{sender: b.person, company: b.company.RUT, file: "e.xml", data: b.envelopeOf(b.invoice(1)).write(t)}.encode(t)
	wrongKind, wrong := form{sender: strings.Split(b.person, "-")[0] + "-k", company: b.company.RUT, file: "e.xml"}.encode(t)
	tests := []struct {
		name, kind, want string
		body             []byte
	}{
		{"parts in another order", kind, "4", swap(right, "rutSender", "dvSender")},
		{"part of another name", kind, "4", bytes.Replace(right, []byte("rutCompany"), []byte("rutEmpresa"), 1)},
		{"no file name", kind, "4", bytes.Replace(right, []byte(`; filename="e.xml"`), nil, 1)},
		{"not multipart", "text/xml", "4", right},
		{"another boundary", strings.Replace(kind, "boundary=", "boundary=x", 1), "4", right},
		{"cut short", kind, "3", right[:len(right)-200]},
		{"wrong check digit", wrongKind, "1", wrong},
		{"right", kind, "0", right},
	}
	for _, tt := range tests {
		if _, answer := b.postForm(tt.kind, bytes.NewReader(tt.body)); tag(answer, "STATUS") != tt.want {
			t.Errorf("%s: got %q, want STATUS %s", tt.name, answer, tt.want)
		}
	}
	// A reader of unknown length makes the client send chunks.
	if status, answer := b.postForm(kind, io.MultiReader(bytes.NewReader(right))); status != http.StatusLengthRequired {
		t.Errorf("chunked: got %d %q, want 411", status, answer)
	}
}

func swap(data []byte, one, other string) []byte {
	return []byte(strings.NewReplacer(one, other, other, one).Replace(string(data)))
}

// Twenty posts of the same bytes at once: one track id, nineteen duplicates.
func TestConcurrentDuplicates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	kind, body := form{sender: b.person, company: b.company.RUT, file: "e.xml", data: b.envelopeOf(b.invoice(1)).write(t)}.encode(t)
	answers := make([]string, 20)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { _, answers[i] = b.postForm(kind, bytes.NewReader(body)) })
	}
	group.Wait()
	counts := map[string]int{}
	for _, a := range answers {
		counts[tag(a, "STATUS")]++
	}
	if counts["0"] != 1 || counts["99"] != 19 {
		t.Errorf("got %v, want one 0 and nineteen 99", counts)
	}
}
