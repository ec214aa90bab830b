package downloadreceived

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"timbre/shared/caf"
	"timbre/shared/exchange"
	"timbre/shared/mailbox/parts"
	"timbre/shared/mailbox/result"
	"timbre/shared/received"
	"timbre/shared/store"
)

// file takes in one candidate: whatever it is, its bytes are kept first.
func (t *taking) file(ctx context.Context, f parts.File) error {
	digest := sha256.Sum256(f.Content)
	if _, err := t.Archive.Create(ctx, store.ReceivedFile(t.company, digest), f.Content, nil); err != nil {
		return fmt.Errorf("archive a file: %w", err)
	}
	sum := hex.EncodeToString(digest[:])
	t.mail.Files = append(t.mail.Files, sum)
	file, err := exchange.Read(f.Content)
	var unread *exchange.Quarantine
	if errors.As(err, &unread) {
		q := t.leave(received.Quarantined{Path: f.Path, Name: f.Name, File: sum, Size: len(f.Content), Code: unread.Code, Reason: unread.Reason})
		return t.tell(ctx, Seen{Quarantined: &q})
	}
	if err != nil {
		return err
	}
	checker := exchange.Checker{Company: t.company.RUT, Environment: caf.Environment(t.company.Env), Keys: t.SIIKeys, Zone: t.chile}
	report := checker.Check(file)
	kept := received.File{
		SHA256: sum, Kind: file.Kind, Size: len(f.Content), Name: f.Name, Path: f.Path, Mail: t.mail.SHA256, At: t.at,
		Encoding: file.Encoding, Cut: f.Cut, Envelope: envelopeOf(file), Checks: report.Checks,
	}
	if file.Answer != nil {
		kept.From = file.Answer.From
	}
	return t.takeFile(ctx, f, &kept, report)
}

func envelopeOf(f *exchange.File) *received.Envelope {
	e := f.Envelope
	if e == nil {
		return nil
	}
	return &received.Envelope{ID: e.ID, Issuer: e.Issuer, Sender: e.Sender, Receiver: e.Receiver}
}

// takeFile registers what a file brings, then the file.
func (t *taking) takeFile(ctx context.Context, f parts.File, kept *received.File, report *exchange.Report) error {
	known := map[string]bool{}
	var err error
	switch kept.Kind {
	case exchange.EnvioDTE, exchange.EnvioBOLETA, exchange.DTE:
		known, err = t.takeDocuments(ctx, kept, report)
	case exchange.ResultadoEnvio:
		err = t.noteResult(ctx, f.Content)
	case exchange.RespuestaDTE, exchange.EnvioRecibos, exchange.AEC: // kept and listed
		kept.Documents = listed(report)
	}
	if err != nil {
		return err
	}
	first, err := received.KeepFile(ctx, t.State, t.company, kept)
	if err != nil {
		return err
	}
	if !purchases(kept) {
		if err := t.register.LogFile(ctx, t.company, kept); err != nil {
			return err
		}
	}
	return t.tell(ctx, Seen{File: kept, Report: report, Repeated: !first, Known: known})
}

// purchases tells whether all that a file brings is somewhere else: in the register or in quarantine.
func purchases(f *received.File) bool {
	if !f.Kind.IsEnvelope() && f.Kind != exchange.DTE {
		return false
	}
	for _, d := range f.Documents {
		if d.Left == received.OwnDocument {
			return false
		}
	}
	return true
}

// listed are the documents of a file that is no purchase.
func listed(r *exchange.Report) []received.Brought {
	all := make([]received.Brought, len(r.Documents))
	for i := range r.Documents {
		all[i] = brought(&r.Documents[i])
	}
	return all
}

func brought(d *exchange.DocumentReport) received.Brought {
	digest := sha256.Sum256(d.Bytes)
	return received.Brought{Issuer: d.Issuer, Type: d.Type, Folio: d.Folio, SHA256: hex.EncodeToString(digest[:])}
}

// tell has those know of a file who act upon it.
func (t *taking) tell(ctx context.Context, seen Seen) error {
	seen.Company, seen.Mail = t.company, t.mail
	for _, tell := range t.seen {
		if err := tell(ctx, seen); err != nil {
			return err
		}
	}
	return nil
}

// resultMail is what stands under a track id: where the mail is. It is what poll-status writes there and reads.
type resultMail struct {
	Environment store.Environment `json:"environment"`
}

// noteResult has poll-status find a result mail of the SII.
func (t *taking) noteResult(ctx context.Context, xml []byte) error {
	r, err := result.Parse(xml)
	if err != nil {
		return nil //nolint:nilerr // kept and listed like the others; there is no track id to note it under
	}
	track, err := strconv.ParseInt(r.Track, 10, 64)
	if err != nil || !r.Issuer.IsZero() && r.Issuer != t.company.RUT {
		return nil //nolint:nilerr // as above
	}
	digest, err := received.Digest(t.mail.SHA256)
	if err != nil {
		return err
	}
	_, err = t.State.CreateJSON(ctx, store.ResultMail(t.company.RUT, track, digest), resultMail{t.company.Env}, nil)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}
