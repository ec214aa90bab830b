package gcs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// An object's file: one line "timbre-gcs 1 <length> <crc32c>" about the header
// that follows, the header (attrs as JSON) and the content. All of it is renamed
// into place at once.
const fileLine = "timbre-gcs 1 %08x %08x\n"

const (
	fileLineSize = len("timbre-gcs 1 01234567 89abcdef\n")
	maxHeader    = 1 << 16
)

var errFile = errors.New("not an object file")

func fileHeader(a attrs) ([]byte, error) {
	header, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("object header: %w", err)
	}
	if len(header) > maxHeader {
		return nil, fmt.Errorf("object header: %d bytes, at most %d", len(header), maxHeader)
	}
	line := fmt.Sprintf(fileLine, len(header), crc32.Checksum(header, castagnoli))
	return append([]byte(line), header...), nil
}

// readFileHeader returns the metadata and where the content begins.
func readFileHeader(r io.Reader) (attrs, int64, error) {
	br := bufio.NewReader(r)
	line := make([]byte, fileLineSize)
	if _, err := io.ReadFull(br, line); err != nil {
		return attrs{}, 0, fmt.Errorf("%w: first line: %w", errFile, err)
	}
	var size, sum uint32
	if _, err := fmt.Sscanf(string(line), fileLine, &size, &sum); err != nil {
		return attrs{}, 0, fmt.Errorf("%w: first line: %w", errFile, err)
	}
	if size > maxHeader {
		return attrs{}, 0, fmt.Errorf("%w: header of %d bytes", errFile, size)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(br, header); err != nil {
		return attrs{}, 0, fmt.Errorf("%w: header: %w", errFile, err)
	}
	if crc32.Checksum(header, castagnoli) != sum {
		return attrs{}, 0, fmt.Errorf("%w: header is damaged", errFile)
	}
	var a attrs
	if err := json.Unmarshal(header, &a); err != nil {
		return attrs{}, 0, fmt.Errorf("%w: header: %w", errFile, err)
	}
	return a, int64(fileLineSize) + int64(size), nil
}
