package gcs

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// objectResource is an object in the JSON API (storage#object).
type objectResource struct {
	Kind           string `json:"kind"`
	ID             string `json:"id"`
	SelfLink       string `json:"selfLink"`
	MediaLink      string `json:"mediaLink"`
	Name           string `json:"name"`
	Bucket         string `json:"bucket"`
	Generation     int64  `json:"generation,string"`
	Metageneration int64  `json:"metageneration,string"`
	Size           int64  `json:"size,string"`
	StorageClass   string `json:"storageClass"`
	MD5            string `json:"md5Hash"`
	CRC32C         string `json:"crc32c"`
	Etag           string `json:"etag"`
	Created        string `json:"timeCreated"`
	Updated        string `json:"updated"`
	RetainedUntil  string `json:"retentionExpirationTime,omitempty"`
	editable
	Metadata map[string]string `json:"metadata,omitempty"`
}

func (s *Server) resource(b *bucket, o *object) objectResource {
	self := s.url + "/storage/v1/b/" + b.Name + "/o/" + url.PathEscape(o.Name)
	r := objectResource{
		Kind: "storage#object", SelfLink: self,
		ID:        fmt.Sprintf("%s/%s/%d", b.Name, o.Name, o.Generation),
		MediaLink: fmt.Sprintf("%s?generation=%d&alt=media", self, o.Generation),
		Name:      o.Name, Bucket: b.Name, Generation: o.Generation, Metageneration: o.Metageneration,
		Size: o.Size, StorageClass: "STANDARD", MD5: o.md5Text(), CRC32C: o.crcText(), Etag: o.etag(),
		Created: timestamp(o.Created), Updated: timestamp(o.Updated),
		editable: o.Editable, Metadata: o.Metadata,
	}
	if b.Retention > 0 {
		r.RetainedUntil = timestamp(o.Created.Add(b.Retention))
	}
	return r
}

func (a *attrs) md5Text() string { return base64.StdEncoding.EncodeToString(a.MD5) }

func (a *attrs) crcText() string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, a.CRC32C))
}

func (a *attrs) etag() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d/%d", a.Generation, a.Metageneration))
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// bucketResource is a bucket in the JSON API (storage#bucket).
type bucketResource struct {
	Kind           string           `json:"kind"`
	ID             string           `json:"id"`
	SelfLink       string           `json:"selfLink"`
	Name           string           `json:"name"`
	Metageneration int64            `json:"metageneration,string"`
	Location       string           `json:"location"`
	LocationType   string           `json:"locationType"`
	StorageClass   string           `json:"storageClass"`
	Etag           string           `json:"etag"`
	Created        string           `json:"timeCreated"`
	Updated        string           `json:"updated"`
	Retention      *retentionPolicy `json:"retentionPolicy,omitempty"`
}

type retentionPolicy struct {
	Seconds   int64  `json:"retentionPeriod,string"`
	Effective string `json:"effectiveTime,omitempty"`
}

func (s *Server) bucketResource(b *bucket) bucketResource {
	r := bucketResource{
		Kind: "storage#bucket", ID: b.Name, Name: b.Name, SelfLink: s.url + "/storage/v1/b/" + b.Name,
		Metageneration: 1, Location: "US", LocationType: "multi-region", StorageClass: "STANDARD",
		Etag: "CAE=", Created: timestamp(b.Created), Updated: timestamp(b.Created),
	}
	if b.Retention > 0 {
		r.Retention = &retentionPolicy{Seconds: int64(b.Retention / time.Second), Effective: timestamp(b.Created)}
	}
	return r
}

func quoteEtag(s string) string { return strconv.Quote(s) }
