package result

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// Root is the element that such a file begins with; it has no namespace, but any is taken.
const Root = "RESULTADO_ENVIO"

// Errors of Parse. ErrOther says that the XML is fine but something else.
var (
	ErrOther = errors.New("result: not a RESULTADO_ENVIO")
	ErrTrack = errors.New("result: no track id")
)

// limits: a REVISIONDTE takes about 300 bytes, an envelope holds 2,000 documents.
var limits = xmldsig.Limits{Bytes: 4 << 20, Depth: 16}

// Parse reads a RESULTADO_ENVIO.
func Parse(xml []byte) (Result, error) {
	doc, err := xmldsig.Parse(xml, limits)
	if err != nil {
		return Result{}, fmt.Errorf("result: %w", err)
	}
	return FromNode(doc.Root())
}

// FromNode reads a RESULTADO_ENVIO that was parsed already.
func FromNode(root *xmldsig.Node) (Result, error) {
	if root == nil || root.Local != Root {
		return Result{}, ErrOther
	}
	id := root.Child("IDENTIFICACION")
	r := Result{
		Issuer:     rutOf(id.Child("RUTEMISOR")),
		Sender:     rutOf(id.Child("RUTENVIA")),
		Track:      Track(text(id.Child("TRACKID"))),
		ReceivedAt: timeOf(text(id.Child("TMSTRECEPCION"))),
	}
	if r.Track == "" {
		return Result{}, ErrTrack
	}
	r.State, r.Glosa = stateOf(text(id.Child("ESTADO")))
	r.Counts = countsOf(root.Child("ESTADISTICA"))
	r.Faults = detailsOf(root.Child("ERRORENVIO"), "DETERRENVIO")
	r.Documents = documentsOf(root.Child("REVISIONENVIO"))
	return r, nil
}

func text(n *xmldsig.Node) string { return strings.Join(strings.Fields(n.Text()), " ") }

// rutOf is zero where there is no RUT: the identity of a Result is its track id.
func rutOf(n *xmldsig.Node) rut.RUT {
	r, err := rut.Parse(text(n))
	if err != nil {
		return rut.RUT{}
	}
	return r
}

// Track is a track id without leading zeros, so that those of DTEUpload (padded to ten digits) and those of
// mails compare; empty if s is none.
func Track(s string) string {
	s = strings.TrimLeft(strings.TrimSpace(s), "0")
	if len(s) > 20 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// number is 0 where there is none.
func number(n *xmldsig.Node) int {
	v, err := strconv.ParseUint(text(n), 10, 32)
	if err != nil {
		return 0
	}
	return int(v)
}

// timeOf reads DD/MM/YYYY hh:mm:ss as a wall clock: local time of Chile, here with the zone UTC. It is
// zero if it is no time.
func timeOf(s string) time.Time {
	for _, layout := range []string{"02/01/2006 15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// stateOf parts "EPR - Envio Procesado". A text without a code is all glosa.
func stateOf(s string) (code, glosa string) {
	before, after, found := strings.Cut(s, "-")
	code = strings.ToUpper(strings.TrimSpace(before))
	if code == "" || len(code) > 4 || !found && len(code) != 3 {
		return "", s
	}
	return code, strings.TrimSpace(after)
}

func countsOf(n *xmldsig.Node) []Count {
	var out []Count
	for e := range n.Elements() {
		if e.Local != "SUBTOTAL" {
			continue
		}
		out = append(out, Count{
			Type: dte.Type(number(e.Child("TIPODOC"))), Informed: number(e.Child("INFORMADO")), Rejected: number(e.Child("RECHAZO")),
			Remarks: number(e.Child("REPARO")), Accepted: number(e.Child("ACEPTA")),
		})
	}
	return out
}

func documentsOf(n *xmldsig.Node) []Document {
	var out []Document
	for e := range n.Elements() {
		if e.Local != "REVISIONDTE" {
			continue
		}
		d := Document{Type: dte.Type(number(e.Child("TIPODTE"))), Folio: number(e.Child("FOLIO")), Details: detailsOf(e, "DETALLE")}
		d.State, d.Glosa = stateOf(text(e.Child("ESTADO")))
		d.Verdict = verdicts[d.State]
		out = append(out, d)
	}
	return out
}

func detailsOf(n *xmldsig.Node, name string) []Detail {
	var out []Detail
	for e := range n.Elements() {
		if e.Local != name {
			continue
		}
		if s := text(e); s != "" {
			out = append(out, detailOf(s))
		}
	}
	return out
}

// coded is (SECTION-LEVEL-CODE) text.
var coded = regexp.MustCompile(`^\(?\s*([A-Za-z]{2,5})\s*-\s*(\d)\s*-\s*(\d{1,5})\s*\)?\s*[-:.]?\s*(.*)$`)

func detailOf(s string) Detail {
	m := coded.FindStringSubmatch(s)
	if m == nil {
		return Detail{Text: s}
	}
	return Detail{Code: strings.ToUpper(m[1]) + "-" + m[2] + "-" + m[3], Level: Level(m[2][0] - '0'), Text: m[4]}
}

// subject is "Resultado de Revision Envio 251767784 - 76192083-9".
var subject = regexp.MustCompile(`(?i)resultado\s+de\s+revisi[oó]n\s+(?:de\s+)?env[ií]o\s*:?\s*(\d{1,20})\s*-\s*(\d{1,8}-[\dk])`)

// ParseSubject reads the subject of a result mail; false if it is none.
func ParseSubject(s string) (track string, issuer rut.RUT, ok bool) {
	m := subject.FindStringSubmatch(s)
	if m == nil {
		return "", rut.RUT{}, false
	}
	issuer, err := rut.Parse(strings.ToUpper(m[2]))
	if err != nil {
		return "", rut.RUT{}, false
	}
	track = Track(m[1])
	return track, issuer, track != ""
}
