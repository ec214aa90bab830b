package notify

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"timbre/shared/alert"
	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/store"
)

// Name is the function in due entries.
const Name = document.Notify

// pauses are the distances between attempts: three days in all (API.md, Webhooks).
var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour,
	15*time.Hour + 24*time.Minute,
}

// task is what a due entry asks for: an event to be logged and delivered.
type task struct {
	entry   due.Entry
	company store.Company
	id      store.EventID
	// subject is what only one task of a process works on at a time; its events are delivered in order.
	subject string
	// document and seq name the change; zero where the event is an alert.
	document store.DocumentID
	seq      int
	// attempt counts the deliveries that failed before.
	attempt int
	// parts are the entry's without the attempt.
	parts []string
}

// read tells what an entry asks for. Entries of a first attempt carry no number.
func read(e due.Entry) (task, error) {
	if len(e.Parts) > 0 && e.Parts[0] == document.NoticeOf {
		return readChange(e)
	}
	return readAlert(e)
}

func readChange(e due.Entry) (task, error) {
	d, seq, err := document.ParseNotice(e.Parts)
	if err != nil {
		return task{}, err
	}
	t := task{
		entry: e, company: d.Company, id: store.StatusEvent(d, seq), subject: store.StatusEvents(d),
		document: d, seq: seq, parts: document.NoticeParts(d, seq),
	}
	t.attempt, err = attempt(e.Parts[len(t.parts):])
	return t, err
}

func readAlert(e due.Entry) (task, error) {
	c, id, err := alert.ParseParts(e.Parts)
	if err != nil {
		return task{}, err
	}
	t := task{entry: e, company: c, id: id, subject: string(id), parts: alert.Parts(c, id)}
	t.attempt, err = attempt(e.Parts[len(t.parts):])
	return t, err
}

func attempt(rest []string) (int, error) {
	if len(rest) == 0 {
		return 0, nil
	}
	n, err := strconv.Atoi(rest[0])
	if err != nil || n < 1 || n > len(pauses) || len(rest) > 1 {
		return 0, fmt.Errorf("notify: %q is no attempt", rest)
	}
	return n, nil
}

// next are the parts of the entry of the next attempt.
func (t task) next() []string {
	return append(slices.Clone(t.parts), strconv.Itoa(t.attempt+1))
}

// last tells whether there is no attempt after this one.
func (t task) last() bool { return t.attempt == len(pauses) }
