// Package store keeps objects in buckets and knows the name of every object.
//
// Safety rests on two writes only: Create (nothing may be there, Cloud Storage's ifGenerationMatch=0)
// and Replace or Delete of the very generation that was read. Clocks, leases and hints may decide who
// tries, never who wins.
//
// A Driver is a bucket as the cloud has it: a call that ends in anything but success may still have
// taken effect, and "exists" may be one's own success whose answer was lost. Bucket is the one place
// that resolves this: it reads the object again and compares the bytes. So whoever must know whether
// he himself won puts a nonce into what he writes.
//
// Names are built from typed values only, never from the text of a request or a mail.
package store
