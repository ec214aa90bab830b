package store

import (
	"context"
	"errors"
)

// What a Driver answers when the cloud's answer is definite; any other error leaves the outcome unknown.
var (
	ErrNotFound = errors.New("store: no such object")
	ErrExists   = errors.New("store: object exists")
	ErrChanged  = errors.New("store: object changed meanwhile")
	// ErrRetained says that the bucket's retention policy forbids the write.
	ErrRetained = errors.New("store: object is retained")
)

// Object is one stored object. Generation grows with every write; Meta is custom metadata that
// listings carry, so that lists need not read Data.
type Object struct {
	Name       string
	Data       []byte
	Meta       map[string]string
	Generation int64
}

// Query bounds a listing. Names come in byte order, from Start (inclusive) to End (exclusive, "" = open).
// Delimiter "/" folds what follows it into Prefixes.
type Query struct {
	Prefix, Start, End, Delimiter string
	Limit                         int    // entries of one page; 0 = the driver's own
	Token                         string // Page.Next of the page before
}

// Page is one page of a listing: objects without Data.
type Page struct {
	Objects  []Object
	Prefixes []string
	Next     string // "" on the last page
}

// Driver is a bucket. Errors other than the sentinels above mean: unknown, perhaps done.
type Driver interface {
	Read(ctx context.Context, name string) (Object, error)
	Create(ctx context.Context, o Object) (int64, error)
	Replace(ctx context.Context, o Object) (int64, error) // of the generation o.Generation
	Delete(ctx context.Context, name string, generation int64) error
	List(ctx context.Context, q Query) (Page, error)
}
