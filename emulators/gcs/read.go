package gcs

import (
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
)

func (s *Server) get(b *bucket, c *call, cond conditions) (reply, error) {
	o, err := b.live(c.object, cond, true)
	if err != nil {
		return nil, err
	}
	return jsonReply(s.resource(b, o)), nil
}

func (s *Server) read(b *bucket, c *call, cond conditions) (reply, error) {
	o, content, err := b.read(c.object, cond)
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = content.Close() }() // only read
		setObjectHeaders(w.Header(), o)
		serveContent(w, r, o, content)
	}, nil
}

func setObjectHeaders(h http.Header, o *object) {
	h.Set("X-Goog-Generation", strconv.FormatInt(o.Generation, 10))
	h.Set("X-Goog-Metageneration", strconv.FormatInt(o.Metageneration, 10))
	h.Set("X-Goog-Storage-Class", "STANDARD")
	h.Set("X-Goog-Stored-Content-Length", strconv.FormatInt(o.Size, 10))
	h.Add("X-Goog-Hash", "crc32c="+o.crcText())
	h.Add("X-Goog-Hash", "md5="+o.md5Text())
	h.Set("Etag", quoteEtag(o.etag()))
	for key, value := range o.Metadata {
		h.Set("X-Goog-Meta-"+key, value)
	}
	e := o.Editable
	for key, value := range map[string]string{
		"Content-Type": e.ContentType, "Content-Language": e.ContentLanguage, "Cache-Control": e.CacheControl,
		"Content-Disposition": e.ContentDisposition, "Content-Encoding": e.ContentEncoding,
	} {
		if value != "" {
			h.Set(key, value)
		}
	}
}

// serveContent leaves ranges to net/http, but not its conditional headers: those
// are no conditions of this API.
func serveContent(w http.ResponseWriter, r *http.Request, o *object, content io.ReadSeeker) {
	plain := r.Clone(r.Context())
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		plain.Header.Del(name)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	http.ServeContent(w, plain, "", o.Updated, content)
}

const pageLimit = 1000

func (s *Server) listObjects(b *bucket, c *call) (reply, error) {
	q, err := parseListing(c)
	if err != nil {
		return nil, err
	}
	p := b.objects.list(q)
	items := make([]objectResource, 0, len(p.items))
	for _, o := range p.items {
		items = append(items, s.resource(b, o))
	}
	out := objectList{Kind: "storage#objects", Items: items, Prefixes: p.prefixes}
	if p.next != "" {
		out.NextPageToken = base64.URLEncoding.EncodeToString([]byte(p.next))
	}
	return jsonReply(out), nil
}

type objectList struct {
	Kind          string           `json:"kind"`
	NextPageToken string           `json:"nextPageToken,omitempty"`
	Prefixes      []string         `json:"prefixes,omitempty"`
	Items         []objectResource `json:"items,omitempty"`
}

func parseListing(c *call) (listing, error) {
	q := listing{
		prefix: c.query.Get("prefix"), delimiter: c.query.Get("delimiter"),
		start: c.query.Get("startOffset"), end: c.query.Get("endOffset"), max: pageLimit,
	}
	resume, err := base64.URLEncoding.DecodeString(c.query.Get("pageToken"))
	if err != nil {
		return listing{}, invalid("Invalid page token.")
	}
	q.resume = string(resume)
	if text := c.query.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return listing{}, invalid("Invalid value for maxResults: %q.", text)
		}
		if n > 0 {
			q.max = min(n, pageLimit)
		}
	}
	return q, nil
}
