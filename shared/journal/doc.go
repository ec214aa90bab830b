// Package journal keeps a company's gapless numbered logs: each event once, under the next number.
//
// An event has an id; appending it again, from any process, at any time, gives the number it has. A
// reader gives out the entries after a number as far as they have no gap, so that who reads on from the
// last number he got misses none and sees none twice, while writers append.
//
// Three kinds of object make a log. The head holds the last batch of events with the number of the first
// and is changed by compare-and-set; this alone decides numbers. From the head anybody writes the batch
// out, each event as an entry (log/) and then its number as a mark (logged/), any number of times with
// the same bytes. The head may move on only when all marks of its batch stand. So whoever has the head of
// some generation, all marks written, and finds no mark of an event, knows that it is not in the log as
// long as the head has that generation.
//
// The head is rewritten once a batch, and Cloud Storage allows about one write a second to an object:
// what a process has to append meanwhile waits together and makes the next batch.
package journal
