package sii

import (
	"fmt"
	"io"
	"net/url"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/rcv"
)

// ReadSOAP opens the SOAP reader to the fuzzer.
func ReadSOAP(body []byte) (string, []string, error) { return readSOAP(body) }

// ParsedForm is what the upload's reader found.
type ParsedForm struct {
	Sender, Company, File string
	Data                  []byte
}

// ParseForm opens the upload's reader to the fuzzer.
func ParseForm(body io.Reader, boundary string, limit int64) (ParsedForm, error) {
	f, err := parseForm(body, boundary, limit)
	return ParsedForm{Sender: f.sender(), Company: f.company(), File: f.file, Data: f.data}, err
}

// Inspect opens the form checks of a file to the fuzzer.
func Inspect(data []byte) (*judge.Envelope, []string, bool) { return inspect(data, Switches{}) }

// BoletaQuestion opens the reader of a document's path to the fuzzer; empty when
// the service answers 400.
func BoletaQuestion(path string, query url.Values) string {
	q, ok := boletaQuestion(path, query)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s-%d-%d", q.issuer, q.kind, q.folio)
}

// EnvelopeKey opens the reader of an envelope's path.
func EnvelopeKey(path string) []string { return envelopeKey.FindStringSubmatch(path) }

// Lies are the changes that faults make to answers.
var Lies = []func(string) string{garble, emptyEPR}

// ReadClaimCall opens the reader of the reclamo service to the fuzzer.
func ReadClaimCall(body []byte) (string, error) {
	q, err := readClaimCall(body)
	return q.op, err
}

// ReadBookQuery opens the reader of the RCV's backend to the fuzzer; empty when
// the query is refused.
func ReadBookQuery(method string, body []byte) (rcv.Book, error) {
	q, err := readBookQuery(method, body)
	return q.book, err
}
