package gcs_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/storage"

	"timbre/emulators/gcs"
)

const many = 200_000

func manyNames() []string {
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("claims/certificacion/76192083-9/33/%010d.json", i)
	}
	return names
}

// BenchmarkListPage reads a page of 1000 from the middle of 200,000 names under
// one prefix.
func BenchmarkListPage(b *testing.B) {
	names := manyNames()
	x := gcs.NewIndex(names)
	for b.Loop() {
		if got := x.List("claims/", names[many/2], 1000); got != 1000 {
			b.Fatalf("page of %d", got)
		}
	}
}

// BenchmarkIndexPut adds and removes a name among 200,000.
func BenchmarkIndexPut(b *testing.B) {
	names := manyNames()
	x := gcs.NewIndex(names)
	for i := 0; b.Loop(); i++ {
		name := names[i*7919%many] + "x"
		x.Put(name)
		x.Drop(name)
	}
}

// BenchmarkServer writes and reads 4 KiB through the official client.
func BenchmarkServer(b *testing.B) {
	content := strings.Repeat("x", 4096)
	for _, kind := range []string{"memory", "disk"} {
		opt := options()
		if kind == "disk" {
			opt.Dir = b.TempDir()
		}
		bucket := client(b, start(b, opt).URL()).Bucket(state)
		var n atomic.Int64
		b.Run(kind+"/create", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					o := bucket.Object(fmt.Sprintf("bench/%010d", n.Add(1)))
					if _, err := put(b.Context(), o.If(storage.Conditions{DoesNotExist: true}), content); err != nil {
						b.Error(err)
					}
				}
			})
		})
		b.Run(kind+"/read", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, _, err := get(b.Context(), bucket.Object("bench/0000000001")); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
