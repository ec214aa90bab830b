package local

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
)

const (
	// maxBody is more than any function takes.
	maxBody = 40 << 20
	// maxInMemory is what of a request is kept in memory; larger ones are in a file while they are passed on.
	maxInMemory = 256 << 10
)

// kept is the body of a request that has come whole.
type kept struct {
	content io.ReaderAt
	size    int64
	file    *os.File // nil: in memory
}

// keep reads a body to its end.
func keep(body io.Reader) (*kept, error) {
	begin, err := io.ReadAll(io.LimitReader(body, maxInMemory+1))
	if err != nil {
		return nil, err
	}
	if len(begin) <= maxInMemory {
		return &kept{content: bytes.NewReader(begin), size: int64(len(begin))}, nil
	}
	file, err := os.CreateTemp("", "timbre-body-")
	if err != nil {
		return nil, fmt.Errorf("keep a body: %w", err)
	}
	k := &kept{content: file, file: file}
	k.size, err = io.Copy(file, io.MultiReader(bytes.NewReader(begin), body))
	if err != nil {
		k.drop()
		return nil, err
	}
	return k, nil
}

// of is the request with the body, which can be read again: net/http repeats one with an Idempotency-Key
// whose connection turns out to be dead.
func (k *kept) of(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.ContentLength, r.TransferEncoding = k.size, nil
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(k.content, 0, k.size)), nil }
	r.Body, _ = r.GetBody() //nolint:errcheck // it has no error
	return r
}

// drop forgets the body.
func (k *kept) drop() {
	if k.file == nil {
		return
	}
	_ = k.file.Close()           // it was only read
	_ = os.Remove(k.file.Name()) // in the folder for temporary files
}
