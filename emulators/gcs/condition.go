package gcs

import (
	"net/http"
	"net/url"
	"strconv"
)

// conditions are the four of a request, and the generation it pins. Zero is a
// value ("does not exist"), hence the pointers.
type conditions struct {
	generation                   *int64
	genMatch, genNotMatch        *int64
	metagenMatch, metagenNoMatch *int64
}

func parseConditions(q url.Values) (conditions, error) {
	var c conditions
	for name, target := range c.params() {
		if err := parseInt(name, q.Get(name), target); err != nil {
			return conditions{}, err
		}
	}
	return c, nil
}

func (c *conditions) params() map[string]**int64 {
	return map[string]**int64{
		"generation":               &c.generation,
		"ifGenerationMatch":        &c.genMatch,
		"ifGenerationNotMatch":     &c.genNotMatch,
		"ifMetagenerationMatch":    &c.metagenMatch,
		"ifMetagenerationNotMatch": &c.metagenNoMatch,
	}
}

// headerConditions reads those of the XML API's plain reads, which has only these.
func headerConditions(h http.Header, q url.Values) (conditions, error) {
	values := url.Values{}
	values.Set("generation", q.Get("generation"))
	for param, header := range map[string]string{
		"ifGenerationMatch":     "X-Goog-If-Generation-Match",
		"ifMetagenerationMatch": "X-Goog-If-Metageneration-Match",
	} {
		values.Set(param, h.Get(header))
	}
	return parseConditions(values)
}

func parseInt(name, text string, target **int64) error {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return invalid("Invalid value for %s: %q.", name, text)
	}
	*target = &n
	return nil
}

// check says why o (nil: no live object) does not fit, or nil. A read whose
// "not match" fails is answered 304, a write 412.
func (c conditions) check(o *object, read bool) error {
	var generation, metageneration int64
	if o != nil {
		generation, metageneration = o.Generation, o.Metageneration
	}
	unchanged := func(param string) error {
		if read {
			return errNotModified
		}
		return conditionNotMet(param)
	}
	switch {
	case c.genMatch != nil && *c.genMatch != generation:
		return conditionNotMet("ifGenerationMatch")
	case c.metagenMatch != nil && (o == nil || *c.metagenMatch != metageneration):
		return conditionNotMet("ifMetagenerationMatch")
	case c.genNotMatch != nil && (o == nil || *c.genNotMatch == generation):
		return unchanged("ifGenerationNotMatch")
	case c.metagenNoMatch != nil && (o == nil || *c.metagenNoMatch == metageneration):
		return unchanged("ifMetagenerationNotMatch")
	}
	return nil
}
