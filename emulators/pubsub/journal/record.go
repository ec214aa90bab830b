package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Record is one change of state. The meaning is the owner's.
type Record struct {
	Kind  byte
	Names []string
	Body  []byte
}

const (
	headerSize = 8 // length and checksum of what follows, 4 bytes each
	// maxPayload bounds what a damaged length can make the reader allocate. A
	// Pub/Sub message has at most 10 MB.
	maxPayload = 64 << 20
)

// ErrTooLarge tells that a record is larger than the reader would accept.
var ErrTooLarge = errors.New("journal: record too large")

var errTorn = errors.New("journal: torn record")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendRecord appends the record's bytes to dst:
//
//	length u32 | CRC-32C u32 | kind u8 | number of names | (length, name)… | body
//
// Fixed numbers are big-endian, the others are varints.
func AppendRecord(dst []byte, r Record) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	dst = append(dst, r.Kind)
	dst = binary.AppendUvarint(dst, uint64(len(r.Names)))
	for _, name := range r.Names {
		dst = binary.AppendUvarint(dst, uint64(len(name)))
		dst = append(dst, name...)
	}
	dst = append(dst, r.Body...)
	payload := dst[start+headerSize:]
	if len(payload) > maxPayload {
		return dst[:start], ErrTooLarge
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(payload))) //nolint:gosec // bounded just above
	binary.BigEndian.PutUint32(dst[start+4:], crc32.Checksum(payload, castagnoli))
	return dst, nil
}

// Read applies each whole record of r in turn and answers the length of all of
// them. It stops without error at the first record that is cut short or
// damaged; an error is apply's or the reader's.
func Read(r io.Reader, apply func(Record) error) (int64, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	whole := int64(0)
	for {
		payload, err := readPayload(in)
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return whole, nil
		}
		if err != nil {
			return whole, fmt.Errorf("read journal at %d: %w", whole, err)
		}
		record, err := parse(payload)
		if err != nil {
			return whole, nil //nolint:nilerr // damage ends the journal like a torn record
		}
		if err := apply(record); err != nil {
			return whole, fmt.Errorf("apply journal record at %d: %w", whole, err)
		}
		whole += headerSize + int64(len(payload))
	}
}

func readPayload(in io.Reader) ([]byte, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(in, header); err != nil {
		return nil, torn(err)
	}
	size := binary.BigEndian.Uint32(header)
	if size == 0 || size > maxPayload {
		return nil, errTorn
	}
	payload, err := io.ReadAll(io.LimitReader(in, int64(size)))
	if err != nil {
		return nil, err
	}
	if len(payload) < int(size) || crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(header[4:]) {
		return nil, errTorn
	}
	return payload, nil
}

func torn(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}

func parse(payload []byte) (Record, error) {
	record := Record{Kind: payload[0]}
	count, rest, err := uvarint(payload[1:])
	if err != nil {
		return record, err
	}
	for range count {
		var size uint64
		size, rest, err = uvarint(rest)
		if err != nil || size > uint64(len(rest)) {
			return record, errTorn
		}
		record.Names = append(record.Names, string(rest[:size]))
		rest = rest[size:]
	}
	record.Body = rest
	return record, nil
}

func uvarint(text []byte) (uint64, []byte, error) {
	n, size := binary.Uvarint(text)
	if size <= 0 {
		return 0, nil, errTorn
	}
	return n, text[size:], nil
}
