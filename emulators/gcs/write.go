package gcs

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

func (s *Server) insert(b *bucket, c *call) (reply, error) {
	cond, err := c.conditions()
	if err != nil {
		return nil, err
	}
	up, err := readUpload(c)
	if err != nil {
		return nil, err
	}
	c.object = cmp.Or(c.object, up.fields.text("name"))
	next, err := newAttrs(c, up)
	if err != nil {
		return nil, err
	}
	l := b.lock(c.object)
	l.Lock()
	defer l.Unlock()
	old := b.objects.get(c.object)
	if err := s.mayWrite(b, c, old, cond); err != nil {
		return nil, err
	}
	return s.store(b, old, next, up.content)
}

func (s *Server) store(b *bucket, old *object, next attrs, content []byte) (reply, error) {
	next.Generation, next.Metageneration = s.buckets.generation(), 1
	next.Created = s.buckets.stamp()
	next.Updated = next.Created
	o, err := b.put(next, content)
	if err != nil {
		return nil, err
	}
	s.stats.add(b.Name, map[bool]string{true: statCreated, false: statOverwritten}[old == nil])
	return jsonReply(s.resource(b, o)), nil
}

// mayWrite checks what an insert and a delete have in common. Conditions come
// first: a create-only write of a retained object is a 412, not a 403.
func (s *Server) mayWrite(b *bucket, c *call, old *object, cond conditions) error {
	if err := cond.check(old, false); err != nil {
		return err
	}
	if err := b.guard(old, s.now()); err != nil {
		return err
	}
	return s.limit(b, c)
}

func (s *Server) limit(b *bucket, c *call) error {
	if !s.limiter.allow(b.Name+"/"+c.object, s.panel.get().WritesPerSecond, s.now()) {
		return tooManyWrites(b.Name, c.object)
	}
	return nil
}

func readUpload(c *call) (upload, error) {
	header := c.req.Header.Get("Content-Type")
	switch kind := c.query.Get("uploadType"); kind {
	case "multipart":
		return parseMultipart(header, c.req.Body)
	case "media":
		return parseMedia(header, c.req.Body)
	default:
		return upload{}, notEmulated("uploadType " + kind)
	}
}

func newAttrs(c *call, up upload) (attrs, error) {
	if err := checkName(c.object); err != nil {
		return attrs{}, err
	}
	a := attrs{Name: c.object}
	if err := up.fields.apply(&a); err != nil {
		return attrs{}, err
	}
	a.Editable.ContentType = cmp.Or(a.Editable.ContentType, up.contentType)
	a.describe(up.content)
	return a, checkSums(&a, up.fields, c.req.Header)
}

// checkName follows Cloud Storage's rules for object names.
func checkName(name string) error {
	switch {
	case name == "":
		return &apiError{status: http.StatusBadRequest, reason: "required", message: "Required parameter: name"}
	case len(name) > 1024, !utf8.ValidString(name), strings.ContainsAny(name, "\r\n"), name == ".", name == "..":
		return invalid("Invalid object name: %q", name)
	}
	return nil
}

// checkSums compares the checksums that the caller sent, in the resource or in
// X-Goog-Hash, with the content that arrived.
func checkSums(a *attrs, fields change, h http.Header) error {
	sent := map[string]string{"crc32c": fields.text("crc32c"), "md5": fields.text("md5Hash")}
	for _, item := range strings.Split(strings.Join(h.Values("X-Goog-Hash"), ","), ",") {
		if kind, value, ok := strings.Cut(strings.TrimSpace(item), "="); ok {
			sent[kind] = value
		}
	}
	for kind, have := range map[string]string{"crc32c": a.crcText(), "md5": a.md5Text()} {
		if sent[kind] != "" && sent[kind] != have {
			return invalid("Provided %s %q doesn't match calculated %q.", kind, sent[kind], have)
		}
	}
	return nil
}

func (s *Server) patch(b *bucket, c *call, cond conditions) (reply, error) {
	text, err := readLimited(c.req.Body, maxResource)
	if err != nil {
		return nil, err
	}
	var edits change
	if err := json.Unmarshal(text, &edits); err != nil {
		return nil, invalid("Object resource: %v.", err)
	}
	l := b.lock(c.object)
	l.Lock()
	defer l.Unlock()
	old, err := b.live(c.object, cond, false)
	if err != nil {
		return nil, err
	}
	next := old.attrs
	if err := edits.apply(&next); err != nil {
		return nil, err
	}
	if err := s.limit(b, c); err != nil {
		return nil, err
	}
	return s.storePatch(b, old, next)
}

func (s *Server) storePatch(b *bucket, old *object, next attrs) (reply, error) {
	content, err := readAll(old.body)
	if err != nil {
		return nil, err
	}
	next.Metageneration++
	next.Updated = s.buckets.stamp()
	o, err := b.put(next, content)
	if err != nil {
		return nil, err
	}
	s.stats.add(b.Name, statPatched)
	return jsonReply(s.resource(b, o)), nil
}

func (s *Server) remove(b *bucket, c *call, cond conditions) (reply, error) {
	l := b.lock(c.object)
	l.Lock()
	defer l.Unlock()
	old, err := b.live(c.object, cond, false)
	if err != nil {
		return nil, err
	}
	if err := s.mayWrite(b, c, old, cond); err != nil {
		return nil, err
	}
	if err := b.drop(c.object); err != nil {
		return nil, err
	}
	s.stats.add(b.Name, statDeleted)
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, nil
}
