package received

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"timbre/shared/dte"
	"timbre/shared/exchange"
	"timbre/shared/journal"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// Mail is what came in at once: a mail, or an XML that was posted.
type Mail struct {
	SHA256    string    `json:"sha256"`
	At        time.Time `json:"at"`
	Size      int       `json:"size"`
	From      string    `json:"from,omitempty"`
	ReplyTo   string    `json:"reply_to,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	MessageID string    `json:"message_id,omitempty"`
	// Automatic is the kind of mail that no person and no issuing program wrote (package parts), else empty.
	Automatic string `json:"automatic,omitempty"`
	// Truncated says that the mail was larger than what is read of one.
	Truncated bool `json:"truncated,omitempty"`
	// Files are the SHA-256 of what was taken out of it.
	Files []string `json:"files"`
	// Documents counts those for the company, Quarantined what went there.
	Documents   int `json:"documents"`
	Quarantined int `json:"quarantined,omitempty"`
}

// File is an XML out of a mail.
type File struct {
	SHA256 string        `json:"sha256"`
	Kind   exchange.Kind `json:"kind"`
	Size   int           `json:"size"`
	// Name is as the sender gave it; only to be shown. Path is where in the mail it stood.
	Name string `json:"name,omitempty"`
	Path string `json:"path"`
	// Mail is the one that brought it first.
	Mail     string    `json:"mail"`
	At       time.Time `json:"at"`
	Encoding string    `json:"encoding"`
	// Cut says that it was taken out of running text.
	Cut bool `json:"cut,omitempty"`
	// Envelope is the Caratula; nil if the kind has none.
	Envelope *Envelope `json:"envelope,omitempty"`
	// From is who answers, in an answer.
	From      rut.RUT         `json:"from,omitzero"`
	Checks    exchange.Checks `json:"checks"`
	Documents []Brought       `json:"documents"`
}

// Envelope is the Caratula of a file.
type Envelope struct {
	ID       string  `json:"id"`
	Issuer   rut.RUT `json:"issuer,omitzero"`
	Sender   rut.RUT `json:"sender,omitzero"`
	Receiver rut.RUT `json:"receiver,omitzero"`
}

// Brought is a document of a file.
type Brought struct {
	Issuer rut.RUT  `json:"issuer,omitzero"`
	Type   dte.Type `json:"type"`
	Folio  int64    `json:"folio"`
	SHA256 string   `json:"sha256"`
	// Left says why the document is not in the register: one of the Codes of a Quarantine, or OwnDocument.
	Left string `json:"left,omitempty"`
}

// OwnDocument is a document that the company issued itself, as a bounced mail brings it back.
const OwnDocument = "own-document"

// Codes of a Quarantined besides those of exchange.Quarantine and the reasons of package parts.
const (
	NoXML         = "no-xml"         // a mail of a person without anything that may be a document
	Truncated     = "truncated"      // a mail that is larger than what is read of one
	NoIdentity    = "no-identity"    // a document whose issuer, type or folio cannot be read
	OtherReceiver = "other-receiver" // a document for somebody else
)

// Quarantined is what came in and is in no register, with why.
type Quarantined struct {
	Mail string    `json:"mail"`
	Path string    `json:"path,omitempty"`
	Name string    `json:"name,omitempty"`
	File string    `json:"file,omitempty"` // SHA-256; empty where only the mail has the bytes
	At   time.Time `json:"at"`
	Size int       `json:"size"`
	Code string    `json:"code"`
	// Reason is Spanish.
	Reason  string `json:"reason"`
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Document says which, where it is one document of a file.
	Document *Brought `json:"document,omitempty"`
}

// id names it: the same thing in the same mail, however often the mail is taken in.
func (q *Quarantined) id() store.EventID {
	key := q.Mail + "\x00" + q.Path + "\x00" + q.Code
	if q.Document != nil {
		key += "\x00" + q.Document.SHA256
	}
	sum := sha256.Sum256([]byte(key))
	return store.EventID(hex.EncodeToString(sum[:16]))
}

// Quarantine makes sure that things are in the log of the quarantine, each once.
func (g *Register) Quarantine(ctx context.Context, c store.Company, all ...Quarantined) error {
	events := make([]journal.Event, len(all))
	for i := range all {
		body, err := json.Marshal(&all[i])
		if err != nil {
			return fmt.Errorf("quarantine: %w", err)
		}
		events[i] = journal.Event{ID: all[i].id(), Body: body}
	}
	_, err := g.quarantine.Append(ctx, c, events...)
	return err
}

// InQuarantine is an entry of the log with its number.
type InQuarantine struct {
	Number int64 `json:"number"`
	Quarantined
}

// Quarantines gives what is in quarantine after a number, at most limit.
func (g *Register) Quarantines(ctx context.Context, c store.Company, after int64, limit int) ([]InQuarantine, error) {
	entries, err := g.quarantine.Read(ctx, c, after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]InQuarantine, len(entries))
	for i, e := range entries {
		all[i].Number = e.Number
		if err := json.Unmarshal(e.Body, &all[i].Quarantined); err != nil {
			return nil, fmt.Errorf("decode entry %d of the quarantine: %w", e.Number, err)
		}
	}
	return all, nil
}

// KeepMail notes that all of a mail was taken in; one that was noted before stays.
func KeepMail(ctx context.Context, b *store.Bucket, c store.Company, m *Mail) error {
	digest, err := Digest(m.SHA256)
	if err != nil {
		return err
	}
	_, err = b.CreateJSON(ctx, store.ReceivedMail(c, digest), m, nil)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// LoadMail reads what is known of a mail; store.ErrNotFound if it was not taken in.
func LoadMail(ctx context.Context, b *store.Bucket, c store.Company, sum string) (Mail, error) {
	digest, err := Digest(sum)
	if err != nil {
		return Mail{}, err
	}
	var m Mail
	_, err = b.ReadJSON(ctx, store.ReceivedMail(c, digest), &m)
	return m, err
}

// KeepFile notes a file. The record is that of its first arrival; the bool tells whether that is this one.
func KeepFile(ctx context.Context, b *store.Bucket, c store.Company, f *File) (bool, error) {
	name, err := fileName(c, f.SHA256)
	if err != nil {
		return false, err
	}
	_, err = b.CreateJSON(ctx, name, f, map[string]string{"kind": string(f.Kind)})
	if !errors.Is(err, store.ErrExists) {
		return err == nil, err
	}
	var known File
	_, err = b.ReadJSON(ctx, name, &known)
	return known.Mail == f.Mail && known.Path == f.Path, err
}

// LoadFile reads what is known of a file; store.ErrNotFound if there is none.
func LoadFile(ctx context.Context, b *store.Bucket, c store.Company, sum string) (File, error) {
	var f File
	name, err := fileName(c, sum)
	if err == nil {
		_, err = b.ReadJSON(ctx, name, &f)
	}
	return f, err
}

func fileName(c store.Company, sum string) (store.Name, error) {
	digest, err := Digest(sum)
	return store.ReceivedFileInfo(c, digest), err
}

// Digest reads a SHA-256 in hex; one that is none names nothing (store.ErrNotFound).
func Digest(text string) ([sha256.Size]byte, error) {
	var digest [sha256.Size]byte
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return digest, fmt.Errorf("received: no SHA-256 %.70q: %w", text, store.ErrNotFound)
	}
	return [sha256.Size]byte(raw), nil
}

// LogFile makes sure that a file which is no purchase is in the log of such files, once.
func (g *Register) LogFile(ctx context.Context, c store.Company, f *File) error {
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("log file %s: %w", f.SHA256, err)
	}
	_, err = g.files.Append(ctx, c, journal.Event{ID: store.EventID(f.SHA256), Body: body})
	return err
}

// NumberedFile is a file with its number in the log.
type NumberedFile struct {
	Number int64
	File
}

// Files gives the files that are no purchases after a number, at most limit.
func (g *Register) Files(ctx context.Context, c store.Company, after int64, limit int) ([]NumberedFile, error) {
	entries, err := g.files.Read(ctx, c, after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]NumberedFile, len(entries))
	for i, e := range entries {
		all[i].Number = e.Number
		if err := json.Unmarshal(e.Body, &all[i].File); err != nil {
			return nil, fmt.Errorf("decode entry %d of the files: %w", e.Number, err)
		}
	}
	return all, nil
}
