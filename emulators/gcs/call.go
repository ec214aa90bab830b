package gcs

import (
	"net/http"
	"net/url"
	"strings"
)

// The verbs, as counted and as named by Fault.Verb.
const (
	verbInsert       = "insert"
	verbGet          = "get"
	verbRead         = "read"
	verbPatch        = "patch"
	verbDelete       = "delete"
	verbList         = "list"
	verbBucketInsert = "bucket_insert"
	verbBucketGet    = "bucket_get"
	verbBucketList   = "bucket_list"
)

// call is a request understood: what is to be done to what.
type call struct {
	verb, bucket, object string
	query                url.Values
	plain                bool // the XML API's form: conditions in headers
	req                  *http.Request
}

func (c *call) writes() bool {
	return c.verb == verbInsert || c.verb == verbPatch || c.verb == verbDelete
}

// parseCall routes by the escaped path: object names may hold slashes, dots and
// whatever http.ServeMux would clean away.
func parseCall(r *http.Request) (*call, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("Malformed query.")
	}
	c := &call{query: query, req: r}
	path := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, "/upload/storage/v1/b/"); ok {
		return c, c.parseUploadPath(rest)
	}
	if rest, ok := strings.CutPrefix(path, "/storage/v1/b"); ok {
		return c, c.parseAPIPath(rest)
	}
	return c, c.parsePlainPath(path)
}

func (c *call) parseUploadPath(rest string) error {
	bucket, tail, _ := strings.Cut(rest, "/")
	if tail != "o" || c.req.Method != http.MethodPost {
		return unknownRoute(c.req)
	}
	c.verb, c.bucket, c.object = verbInsert, bucket, c.query.Get("name")
	return nil
}

func (c *call) parseAPIPath(rest string) error {
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	method := c.req.Method
	switch {
	case rest == "" || rest == "/":
		c.verb = map[string]string{http.MethodGet: verbBucketList, http.MethodPost: verbBucketInsert}[method]
	case len(parts) == 1:
		c.bucket = parts[0]
		c.verb = map[string]string{http.MethodGet: verbBucketGet}[method]
	case len(parts) == 2 && parts[1] == "o":
		c.bucket = parts[0]
		c.verb = map[string]string{http.MethodGet: verbList}[method]
	case len(parts) == 3 && parts[1] == "o":
		c.bucket = parts[0]
		c.verb = c.objectVerb()
		return c.setObject(parts[2])
	}
	if c.verb == "" {
		return unknownRoute(c.req)
	}
	return nil
}

func (c *call) objectVerb() string {
	switch {
	case c.req.Method == http.MethodGet && c.query.Get("alt") == "media":
		return verbRead
	case c.req.Method == http.MethodGet:
		return verbGet
	case c.req.Method == http.MethodPatch:
		return verbPatch
	case c.req.Method == http.MethodDelete:
		return verbDelete
	}
	return ""
}

// parsePlainPath takes /bucket/object, which the client uses without
// storage.WithJSONReads.
func (c *call) parsePlainPath(path string) error {
	bucket, object, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !ok || c.req.Method != http.MethodGet && c.req.Method != http.MethodHead {
		return unknownRoute(c.req)
	}
	c.verb, c.bucket, c.plain = verbRead, bucket, true
	return c.setObject(object)
}

func (c *call) setObject(escaped string) error {
	name, err := url.PathUnescape(escaped)
	if err != nil || c.verb == "" {
		return unknownRoute(c.req)
	}
	c.object = name
	return nil
}

func (c *call) conditions() (conditions, error) {
	if c.plain {
		return headerConditions(c.req.Header, c.query)
	}
	return parseConditions(c.query)
}

func unknownRoute(r *http.Request) error {
	return &apiError{
		status: http.StatusNotFound, reason: "notFound",
		message: r.Method + " " + r.URL.Path + " is not emulated here.",
	}
}

// unsupportedParams are refused when set: to ignore them would answer another
// question.
var unsupportedParams = []string{
	"filter", "includeFoldersAsPrefixes", "includeTrailingDelimiter", "kmsKeyName", "matchGlob",
	"predefinedAcl", "softDeleted", "versions",
}

func (c *call) refuseUnsupported() error {
	for _, name := range unsupportedParams {
		if v := c.query.Get(name); v != "" && v != "false" {
			return notEmulated("Parameter " + name)
		}
	}
	return nil
}
