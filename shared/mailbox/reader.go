package mailbox

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"
)

// Account is a folder of a mailbox.
type Account struct {
	Server
	Folder string    // empty: INBOX
	Since  time.Time // mails that arrived before this day are not read; zero: all
}

func (a Account) folder() string { return cmp.Or(a.Folder, "INBOX") }

// Cursor is the last mail that was read. The zero Cursor stands before the first mail.
type Cursor struct {
	UIDValidity uint32 `json:"uid_validity"`
	UID         uint32 `json:"uid"`
}

// Message is one mail.
type Message struct {
	Cursor    Cursor    // to be kept once the mail is safe
	Size      int64     // as the server says; some only guess
	Arrived   time.Time // at the server
	Truncated bool      // the mail is larger than Options.MaxBytes; Body ends there
	Body      io.Reader // the raw mail; good until the callback returns
}

// Options tune a Reader. The zero value is good.
type Options struct {
	MaxBytes int64         // of one mail; 20 MB
	Limit    int           // mails of one Read; 50
	Timeout  time.Duration // for each step; 30 s
	Retries  int           // new connections without a mail in between; 2, negative: none
}

func (o Options) withDefaults() Options {
	o.MaxBytes = cmp.Or(o.MaxBytes, 20<<20)
	o.Limit = cmp.Or(o.Limit, 50)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.Retries = cmp.Or(o.Retries, 2)
	return o
}

// Reader reads mailboxes. It keeps no state and may be used by several goroutines.
type Reader struct {
	dial Dialer
	opts Options
}

// NewReader returns a Reader that connects through dial.
func NewReader(dial Dialer, o Options) *Reader { return &Reader{dial: dial, opts: o.withDefaults()} }

// Progress is how far a Read came.
type Progress struct {
	Cursor Cursor // for the next Read
	Mails  int    // that the callback took
	More   bool   // the mailbox holds later mails that were seen but not read
}

// Read calls each for the mails after the cursor, one after the other, and stops after Options.Limit mails.
// Under another UIDVALIDITY it starts again from the first mail: the server has numbered anew.
// When the connection breaks it connects again and goes on with the mail it was at, which each may
// so see twice. An error of each ends the Read and is returned as it is, unless the mail itself
// could not be read. Progress is right in every case: keep its Cursor also after an error.
func (r *Reader) Read(ctx context.Context, a Account, from Cursor, each func(context.Context, Message) error) (Progress, error) {
	p := Progress{Cursor: from}
	for tries := 0; ; tries++ {
		before := p.Mails
		err := r.once(ctx, a, &p, each)
		if p.Mails > before {
			tries = 0
		}
		var own *callbackError
		if errors.As(err, &own) {
			return p, own.err
		}
		if tries >= r.opts.Retries || ctx.Err() != nil || !errors.Is(err, ErrUnreachable) {
			return p, err
		}
	}
}

// callbackError keeps the caller's errors apart from those of the connection.
type callbackError struct{ err error }

func (e *callbackError) Error() string { return e.err.Error() }

func (r *Reader) once(ctx context.Context, a Account, p *Progress, each func(context.Context, Message) error) error {
	s, err := r.open(ctx, a)
	if err != nil {
		return err
	}
	defer s.close()
	if p.Cursor.UIDValidity != s.validity {
		p.Cursor = Cursor{UIDValidity: s.validity}
	}
	return s.walk(ctx, p, each)
}

// Latest is the cursor behind the newest mail, for who wants only mails to come. It also shows that
// the account works.
func (r *Reader) Latest(ctx context.Context, a Account) (Cursor, error) {
	s, err := r.open(ctx, a)
	if err != nil {
		return Cursor{}, err
	}
	defer s.close()
	return Cursor{UIDValidity: s.validity, UID: s.next - 1}, nil
}
