// Package journal keeps the state of an emulator in one append-only file.
//
// Records are appended in memory and written together: whoever needs certainty
// waits for the Commit, which is an fsync shared by all that were appended
// before it (group commit); the rest reaches the disk within FlushDelay. When
// the file has grown it is replaced by a snapshot that its owner gives.
//
// A process that is killed leaves at worst a torn last record. Open cuts it
// off: nothing behind the last whole record was ever promised to anybody.
//
// It knows nothing of Pub/Sub: a record is a kind, names and a body.
package journal
