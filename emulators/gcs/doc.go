// Package gcs stands in for Google Cloud Storage: the part of its JSON API that
// the product uses, for the official client (STORAGE_EMULATOR_HOST), with
// conditions on every verb, retention, and dials that make it slow or faulty.
//
// With Options.Dir every acknowledged write survives kill -9: an object is one
// file, metadata and content together, renamed into place. Without it the
// objects live in memory.
//
// Start it as a library:
//
//	srv, err := gcs.Start(gcs.Options{Buckets: []gcs.Bucket{{Name: "state"}}})
//	os.Setenv("STORAGE_EMULATOR_HOST", srv.URL())
//
// or as a command (emulators/gcs/cmd). README.md lists the environment, the
// control routes and what is left out.
package gcs
