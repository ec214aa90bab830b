package send_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"timbre/shared/rut"
	"timbre/shared/sii"
)

// fakeSII takes envelopes as the SII does: the same file again is STATUS 99 with the earlier track id. A
// script may answer for it.
type fakeSII struct {
	mu      sync.Mutex
	uploads []upload
	tracks  map[[32]byte]string
	ready   error
	// script answers the n-th upload (from 0) in the place of the SII; nil leaves it to the SII.
	script func(n int, u upload) *answer
	// state answers QueryEstDte; nil: DOK for what was received, else FAU.
	state func(q sii.Question) (sii.DocumentState, error)
	// exact answers QueryEstDteAv; nil: what QueryEstDte says.
	exact func(q sii.Question) (sii.DocumentState, error)
}

// upload is one that arrived.
type upload struct {
	sum       [32]byte
	documents []string // as 33/1
	received  bool
}

// answer is what a script says; received tells that the SII has taken the file all the same.
type answer struct {
	result   sii.UploadResult
	err      error
	received bool
}

func newFakeSII() *fakeSII { return &fakeSII{tracks: map[[32]byte]string{}} }

var documentInEnvelope = regexp.MustCompile(`<TipoDTE>(\d+)</TipoDTE>\s*<Folio>(\d+)</Folio>`)

// Ready implements send.Uploader.
func (f *fakeSII) Ready(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready
}

// Upload implements send.Uploader.
func (f *fakeSII) Upload(_ context.Context, _ rut.RUT, _ string, data []byte) (sii.UploadResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := upload{sum: sha256.Sum256(data)}
	for _, m := range documentInEnvelope.FindAllStringSubmatch(string(data), -1) {
		u.documents = append(u.documents, m[1]+"/"+m[2])
	}
	var said *answer
	if f.script != nil {
		said = f.script(len(f.uploads), u)
	}
	u.received = said == nil || said.received
	f.uploads = append(f.uploads, u)
	result := sii.UploadResult{Status: 0}
	if u.received {
		result = f.take(u)
	}
	if said != nil {
		return said.result, said.err
	}
	return result, nil
}

func (f *fakeSII) take(u upload) sii.UploadResult {
	if track := f.tracks[u.sum]; track != "" {
		return sii.UploadResult{Status: sii.StatusDuplicate, TrackID: track, Answer: "99"}
	}
	f.tracks[u.sum] = fmt.Sprintf("%010d", len(f.tracks)+1)
	return sii.UploadResult{Status: sii.StatusReceived, TrackID: f.tracks[u.sum], Answer: "0"}
}

// DocumentState implements send.Uploader.
func (f *fakeSII) DocumentState(_ context.Context, q sii.Question) (sii.DocumentState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != nil {
		return f.state(q)
	}
	for _, u := range f.uploads {
		if u.received && slices.Contains(u.documents, fmt.Sprintf("%d/%d", q.Type, q.Folio)) {
			return sii.DocumentState{State: "DOK"}, nil
		}
	}
	return sii.DocumentState{State: "FAU"}, nil
}

// ExactState implements send.Uploader.
func (f *fakeSII) ExactState(ctx context.Context, q sii.Question) (sii.DocumentState, error) {
	f.mu.Lock()
	exact := f.exact
	f.mu.Unlock()
	if exact != nil {
		return exact(q)
	}
	return f.DocumentState(ctx, q)
}

// count is the number of uploads.
func (f *fakeSII) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.uploads)
}

// doubled lists documents that were received in two different files.
func (f *fakeSII) doubled() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := map[string][32]byte{}
	var doubled []string
	for _, u := range f.uploads {
		for _, d := range u.documents {
			if before, seen := files[d]; u.received && seen && before != u.sum {
				doubled = append(doubled, d)
			}
			if u.received {
				files[d] = u.sum
			}
		}
	}
	return doubled
}

// says is a definite answer for a file that was not taken.
func says(status int, reason string) *answer {
	return &answer{result: sii.UploadResult{Status: status, Detail: []string{reason}, Answer: reason}}
}

// loses drops the answer.
func loses(received bool) *answer {
	return &answer{err: fmt.Errorf("%w: connection reset", sii.ErrIndeterminate), received: received}
}

var errDown = fmt.Errorf("%w: connection refused", sii.ErrUnavailable)

var errLogin = &sii.StatusError{Op: "getToken", Code: "10", Glosa: "ERROR RETORNO DATOS"}

// first answers only the first uploads, each once.
func first(answers ...*answer) func(int, upload) *answer {
	return func(n int, _ upload) *answer {
		if n < len(answers) {
			return answers[n]
		}
		return nil
	}
}

// poison refuses with STATUS 7 whatever holds the document.
func poison(document string) func(int, upload) *answer {
	return func(_ int, u upload) *answer {
		if slices.Contains(u.documents, document) {
			return says(sii.StatusSchema, "LSX-00213")
		}
		return nil
	}
}
