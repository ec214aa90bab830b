package store

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"timbre/shared/dte"
	"timbre/shared/rut"
)

// ReceivedID names a document that a company received: who issued it, type and folio.
type ReceivedID struct {
	Company
	Issuer rut.RUT  `json:"issuer"`
	Type   dte.Type `json:"type"`
	Folio  int64    `json:"folio"`
}

// String is the public id, as 76192083-9/96806980-2/33/101.
func (d ReceivedID) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", d.RUT, d.Issuer, d.Type, d.Folio)
}

func (d ReceivedID) path() string {
	return fmt.Sprintf("%s/%s/%d/%010d", d.Company.path(), d.Issuer, d.Type, d.Folio)
}

// DueParts name a received document in due entries.
func (d ReceivedID) DueParts() []string {
	return []string{string(d.Env), d.RUT.String(), d.Issuer.String(), strconv.Itoa(int(d.Type)), fmt.Sprintf("%010d", d.Folio)}
}

// ParseReceived reads what DueParts wrote; more parts may follow.
func ParseReceived(parts []string) (ReceivedID, error) {
	if len(parts) < 5 {
		return ReceivedID{}, fmt.Errorf("store: %q names no received document", parts)
	}
	series, err := ParseSeries(parts[0], parts[1], parts[3])
	if err != nil {
		return ReceivedID{}, fmt.Errorf("store: %q: %w", parts, err)
	}
	issuer, issuerErr := rut.Parse(parts[2])
	folio, folioErr := strconv.ParseUint(parts[4], 10, 48)
	if issuerErr != nil || folioErr != nil {
		return ReceivedID{}, fmt.Errorf("store: %q names no received document", parts)
	}
	return ReceivedID{Company: series.Company, Issuer: issuer, Type: series.Type, Folio: int64(folio)}, nil
}

// Names of the archive bucket.

// ReceivedXML holds a <DTE> as its issuer wrote it, one object for each variant.
func ReceivedXML(d ReceivedID, sum [sha256.Size]byte) Name {
	return Name{fmt.Sprintf("received/%s/%x.xml", d.path(), sum)}
}

// ReceivedFile holds a file out of a mail as it was sent: an envelope, an answer, or what nobody can read.
func ReceivedFile(c Company, sum [sha256.Size]byte) Name {
	return Name{fmt.Sprintf("received/%s/files/%x.xml", c.path(), sum)}
}

// Names of the state bucket.

// Received holds what is known of a received document.
func Received(d ReceivedID) Name { return Name{"received/" + d.path() + ".json"} }

// ReceivedFileInfo holds what a file is and what it brought.
func ReceivedFileInfo(c Company, sum [sha256.Size]byte) Name {
	return Name{fmt.Sprintf("received/%s/files/%x.json", c.path(), sum)}
}

// ReceivedMail says that all of a mail was taken in.
func ReceivedMail(c Company, sum [sha256.Size]byte) Name {
	return Name{fmt.Sprintf("received/%s/mails/%x.json", c.path(), sum)}
}

// ReceivedCursor holds how far a company's mailbox was read for documents.
func ReceivedCursor(r rut.RUT) Name { return Name{"cursors/" + r.String() + "/received.json"} }

// ReceivedEvent is the event that a document was received for the first time.
func ReceivedEvent(d ReceivedID) EventID {
	return EventID(strings.Join(d.DueParts(), "."))
}
