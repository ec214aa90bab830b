package sii

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/pki"
)

// Lifetimes: the seed's is official (2 minutes); the token's slides, one hour
// (official for boletas, usual for the SOAP services).
const (
	seedLife  = 2 * time.Minute
	tokenLife = time.Hour
)

// realm is a world of seeds and tokens of its own: an environment's DTE services,
// or its boleta services. Neither takes the other's tokens (WEBSERVICES §2).
type realm string

func realmOf(env judge.Environment, channel string) realm { return realm(env.Name + "/" + channel) }

// auth keeps seeds and tokens; both die with the process, as nobody relies on them.
type auth struct {
	mu     sync.Mutex
	seeds  map[credential]time.Time // created
	tokens map[credential]*token
}

type credential struct {
	realm realm
	value string
}

type token struct {
	person string
	used   time.Time
}

func newAuth() *auth {
	return &auth{seeds: map[credential]time.Time{}, tokens: map[credential]*token{}}
}

// digits draws a random number of n digits, zero padded.
func digits(n int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic(err) // crypto/rand never fails on the platforms that Go supports
	}
	return fmt.Sprintf("%0*d", n, v)
}

func (a *auth) newSeed(in realm, now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, created := range a.seeds {
		if now.Sub(created) > seedLife {
			delete(a.seeds, key)
		}
	}
	seed := digits(12)
	a.seeds[credential{in, seed}] = now
	return seed
}

// takeSeed uses a seed up. Clients that drop the leading zeros are forgiven, as
// LibreDTE's are.
func (a *auth) takeSeed(in realm, seed string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if pad := 12 - len(seed); pad > 0 {
		seed = strings.Repeat("0", pad) + seed
	}
	created, found := a.seeds[credential{in, seed}]
	delete(a.seeds, credential{in, seed})
	return found && now.Sub(created) <= seedLife
}

// newToken makes a token of 13 characters, as the SII's look.
func (a *auth) newToken(in realm, person string, now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c, t := range a.tokens {
		if now.Sub(t.used) > tokenLife {
			delete(a.tokens, c)
		}
	}
	value := rand.Text()[:13]
	a.tokens[credential{in, value}] = &token{person: person, used: now}
	return value
}

// person tells whose token it is and renews it; empty when it is dead.
func (a *auth) person(in realm, value string, now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tokens[credential{in, value}]
	if t == nil || now.Sub(t.used) > tokenLife {
		delete(a.tokens, credential{in, value})
		return ""
	}
	t.used = now
	return t.person
}

func (a *auth) revokeTokens() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.tokens)
}

// revoke kills the tokens of a realm that a text contains.
func (a *auth) revoke(in realm, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.tokens {
		if c.realm == in && strings.Contains(text, c.value) {
			delete(a.tokens, c)
		}
	}
}

// getSeed is CrSeed.
func (s *Server) getSeed(env judge.Environment, _ []string) string {
	seed := s.auth.newSeed(realmOf(env, channelDTE), s.state.clock.now())
	return respuesta(prologUTF8, "<ESTADO>00</ESTADO>", "<SEMILLA>"+seed+"</SEMILLA>")
}

// Glosas of getToken (manual AUTAUTOM 1.9 §6). Live answers break every accent.
var tokenGlosas = map[string]string{
	"02": " XML Invalido (SAXException), funcion valSignedXml",
	"04": " XML Invalido, elemento “Signature” no existe, función valSignedXml ",
	"06": " XML Invalido, elemento “Semilla” no existe, función getSeed",
	"08": " TIME-OUT DEL SEED ",
	"10": "XML Inválido, elemento “Certificate” no existe, función getCertificado",
	"11": "XML Inválido, elemento “Certificate” no existe, función getCertificado",
	"12": "ERROR (12) (MessageException)",
	"21": " Llave Publica del Certificado no corresponde",
	"-3": "Error en Autenticación ",
}

// mojibake is what the live servers make of a character outside ASCII.
func mojibake(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 128 {
			b.WriteRune(r)
			continue
		}
		b.WriteString("\u00ef\u00bf\u00bd")
	}
	return b.String()
}

// getToken is GetTokenFromSeed: it verifies the signed seed for real.
func (s *Server) getToken(env judge.Environment, parameters []string) string {
	in := realmOf(env, channelDTE)
	person, estado := s.authenticate(in, parameters[0])
	if estado != "00" {
		return respuesta(prologUTF8, "<ESTADO>"+estado+"</ESTADO><GLOSA>"+mojibake(tokenGlosas[estado])+"</GLOSA>", "")
	}
	value := s.auth.newToken(in, person, s.state.clock.now())
	return prologUTF8 + `<SII:RESPUESTA xmlns:SII="http://www.sii.cl/XMLSchema"><SII:RESP_BODY><TOKEN>` + value +
		`</TOKEN></SII:RESP_BODY><SII:RESP_HDR><ESTADO>00</ESTADO><GLOSA>Token Creado</GLOSA></SII:RESP_HDR></SII:RESPUESTA>`
}

// authenticate returns the person of a signed seed, or the ESTADO of the refusal.
// A tampered signature answers 11 and an unknown certificate 10 (both live 2026).
func (s *Server) authenticate(in realm, signed string) (string, string) {
	root, err := judge.Parse(stripProlog(signed))
	if err != nil || root.Tag != "getToken" {
		return "", "02"
	}
	seed, cert, err := judge.VerifySeed(root)
	switch {
	case errors.Is(err, judge.ErrNoSignature):
		return "", "04"
	case seed == "":
		return "", "06"
	case errors.Is(err, judge.ErrKeyMismatch):
		return "", "21"
	case err != nil:
		return "", "11"
	}
	now := s.state.clock.now()
	trust := s.state.world.Pool.Trust(cert, now)
	person := pki.SignerRUT(cert)
	known, login := s.state.person(person)
	switch {
	case errors.Is(trust, pki.ErrExpired):
		return "", "-3"
	case trust != nil || !known:
		return "", "10"
	case !login:
		return "", "12"
	case !s.auth.takeSeed(in, seed, now):
		return "", "08"
	}
	return person, "00"
}

func stripProlog(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "<?xml") {
		if _, rest, found := strings.Cut(text, "?>"); found {
			return rest
		}
	}
	return text
}
