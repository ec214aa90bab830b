package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
)

// Name is the name of an object. Only the functions below make one.
type Name struct{ s string }

func (n Name) String() string { return n.s }

// Environment is one of the SII's two separate worlds.
type Environment string

// The environments of the SII (WEBSERVICES §1): maullin and palena.
const (
	Certificacion Environment = "certificacion"
	Produccion    Environment = "produccion"
)

// Valid tells whether e names an environment.
func (e Environment) Valid() bool { return e == Certificacion || e == Produccion }

// Channel is the way that a document takes to the SII: DTEUpload or the boletas' own service.
type Channel string

// The channels.
const (
	DTE    Channel = "dte"
	Boleta Channel = "boleta"
)

// ChannelOf tells a type's channel.
func ChannelOf(t dte.Type) Channel {
	if t.IsBoleta() {
		return Boleta
	}
	return DTE
}

// Company is a company in one environment.
type Company struct {
	Env Environment `json:"environment"`
	RUT rut.RUT     `json:"rut"`
}

// Series is the run of folios of one type of document of a company.
type Series struct {
	Company
	Type dte.Type `json:"type"`
}

// DocumentID names one document.
type DocumentID struct {
	Series
	Folio int64 `json:"folio"`
}

// String is the public id, as 76192083-9/33/101.
func (d DocumentID) String() string {
	return fmt.Sprintf("%s/%d/%d", d.RUT, d.Type, d.Folio)
}

// EnvelopeID names one envelope of a company's chain.
type EnvelopeID struct {
	Company
	Channel Channel `json:"channel"`
	Number  int64   `json:"number"`
}

// RequestKey is what stands for an idempotency key in names: its SHA-256 in hex.
type RequestKey string

// KeyOf hashes an idempotency key.
func KeyOf(idempotencyKey string) RequestKey {
	sum := sha256.Sum256([]byte(idempotencyKey))
	return RequestKey(hex.EncodeToString(sum[:]))
}

func (c Company) path() string { return string(c.Env) + "/" + c.RUT.String() }

func (s Series) path() string { return s.Company.path() + "/" + strconv.Itoa(int(s.Type)) }

func (d DocumentID) path() string { return fmt.Sprintf("%s/%010d", d.Series.path(), d.Folio) }

// Names of the archive bucket.

// SignedDTE holds the signed bytes; version 1, higher only where the document was replaced.
func SignedDTE(d DocumentID, version int) Name {
	return Name{fmt.Sprintf("dte/%s/%d.xml", d.path(), version)}
}

// SentEnvelope holds the envelope as sent.
func SentEnvelope(e EnvelopeID) Name {
	return Name{fmt.Sprintf("envelopes/%s/%s/%010d.xml", e.path(), e.Channel, e.Number)}
}

// Evidence holds the n-th request, answer or decision about a document.
func Evidence(d DocumentID, n int) Name {
	return Name{fmt.Sprintf("evidence/%s/%06d.json", d.path(), n)}
}

// EvidencePrefix is where the evidence about a document stands.
func EvidencePrefix(d DocumentID) string { return "evidence/" + d.path() + "/" }

// Mail holds a mail as it came, by its SHA-256.
func Mail(c Company, sum [sha256.Size]byte) Name {
	return Name{fmt.Sprintf("mail/%s/%x.eml", c.path(), sum)}
}

// Names of the state bucket.

// CompanyConfig holds a company's configuration.
func CompanyConfig(r rut.RUT) Name { return Name{"companies/" + r.String() + ".json"} }

// CompanyPrefix is where the configurations stand.
const CompanyPrefix = "companies/"

// APIKey holds what is known of an API key, by the SHA-256 of the key.
func APIKey(sum [sha256.Size]byte) Name { return Name{"keys/" + hex.EncodeToString(sum[:]) + ".json"} }

// APIKeyPrefix is where the API keys stand.
const APIKeyPrefix = "keys/"

// Token holds an SII token; certificate is the SHA-256 of the certificate.
func Token(e Environment, c Channel, certificate [sha256.Size]byte) Name {
	return Name{fmt.Sprintf("tokens/%s/%s/%x.json", e, c, certificate)}
}

// Claim says who holds a folio.
func Claim(d DocumentID) Name { return Name{"claims/" + d.path() + ".json"} }

// ClaimPrefix is where the claims of a series stand.
func ClaimPrefix(s Series) string { return "claims/" + s.path() + "/" }

// Freed is a hint that a folio's claim may be free; only the claim itself tells.
func Freed(d DocumentID) Name { return Name{"freed/" + d.path()} }

// FreedPrefix is where the hints of a series stand.
func FreedPrefix(s Series) string { return "freed/" + s.path() + "/" }

// LowMark is a hint below which every folio of a series is taken and finished.
func LowMark(s Series) Name { return Name{"marks/" + s.path() + ".json"} }

// Request binds an idempotency key to its folio.
func Request(c Company, k RequestKey) Name {
	return Name{"req/" + c.path() + "/" + string(k) + ".json"}
}

// Document holds a document's state.
func Document(d DocumentID) Name { return Name{"doc/" + d.path() + ".json"} }

// DocumentPrefix is where the documents of a series stand.
func DocumentPrefix(s Series) string { return "doc/" + s.path() + "/" }

// DocumentsPrefix is where the documents of a company stand, one folder a type.
func DocumentsPrefix(c Company) string { return "doc/" + c.path() + "/" }

// Outbox marks a document that waits to be packed.
func Outbox(c Channel, d DocumentID) Name {
	return Name{fmt.Sprintf("%s%d-%010d", OutboxPrefix(d.Company, c), d.Type, d.Folio)}
}

// OutboxRoot is where the outboxes of all chains stand.
const OutboxRoot = "outbox/"

// OutboxPrefix is where the waiting documents of a chain stand.
func OutboxPrefix(c Company, ch Channel) string {
	return fmt.Sprintf("outbox/%s/%s/", c.path(), ch)
}

// Plan holds what an envelope is made of and what became of it.
func Plan(e EnvelopeID) Name {
	return Name{fmt.Sprintf("%s%010d.json", PlanPrefix(e.Company, e.Channel), e.Number)}
}

// PlanPrefix is where the plans of a chain stand.
func PlanPrefix(c Company, ch Channel) string {
	return fmt.Sprintf("envelopes/%s/%s/", c.path(), ch)
}

// ResultMail says that a mail tells what became of the upload with a track id; the SII's track ids are
// numbers of at most 15 digits.
func ResultMail(r rut.RUT, track int64, mail [sha256.Size]byte) Name {
	return Name{fmt.Sprintf("%s%x.json", ResultMailPrefix(r, track), mail)}
}

// ResultMailPrefix is where the mails about an upload stand.
func ResultMailPrefix(r rut.RUT, track int64) string { return fmt.Sprintf("results/%s/%d/", r, track) }

// MailCursor holds how far a company's mailbox was read for result mails.
func MailCursor(r rut.RUT) Name { return Name{"cursors/" + r.String() + "/results.json"} }

// MinuteForm makes the names of due entries order as time does (UTC).
const MinuteForm = "2006-01-02T15:04"

// Due marks work to be looked at from a minute on; the parts name it (each a single path element).
func Due(at time.Time, function string, parts ...string) Name {
	return Name{DuePrefix + at.UTC().Format(MinuteForm) + "/" + function + "/" + strings.Join(parts, "/")}
}

// DuePrefix is where the due entries stand, a folder a minute.
const DuePrefix = "due/"

// DueEnd is the listing bound after which nothing is due at the time.
func DueEnd(at time.Time) string {
	return DuePrefix + at.UTC().Add(time.Minute).Format(MinuteForm)
}

// Log is the n-th entry of a company's gapless log.
func Log(c Company, log string, n int64) Name {
	return Name{fmt.Sprintf("%s%012d.json", LogPrefix(c, log), n)}
}

// LogPrefix is where the entries of a company's log stand.
func LogPrefix(c Company, log string) string { return "log/" + c.path() + "/" + log + "/" }

// LogHead holds the last entries of a company's log with their numbers, before they are written out.
func LogHead(c Company, log string) Name { return Name{"heads/" + c.path() + "/" + log + ".json"} }

// EventID names an event, the same one however often it happens to be told: a single path element of
// typed values.
type EventID string

// StatusEvent is the event that a document's status changed for the seq-th time.
func StatusEvent(d DocumentID, seq int) EventID {
	return EventID(fmt.Sprintf("%s%d", StatusEvents(d), seq))
}

// StatusEvents is what the ids of a document's StatusEvent begin with.
func StatusEvents(d DocumentID) string {
	return fmt.Sprintf("%s.%s.%d.%d.", d.Env, d.RUT, d.Type, d.Folio)
}

// Valid tells whether the id is a path element that needs no escaping anywhere.
func (e EventID) Valid() bool {
	return e != "" && len(e) <= 200 && strings.Trim(string(e), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// Logged tells the number that an event has in a company's log.
func Logged(c Company, log string, e EventID) Name {
	return Name{LoggedPrefix(c, log) + string(e)}
}

// LoggedPrefix is where the numbers of a log's events stand.
func LoggedPrefix(c Company, log string) string { return "logged/" + c.path() + "/" + log + "/" }

// Delivered marks an event that the company's webhook needs no more.
func Delivered(c Company, e EventID) Name { return Name{DeliveredPrefix(c) + string(e)} }

// DeliveredPrefix is where the marks of a company's delivered events stand.
func DeliveredPrefix(c Company) string { return "delivered/" + c.path() + "/" }

// DeadLetter tells of an event, by its number in the log, that the company's webhook never took.
func DeadLetter(c Company, n int64) Name {
	return Name{fmt.Sprintf("%s%012d.json", DeadLetterPrefix(c), n)}
}

// DeadLetterPrefix is where a company's dead letters stand.
func DeadLetterPrefix(c Company) string { return "dead/" + c.path() + "/" }

// ParseNumber reads the number out of a name that Log or DeadLetter made.
func ParseNumber(name string) (int64, error) {
	base := strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".json")
	n, err := strconv.ParseInt(base, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("store: %s names no entry of a log", name)
	}
	return n, nil
}

// ParseDocument reads the id out of a name that Claim, Freed, Document, SignedDTE or Evidence made.
func ParseDocument(name string) (DocumentID, error) {
	parts := strings.Split(name, "/")
	if len(parts) < 5 {
		return DocumentID{}, fmt.Errorf("store: %s names no document", name)
	}
	series, err := ParseSeries(parts[1], parts[2], parts[3])
	if err != nil {
		return DocumentID{}, fmt.Errorf("store: %s: %w", name, err)
	}
	return parseDocument(series, strings.TrimSuffix(parts[4], ".json"))
}

// ParseOutbox reads the id out of a name that Outbox made.
func ParseOutbox(name string) (DocumentID, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 5 {
		return DocumentID{}, fmt.Errorf("store: %s is no outbox entry", name)
	}
	kind, number, _ := strings.Cut(parts[4], "-")
	series, err := ParseSeries(parts[1], parts[2], kind)
	if err != nil {
		return DocumentID{}, fmt.Errorf("store: %s: %w", name, err)
	}
	return parseDocument(series, number)
}

func parseDocument(s Series, folio string) (DocumentID, error) {
	n, err := strconv.ParseUint(folio, 10, 48)
	if err != nil {
		return DocumentID{}, fmt.Errorf("store: no folio %.20q", folio)
	}
	return DocumentID{Series: s, Folio: int64(n)}, nil
}

// ParseSeries reads a series out of the three path elements that Due entries and prefixes carry.
func ParseSeries(env, company, kind string) (Series, error) {
	if !Environment(env).Valid() {
		return Series{}, fmt.Errorf("no environment %q", env)
	}
	r, err := rut.Parse(company)
	if err != nil {
		return Series{}, err
	}
	t, err := dte.ParseType(kind)
	if err != nil {
		return Series{}, err
	}
	return Series{Company: Company{Env: Environment(env), RUT: r}, Type: t}, nil
}
