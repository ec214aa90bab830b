package sii

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/schema"
)

// STATUS values of DTEUpload (WEBSERVICES §3.3).
const (
	statusOK         = 0
	statusSender     = 1
	statusSize       = 2
	statusTruncated  = 3
	statusParameters = 4
	statusToken      = 5
	statusCompany    = 6
	statusSchema     = 7
	statusBlocked    = 9
	statusDuplicate  = 99
)

const (
	minBytes   = 100  // "too small": nothing shorter is an envelope
	maxLine    = 4096 // the gateway's limit, bytes of a line without its end
	parserLine = 4090 // the limit of the parser behind it (rejections.csv, CHR-00002)
	retryAfter = 900  // seconds, as the answer to a duplicate says
)

// reception is the answer of an upload.
type reception struct {
	sender, company, file string
	at                    time.Time
	status                int
	track                 string
	errors                []string
}

// form is an upload's multipart body.
type form struct {
	rutSender, dvSender, rutCompany, dvCompany, file string
	data                                             []byte
}

func (f form) sender() string  { return f.rutSender + "-" + f.dvSender }
func (f form) company() string { return f.rutCompany + "-" + f.dvCompany }

var (
	errForm      = errors.New("form is not the five parts in their order")
	errTruncated = errors.New("body ends early")
)

// upload is DTEUpload: a CGI that imitates a browser's form post. The agent must
// contain "PROG 1.0", or the answer is the page that a person would see.
func (s *Server) upload(env judge.Environment, w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.UserAgent(), "PROG 1.0") {
		writePage(w, http.StatusOK, "HA OCURRIDO UN ERROR EN EL UPLOAD")
		return
	}
	if r.ContentLength < 0 {
		writePage(w, http.StatusLengthRequired, "Length Required")
		return
	}
	now := s.state.clock.now()
	person := s.auth.person(realmOf(env, channelDTE), cookie(r), now)
	if person == "" {
		writeReception(w, reception{status: statusToken})
		return
	}
	f, err := readForm(r, s.options.MaxBytes)
	answer := reception{sender: f.sender(), company: f.company(), file: f.file, at: now}
	switch {
	case errors.Is(err, errTruncated):
		answer.status = statusTruncated
	case err != nil:
		answer.status = statusParameters
	default:
		s.state.accept(env, person, f, &answer)
	}
	s.log.Info("upload", slog.String("rut_emisor", answer.company), slog.String("track_id", answer.track), slog.Int("status", answer.status))
	writeReception(w, answer)
}

func cookie(r *http.Request) string {
	c, err := r.Cookie("TOKEN")
	if err != nil {
		return ""
	}
	return c.Value
}

// parts are the names of the form in the order that the manual prescribes.
var parts = []string{"rutSender", "dvSender", "rutCompany", "dvCompany", "archivo"}

// readForm reads the five parts; the file may not exceed limit by much: its size
// is judged later, with its own STATUS.
func readForm(r *http.Request, limit int64) (form, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || parameters["boundary"] == "" {
		return form{}, errForm
	}
	return parseForm(r.Body, parameters["boundary"], limit)
}

func parseForm(body io.Reader, boundary string, limit int64) (form, error) {
	var f form
	fields := []*string{&f.rutSender, &f.dvSender, &f.rutCompany, &f.dvCompany}
	reader := multipart.NewReader(body, boundary)
	for i, name := range parts {
		part, err := reader.NextRawPart()
		if err != nil {
			return f, partError(err)
		}
		if part.FormName() != name {
			return f, fmt.Errorf("%w: %q in place of %q", errForm, part.FormName(), name)
		}
		data, err := io.ReadAll(io.LimitReader(part, limit+1))
		if err != nil {
			return f, partError(err)
		}
		if i < len(fields) {
			*fields[i] = string(data)
			continue
		}
		f.file, f.data = part.FileName(), data
	}
	if f.file == "" {
		return f, fmt.Errorf("%w: archivo has no filename", errForm)
	}
	return f, nil
}

func partError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return fmt.Errorf("%w: %w", errForm, err)
}

// accept runs the synchronous checks in the SII's order and registers the file.
// The form of a large file takes a second to check: that happens outside the lock.
func (s *state) accept(env judge.Environment, person string, f form, answer *reception) {
	var switches Switches
	if answer.status, switches = s.admit(env, person, f); answer.status != statusOK {
		return
	}
	if len(f.data) < minBytes || int64(len(f.data)) > s.maxBytes {
		answer.status = statusSize
		return
	}
	e := newEnvelope(env, channelDTE, f, switches)
	if e.content == nil || len(e.faults) > 0 && !on(switches.LateSchema) {
		answer.status, answer.errors = statusSchema, e.faults
		return
	}
	s.enroll(e, answer)
}

// newEnvelope looks at a file's form; content is nil where it cannot be read.
func newEnvelope(env judge.Environment, channel string, f form, switches Switches) *Envelope {
	e := &Envelope{
		Environment: env.Name, Channel: channel, Sender: f.sender(), Company: f.company(), File: f.file,
		SHA256: hash(f.data), Size: len(f.data), Sent: 1, Bytes: f.data, env: env,
	}
	e.content, e.faults = inspectFor(channel, env, f.data, switches)
	return e
}

// admit checks the sender's permission and the company's authorization.
func (s *state) admit(env judge.Environment, person string, f form) (int, Switches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.clock.now())
	company := s.account(env.Name, f.company())
	switch {
	case f.sender() != person || company != nil && s.rightsOf(env.Name, person, f.company()) == nil:
		return statusSender, s.switches
	case company == nil || !company.authorized:
		return statusCompany, s.switches
	}
	return statusOK, s.switches
}

// enroll gives a new file its track id, or tells of the earlier one.
func (s *state) enroll(e *Envelope, answer *reception) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer.at = s.clock.now()
	s.advance(answer.at)
	if old := s.byHash[e.env.Name+e.SHA256]; old != nil {
		s.again(old, answer)
		return
	}
	if err := s.receive(e, answer.at); err != nil {
		answer.status = statusBlocked // nothing is promised that could be forgotten
		return
	}
	answer.status, answer.track = statusOK, e.TrackID
}

// again answers a file whose bytes came before.
func (s *state) again(old *Envelope, answer *reception) {
	if err := s.record("resent", answer.at, resent{Environment: old.Environment, SHA256: old.SHA256}); err != nil {
		answer.status = statusBlocked
		return
	}
	old.Sent++
	answer.status = statusDuplicate
	answer.errors = []string{fmt.Sprintf("Archivo ya fue enviado %d veces con Trackid %s. Debe esperar %d segundos antes de reintentar",
		old.Sent, strings.TrimLeft(old.TrackID, "0"), retryAfter)}
}

var schemaLocation = regexp.MustCompile(`\A[^\n]*\n[^\n]*\bxsi:schemaLocation\s*=\s*["']http://www\.sii\.cl/SiiDte (EnvioDTE_v10|EnvioBOLETA_v11)\.xsd["']`)

// inspectFor judges the form of a file by its way in. Boletas go by DTEUpload in
// certification only; their own service takes nothing else, and no line is too
// long for it.
func inspectFor(channel string, env judge.Environment, data []byte, switches Switches) (*judge.Envelope, []string) {
	lax := true
	if channel == channelBoleta {
		switches.AllowLongLines = &lax
	}
	content, faults, readable := inspect(data, switches)
	boletas := readable && content.Root.Tag == "EnvioBOLETA"
	if readable && (channel == channelBoleta) != boletas && (channel == channelBoleta || env == judge.Production) {
		return nil, []string{invalidSchema}
	}
	if !readable {
		return nil, faults
	}
	return content, faults
}

const invalidSchema = "SCH-00001: Invalid Schema Name"

// inspect judges the form of a file: what the SII's schema step says. The third
// value says whether the file could be read at all.
func inspect(data []byte, switches Switches) (*judge.Envelope, []string, bool) {
	longest := longestLine(data)
	if on(switches.AllowLongLines) {
		longest = 0
	}
	switch {
	case longest > maxLine || !schemaLocation.Match(data):
		return nil, []string{invalidSchema}, false
	case longest > parserLine:
		return nil, []string{judge.ErrLine.Error()}, false
	}
	content, err := judge.Read(data)
	if err != nil {
		return nil, []string{err.Error()}, false
	}
	return content, schema.Check(content.Root), true
}

func longestLine(data []byte) int {
	longest := 0
	for line := range bytes.Lines(data) {
		longest = max(longest, len(bytes.TrimRight(line, "\r\n")))
	}
	return longest
}

// escapeText leaves quotes bare, as the SII's answers do.
var escapeText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// writeReception writes the answer byte for byte as recorded: STATUS 7 and 99
// come bare, the others with header and the CGI's blank lines.
func writeReception(w http.ResponseWriter, a reception) {
	var b strings.Builder
	switch {
	case a.status == statusSchema || a.status == statusDuplicate:
		fmt.Fprintf(&b, "<RECEPCIONDTE>\n <STATUS>%d</STATUS>\n <DETAIL>\n", a.status)
		for _, e := range a.errors {
			fmt.Fprintf(&b, "<ERROR>%s</ERROR>\n", escapeText.Replace(e))
		}
		b.WriteString("</DETAIL>\n</RECEPCIONDTE>\n")
	case a.status == statusToken:
		b.WriteString(receptionHead("0-0", "0-0", "", "0 0", a.status) + "</RECEPCIONDTE>\n")
	default:
		b.WriteString(receptionHead(a.sender, a.company, a.file, a.at.Format(time.DateTime), a.status))
		if a.track != "" {
			fmt.Fprintf(&b, " <TRACKID>%s</TRACKID>\n\n", a.track)
		}
		b.WriteString("</RECEPCIONDTE>\n")
	}
	w.Header().Set("Content-Type", "text/xml; charset=ISO-8859-1")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = io.WriteString(w, b.String()) // an error means that the client is gone
}

func receptionHead(sender, company, file, at string, status int) string {
	return fmt.Sprintf("<?xml version=\"1.0\"?>\n<RECEPCIONDTE>\n <RUTSENDER>%s</RUTSENDER>\n <RUTCOMPANY>%s</RUTCOMPANY>\n <FILE>%s</FILE>\n <TIMESTAMP>%s</TIMESTAMP>\n <STATUS>%d</STATUS>\n\n\n",
		escapeText.Replace(sender), escapeText.Replace(company), escapeText.Replace(file), at, status)
}

// writePage writes a page for people, as the SII's gateway does on any trouble.
func writePage(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><head><title>Servicio de Impuestos Internos</title></head>\n<body><h1>%s</h1></body></html>\n", text) // an error means that the client is gone
}
