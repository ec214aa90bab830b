package document

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/store"
)

const (
	// Notify is the function that tells callers of changes, in due entries.
	Notify = "notify"
	// NoticeOf is the first part of its entries about documents.
	NoticeOf = "document"
	// noticeAfter is when the tick looks at a change of which no message told.
	noticeAfter = 2 * time.Minute
)

// announce makes sure that notify looks at a document whose status is about to change. Whoever dies after
// it, before or after the change, leaves the entry; the change may be made, or fenced off. The step to
// sending is told together with the one that follows from it.
func announce(ctx context.Context, b *store.Bucket, r *Record) error {
	if r.Status == event.StatusSending {
		return nil
	}
	return due.Announce(ctx, b, r.NoticeDue(r.Seq), Notify, NoticeParts(r.DocumentID, r.Seq)...)
}

// NoticeDue is the minute of the entry that announced the seq-th change of the status.
func (r *Record) NoticeDue(seq int) time.Time {
	return r.ChangedTo(seq).At.Add(noticeAfter)
}

// ChangedTo is the history's entry of the seq-th change; 0 is the issue. What a history does not know is zero.
func (r *Record) ChangedTo(seq int) Change {
	i := len(r.History) - 1 - (r.Seq - seq)
	if i < 0 || i >= len(r.History) {
		return Change{}
	}
	return r.History[i]
}

// NoticeParts name a change of a document's status in due entries.
func NoticeParts(d store.DocumentID, seq int) []string {
	return []string{
		NoticeOf, string(d.Env), d.RUT.String(), strconv.Itoa(int(d.Type)), fmt.Sprintf("%010d", d.Folio), strconv.Itoa(seq),
	}
}

// ParseNotice reads what NoticeParts wrote; more parts may follow.
func ParseNotice(parts []string) (store.DocumentID, int, error) {
	if len(parts) < 6 || parts[0] != NoticeOf {
		return store.DocumentID{}, 0, fmt.Errorf("document: %q names no change", parts)
	}
	series, err := store.ParseSeries(parts[1], parts[2], parts[3])
	if err != nil {
		return store.DocumentID{}, 0, fmt.Errorf("document: %q: %w", parts, err)
	}
	folio, folioErr := strconv.ParseInt(parts[4], 10, 64)
	seq, seqErr := strconv.Atoi(parts[5])
	if folioErr != nil || seqErr != nil || folio < 1 || seq < 1 {
		return store.DocumentID{}, 0, fmt.Errorf("document: %q names no change", parts)
	}
	return store.DocumentID{Series: series, Folio: folio}, seq, nil
}

// Settle tells whether the seq-th change of the status was made. One that was not will not be made by
// whoever announced it so far: the record gets a new generation, so that he must read it and announce anew.
func Settle(ctx context.Context, b *store.Bucket, id store.DocumentID, seq int) (Record, bool, error) {
	r, err := store.Update(ctx, b, store.Document(id), func(r *Record) error {
		if r.Seq >= seq {
			return store.ErrUnchanged
		}
		r.Fence++
		return nil
	}, Meta)
	return r, r.Seq >= seq, err
}
