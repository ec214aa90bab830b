// Package crash breaks the product on purpose and has an audit say whether anything was lost.
//
// A campaign runs the functions' own binaries, several processes of each behind a balancer, on emulators
// that are as slow and narrow as the cloud. Every process has its storage and its SII behind taps of its
// own: a tap knows who calls, and kills the process with SIGKILL before or after a named write, or at
// random. Pushes of Pub/Sub are doubled, delayed, reordered and answered falsely. Callers issue new
// documents (one company's boletas go to the SII's service for them), repeat, repeat at the same time on
// other instances, send batches, go away, and keep a journal of what they were answered; so does who
// listens on their webhooks, and refuses some. Then nothing is killed any more, what has begun comes to its
// end, and package audit judges by buckets, registry and journals.
package crash
