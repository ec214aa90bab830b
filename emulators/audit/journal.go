package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Entry is one answer that a caller saw.
type Entry struct {
	Key         string `json:"key"`
	Environment string `json:"environment"`
	Company     string `json:"company"`
	Status      int    `json:"status"`
	ID          string `json:"id,omitempty"`      // of the document, RUT/type/folio
	Total       string `json:"total,omitempty"`   // MntTotal that the caller ordered
	Answer      string `json:"answer,omitempty"`  // SHA-256 of the document as answered
	Refusal     string `json:"refusal,omitempty"` // what was said where it was refused
}

// Delivery is one event that a webhook took.
type Delivery struct {
	ID          string `json:"id"`
	Event       string `json:"event"`
	Environment string `json:"environment,omitempty"`
	Company     string `json:"company,omitempty"`
	Type        int    `json:"type,omitempty"`
	Folio       int64  `json:"folio,omitempty"`
	Status      string `json:"status,omitempty"`
	Seq         int    `json:"seq,omitempty"`
}

func (d Delivery) document() id { return id{series{d.Environment, d.Company, d.Type}, d.Folio} }

// Hash is an answer as Entry holds it.
func Hash(answer []byte) string {
	sum := sha256.Sum256(answer)
	return hex.EncodeToString(sum[:])
}

// Journal is a file of entries or deliveries, a line each. It is safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	file *os.File
}

// OpenJournal appends to a file.
func OpenJournal(path string) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the caller names it
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	return &Journal{file: file}, nil
}

// Add notes an answer.
func (j *Journal) Add(e Entry) error { return j.add(e) }

// AddDelivery notes what a webhook took.
func (j *Journal) AddDelivery(d Delivery) error { return j.add(d) }

func (j *Journal) add(e any) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

func readJournal[T any](path string) ([]T, error) {
	file, err := os.Open(path) //nolint:gosec // the caller names it
	if err != nil {
		return nil, fmt.Errorf("read a journal: %w", err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	var all []T
	for decoder := json.NewDecoder(bufio.NewReader(file)); ; {
		var e T
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, e)
	}
}
