package crash

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tap stands between one process and a service, and kills the process at armed points.
type tap struct {
	of     *instance
	target *url.URL
	what   func(r *http.Request, body []byte) string
	killer *killer
	client *http.Client
	noted  *crossed
}

// ServeHTTP implements http.Handler.
func (t *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the process died while it wrote
	}
	life, what := t.of.starts.Load(), t.what(r, body)
	t.meet(life, Point{t.of.function, false, what})
	from := time.Now()
	answer, text := t.forward(r, body)
	t.noted.note(what, body, from)
	t.meet(life, Point{t.of.function, true, what})
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text) // the process may have died
}

// meet kills the process if its time has come, and nobody is there to be answered then; or holds the call
// up. If the process dies meanwhile, its call may still arrive, as one on the wire does, or not.
func (t *tap) meet(life int64, p Point) {
	if p.What == "" || t.of.starts.Load() != life {
		return
	}
	dies, hold := t.killer.meet(p)
	if dies {
		t.of.kill()
		panic(http.ErrAbortHandler)
	}
	time.Sleep(hold)
	if t.of.starts.Load() != life && t.killer.dice.chance(0.5) {
		panic(http.ErrAbortHandler)
	}
}

// forward makes the call. What cannot be forwarded is cut, as the service cut it.
func (t *tap) forward(r *http.Request, body []byte) (*http.Response, []byte) {
	// A call that has reached us is done whether or not the process lives on.
	request, err := http.NewRequest(r.Method, t.target.String()+r.URL.RequestURI(), bytes.NewReader(body)) //nolint:noctx // see above
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request.Header = r.Header
	answer, err := t.client.Do(request)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return answer, text
}

// storageCall names a write by its verb and the first part of the object's name; reads have no name.
func storageCall(r *http.Request, body []byte) string {
	verb, object := "", ""
	switch {
	case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/upload/"):
		verb, object = "replace", insertedName(r, body)
		if r.URL.Query().Get("ifGenerationMatch") == "0" {
			verb = "create"
		}
	case r.Method == http.MethodDelete:
		_, object, _ = strings.Cut(r.URL.Path, "/o/")
		verb = "delete"
	default:
		return ""
	}
	first, _, _ := strings.Cut(object, "/")
	if strings.Contains(r.URL.Path, "/timbre-archive/") {
		first = "archive " + first
	}
	return verb + " " + first
}

// insertedName reads an object's name out of an upload.
func insertedName(r *http.Request, body []byte) string {
	if name := r.URL.Query().Get("name"); name != "" {
		return name
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	part, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).NextPart()
	if err != nil {
		return ""
	}
	var resource struct {
		Name string `json:"name"`
	}
	if err := json.NewDecoder(part).Decode(&resource); err != nil {
		return ""
	}
	return resource.Name
}

// siiCall names what a process asks the SII.
func siiCall(r *http.Request, _ []byte) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "DTEUpload"), r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "boleta.electronica.envio"):
		return "upload"
	case strings.Contains(r.URL.Path, "QueryEst"), strings.Contains(r.URL.Path, "boleta.electronica") && strings.Contains(r.URL.Path, "-"):
		return "query"
	}
	return ""
}
