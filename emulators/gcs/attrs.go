package gcs

import (
	"crypto/md5" //nolint:gosec // Cloud Storage names objects' MD5
	"encoding/json"
	"hash/crc32"
	"maps"
	"time"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// attrs is an object's metadata, as kept in the header of its file. A published
// attrs is never changed.
type attrs struct {
	Name           string            `json:"name"`
	Generation     int64             `json:"generation"`
	Metageneration int64             `json:"metageneration"`
	Created        time.Time         `json:"created"`
	Updated        time.Time         `json:"updated"`
	Size           int64             `json:"size"`
	CRC32C         uint32            `json:"crc32c"`
	MD5            []byte            `json:"md5"`
	Editable       editable          `json:"editable"`
	Metadata       map[string]string `json:"metadata,omitempty"`
}

// editable are the fixed fields that an insert or a patch may set.
type editable struct {
	ContentType        string     `json:"contentType,omitempty"`
	ContentEncoding    string     `json:"contentEncoding,omitempty"`
	ContentLanguage    string     `json:"contentLanguage,omitempty"`
	ContentDisposition string     `json:"contentDisposition,omitempty"`
	CacheControl       string     `json:"cacheControl,omitempty"`
	CustomTime         *time.Time `json:"customTime,omitempty"`
}

// change is the writable part of an object resource in a request: absent fields
// stay, null clears.
type change map[string]json.RawMessage

const maxMetadata = 8 << 10 // Cloud Storage quotas: custom metadata of one object

// apply edits a as JSON merge patch would.
func (c change) apply(a *attrs) error {
	if err := c.refuseUnsupported(); err != nil {
		return err
	}
	edited := map[string]any{
		"contentType": &a.Editable.ContentType, "contentEncoding": &a.Editable.ContentEncoding,
		"contentLanguage": &a.Editable.ContentLanguage, "contentDisposition": &a.Editable.ContentDisposition,
		"cacheControl": &a.Editable.CacheControl, "customTime": &a.Editable.CustomTime,
	}
	for key, target := range edited {
		if err := c.set(key, target); err != nil {
			return err
		}
	}
	return c.applyMetadata(a)
}

func (c change) set(key string, target any) error {
	raw, ok := c[key]
	if !ok {
		return nil
	}
	if text, isText := target.(*string); isText && string(raw) == "null" {
		*text = ""
		return nil
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return invalid("Invalid value for field %s.", key)
	}
	return nil
}

func (c change) applyMetadata(a *attrs) error {
	raw, ok := c["metadata"]
	if !ok {
		return nil
	}
	var edits map[string]*string
	if err := json.Unmarshal(raw, &edits); err != nil {
		return invalid("Invalid value for field metadata.")
	}
	if edits == nil {
		a.Metadata = nil
		return nil
	}
	next := maps.Clone(a.Metadata)
	if next == nil {
		next = make(map[string]string, len(edits))
	}
	for key, value := range edits {
		if value == nil {
			delete(next, key)
			continue
		}
		next[key] = *value
	}
	a.Metadata = next
	return checkMetadataSize(next)
}

func checkMetadataSize(m map[string]string) error {
	size := 0
	for key, value := range m {
		size += len(key) + len(value)
	}
	if size > maxMetadata {
		return invalid("The metadata for your object exceeds the limit of %d bytes.", maxMetadata)
	}
	return nil
}

// refuseUnsupported keeps a caller from trusting a protection that is not there.
func (c change) refuseUnsupported() error {
	for _, key := range []string{"acl", "contexts", "eventBasedHold", "retention", "temporaryHold"} {
		switch string(c[key]) {
		case "", "null", "false", "[]":
		default:
			return notEmulated("Field " + key)
		}
	}
	return nil
}

func (a *attrs) describe(content []byte) {
	sum := md5.Sum(content) //nolint:gosec // Cloud Storage names objects' MD5
	a.Size, a.CRC32C, a.MD5 = int64(len(content)), crc32.Checksum(content, castagnoli), sum[:]
}
