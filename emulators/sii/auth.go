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

// auth keeps seeds and tokens; both die with the process, as nobody relies on them.
type auth struct {
	mu     sync.Mutex
	seeds  map[string]time.Time // created; key: environment + seed
	tokens map[string]*token    // key: environment + token
}

type token struct {
	person string
	used   time.Time
}

func newAuth() *auth { return &auth{seeds: map[string]time.Time{}, tokens: map[string]*token{}} }

// digits draws a random number of n digits, zero padded.
func digits(n int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic(err) // crypto/rand never fails on the platforms that Go supports
	}
	return fmt.Sprintf("%0*d", n, v)
}

func (a *auth) newSeed(env judge.Environment, now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, created := range a.seeds {
		if now.Sub(created) > seedLife {
			delete(a.seeds, key)
		}
	}
	seed := digits(12)
	a.seeds[env.Name+seed] = now
	return seed
}

// takeSeed uses a seed up. Clients that drop the leading zeros are forgiven, as
// LibreDTE's are.
func (a *auth) takeSeed(env judge.Environment, seed string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if pad := 12 - len(seed); pad > 0 {
		seed = strings.Repeat("0", pad) + seed
	}
	created, found := a.seeds[env.Name+seed]
	delete(a.seeds, env.Name+seed)
	return found && now.Sub(created) <= seedLife
}

// newToken makes a token of 13 characters, as the SII's look.
func (a *auth) newToken(env judge.Environment, person string, now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	value := rand.Text()[:13]
	a.tokens[env.Name+value] = &token{person: person, used: now}
	return value
}

// person tells whose token it is and renews it; empty when it is dead.
func (a *auth) person(env judge.Environment, value string, now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tokens[env.Name+value]
	if t == nil || now.Sub(t.used) > tokenLife {
		delete(a.tokens, env.Name+value)
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

// getSeed is CrSeed.
func (s *Server) getSeed(env judge.Environment, _ []string) string {
	seed := s.auth.newSeed(env, s.state.clock.now())
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
	person, estado := s.authenticate(env, parameters[0])
	if estado != "00" {
		return respuesta(prologUTF8, "<ESTADO>"+estado+"</ESTADO><GLOSA>"+mojibake(tokenGlosas[estado])+"</GLOSA>", "")
	}
	value := s.auth.newToken(env, person, s.state.clock.now())
	return prologUTF8 + `<SII:RESPUESTA xmlns:SII="http://www.sii.cl/XMLSchema"><SII:RESP_BODY><TOKEN>` + value +
		`</TOKEN></SII:RESP_BODY><SII:RESP_HDR><ESTADO>00</ESTADO><GLOSA>Token Creado</GLOSA></SII:RESP_HDR></SII:RESPUESTA>`
}

// authenticate returns the person of a signed seed, or the ESTADO of the refusal.
// A tampered signature answers 11 and an unknown certificate 10 (both live 2026).
func (s *Server) authenticate(env judge.Environment, signed string) (string, string) {
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
	case !s.auth.takeSeed(env, seed, now):
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
