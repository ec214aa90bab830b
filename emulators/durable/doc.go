// Package durable writes files that survive kill -9 and loss of power, for the
// emulators that keep state on disk.
//
// A file is written beside its place under a temporary name, flushed, renamed
// and its directory flushed: a reader sees the old bytes or the new ones, and
// once WriteFile has returned the new ones stay. What a crash leaves under a
// temporary name was never acknowledged; Clean removes it at start.
package durable
