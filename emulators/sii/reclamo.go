package sii

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"timbre/emulators/sii/claims"
	"timbre/emulators/sii/faults"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/rut"
)

// claimHost is a machine of the reclamo service (WEBSERVICES §1).
type claimHost struct {
	env  judge.Environment
	path string
}

var claimHosts = map[string]claimHost{
	"ws1.sii.cl": {judge.Production, "/WSREGISTRORECLAMODTE/registroreclamodteservice"},
	"ws2.sii.cl": {judge.Certification, "/WSREGISTRORECLAMODTECERT/registroreclamodteservice"},
}

func (s *Server) claimRoutes(mux *http.ServeMux) {
	for host, machine := range claimHosts {
		mux.HandleFunc("POST /"+host+machine.path, func(w http.ResponseWriter, r *http.Request) { s.claimService(host, machine.env, w, r) })
	}
}

// claimRealm is where the service's tokens come from. Since 2021 clients report
// that the one of certification wants a token of production (switch
// reclamo_production_token; WEBSERVICES §8, "Certification trap").
func (s *Server) claimRealm(env judge.Environment) realm {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	if on(s.state.switches.ClaimsWantProduction) {
		env = judge.Production
	}
	return realmOf(env, channelDTE)
}

// claimService reads the call before faults may strike, as all operations have
// one address.
func (s *Server) claimService(host string, env judge.Environment, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSOAP))
	if err != nil {
		writeClaimFault(w, "Client", "request unreadable")
		return
	}
	q, err := readClaimCall(body)
	in := s.claimRealm(env)
	s.guarded(call{op: q.op, host: host, in: in}, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case err != nil:
			writeClaimFault(w, "Client", err.Error())
		case q.namespace != claimNS || !slices.Contains(faults.Claims, q.op):
			writeClaimFault(w, "Client", fmt.Sprintf("Cannot find dispatch method for {%s}%s", q.namespace, q.op))
		default:
			s.answerClaim(env, in, q, w, r)
		}
	}).ServeHTTP(w, r)
}

func (s *Server) answerClaim(env judge.Environment, in realm, q claimCall, w http.ResponseWriter, r *http.Request) {
	now := s.state.clock.now()
	person := s.auth.person(in, cookie(r), now)
	if person == "" {
		writeClaimFault(w, "Server", "Error de Autenticacion: TOKEN invalido")
		return
	}
	answer, err := s.state.answerClaim(env, person, q, now)
	if err != nil { // the journal is lost: nothing was recorded
		s.log.Error("reclamo", slog.Any("error", err))
		answer = claimResult(q.op, claims.Internal, nil)
	}
	writeXML(w, http.StatusOK, answer)
}

func (s *state) answerClaim(env judge.Environment, person string, q claimCall, now time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	if q.op == "ingresarAceptacionReclamoDoc" {
		code, err := s.enterClaim(env, person, q, now)
		return claimResult(q.op, code, nil), err
	}
	d, code := s.claimable(env, q)
	switch {
	case q.op == "consultarFechaRecepcionSii" && d == nil:
		return claimReturn(q.op, ""), nil
	case q.op == "consultarFechaRecepcionSii":
		return claimReturn(q.op, d.ReceivedAt.In(s.clock.zone).Format(claimTime)), nil
	case d == nil:
		return claimResult(q.op, code, nil), nil
	case q.op == "consultarDocDteCedible":
		return claimResult(q.op, d.claims().Cedible(now), nil), nil
	case s.rightsOf(env.Name, person, d.Issuer) == nil && s.rightsOf(env.Name, person, d.Receiver) == nil:
		return claimResult(q.op, claims.NotAParty, nil), nil
	case len(d.Events) == 0:
		return claimResult(q.op, claims.NoEvents, nil), nil
	}
	return claimResult(q.op, claims.Events, d.Events), nil
}

// folioShape is how the service takes a folio or a type: digits alone.
var folioShape = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

// key finds which document a call means. Types outside the register are answered
// 3, and 20 where the question is whether they can be assigned.
func (q claimCall) key(env judge.Environment) (docKey, claims.Code) {
	k := docKey{env.Name, q.issuer + "-" + q.digit, number(q.kind), number(q.folio)}
	switch {
	case !rut.Valid(k.issuer):
		return k, claims.BadIssuer
	case !folioShape.MatchString(q.folio):
		return k, claims.BadFolio
	case folioShape.MatchString(q.kind) && slices.Contains(claims.Types, k.kind):
		return k, claims.Done
	case q.op == "consultarDocDteCedible":
		return k, claims.NotAssignable
	}
	return k, claims.BadType
}

// claimable is the document that a call means, or why there is none: 18 while it
// is in process, 9 when it never came or was rejected.
func (s *state) claimable(env judge.Environment, q claimCall) (*Document, claims.Code) {
	key, code := q.key(env)
	switch {
	case code != claims.Done:
		return nil, code
	case s.received[key] != nil:
		return s.received[key], claims.Done
	case s.inProcess(key):
		return nil, claims.NotReceived
	}
	return nil, claims.NoRecords
}

// inProcess says whether an envelope that is not judged yet has a document.
func (s *state) inProcess(key docKey) bool {
	return slices.ContainsFunc(s.open, func(e *Envelope) bool {
		return e.env.Name == key.env && e.content != nil && slices.ContainsFunc(e.content.Documents, func(d *judge.Document) bool {
			return d.Issuer == key.issuer && d.Type == key.kind && d.Folio == key.folio
		})
	})
}

// claimed is the journal's entry of an event.
type claimed struct {
	Environment string       `json:"environment"`
	Issuer      string       `json:"issuer"`
	Type        int          `json:"type"`
	Folio       int          `json:"folio"`
	Event       claims.Event `json:"event"`
}

// enterClaim records an event, durably before anybody hears of it.
func (s *state) enterClaim(env judge.Environment, person string, q claimCall, now time.Time) (claims.Code, error) {
	d, code := s.claimable(env, q)
	switch {
	case code == claims.BadIssuer || code == claims.BadFolio || code == claims.BadType:
		return code, nil
	case !claims.Action(q.accionDoc):
		return claims.BadAction, nil
	case d == nil:
		return code, nil
	case s.rightsOf(env.Name, person, d.Receiver) == nil:
		return claims.NotReceiver, nil
	}
	if code = d.claims().Enter(q.accionDoc, now); code != claims.Done {
		return code, nil
	}
	event := claims.Event{Code: q.accionDoc, Person: person, At: now}
	if err := s.record("claim", now, claimed{env.Name, d.Issuer, d.Type, d.Folio, event}); err != nil {
		return claims.Internal, err
	}
	d.Events = append(d.Events, event)
	return claims.Done, nil
}

// reclaim replays an event of the journal.
func (s *state) reclaim(raw json.RawMessage) error {
	var c claimed
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	d := s.received[docKey{c.Environment, c.Issuer, c.Type, c.Folio}]
	if d == nil {
		return fmt.Errorf("event of unknown document %s %d %d", c.Issuer, c.Type, c.Folio)
	}
	c.Event.At = c.Event.At.In(s.clock.zone)
	d.Events = append(d.Events, c.Event)
	return nil
}

// claims is what the register decides by.
func (d *Document) claims() claims.Document {
	return claims.Document{Type: d.Type, Received: d.ReceivedAt, Payment: d.book.Payment, Events: d.Events}
}

// noteEvent is what a nota de crédito leaves in the list of the document that it
// refers to (manual v1.2: NCA annuls, ENC does anything else).
func noteEvent(e *Envelope, original *Document, d *judge.Document, reference string) {
	if d.Type != 61 || !slices.Contains(claims.Types, original.Type) {
		return
	}
	event := claims.Event{Code: claims.ENC, Person: d.Issuer, At: e.ReceivedAt}
	if reference == "1" {
		event.Code = claims.NCA
	}
	original.Events = append(original.Events, event)
}
