package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	generatesign "timbre/functions/generate-sign"
	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/problem"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// downSecrets answers as a Secret Manager that cannot be reached (package secret).
type downSecrets struct{ company.Secrets }

func (downSecrets) Access(context.Context, string, string) ([]byte, error) {
	return nil, fmt.Errorf("access: %w", &problem.Error{Code: problem.Unavailable, RetryAfter: 5 * time.Second, Cause: io.ErrUnexpectedEOF})
}

// TestIssueWhileSecretsAreDown answers 503 and takes no folio; the same request is good afterwards.
func TestIssueWhileSecretsAreDown(t *testing.T) {
	t.Parallel()
	world, firms, _ := worldOf(t)
	keys, err := company.ReadSIIKeys(filepath.Join(world, "sii"))
	check(t, err)
	log := &lines{}
	w := newAccessWorldOf(t, serve.NewLogger(log, "proj"), keys)
	w.onboard(t, world, firms[0])
	state := store.NewBucket(w.state)
	guard, err := access.New(t.Context(), access.Config{}, w.keys, w.log)
	check(t, err)
	down, err := generatesign.New(generatesign.Config{}, generatesign.Deps{
		State: state, Archive: store.NewBucket(w.archive), Companies: company.NewDirectory(state, time.Now),
		Vault: company.NewVault(downSecrets{w.secrets}, keys), Events: &event.Memory{}, Guard: guard, Logger: w.log, Now: time.Now,
	})
	check(t, err)
	body, err := json.Marshal(map[string]any{"company": firms[0].RUT, "document": factura(33)})
	check(t, err)
	post := func(h http.Handler, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+w.key(t, firms[0].RUT, access.Issue))
		r.Header.Set("Idempotency-Key", "k")
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		return answer
	}
	move := `{"move_id":1,"company_vat":"` + firms[0].RUT + `","partner_vat":"60803000-K","partner":{"name":"x","activity":"x",` +
		`"address":"x","comuna":"x"},"lines":[{"description":"x","quantity":1,"price":1000,"tax_code":14}]}`
	for path, body := range map[string]string{"/v1/documents": string(body), "/api/dte/generate": move} {
		if answer := post(down, path, body); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s while it is down: %d %s", path, answer.Code, answer.Body)
		}
	}
	if n := strings.Count(log.String(), `"severity":"ERROR"`); n != 2 {
		t.Errorf("%d errors in the log:\n%s", n, log)
	}
	for o, err := range state.List(t.Context(), store.Query{Prefix: "claims/"}) {
		t.Errorf("a folio was taken: %s %v", o.Name, err)
	}
	if answer := post(w.handlers["generate-sign"], "/v1/documents", string(body)); answer.Code != http.StatusCreated {
		t.Errorf("afterwards: %d %s", answer.Code, answer.Body)
	}
}

// TestDoctorOnTheStack examines a company against the simulator of the SII.
func TestDoctorOnTheStack(t *testing.T) {
	world, firms, _ := worldOf(t)
	s := startStack(t, world)
	s.onboard(t, world, firms[0])
	s.certify(t, world, firms[0], "modern")
	examine := func() map[string]string {
		var answer struct {
			Checks []struct{ Check, Status, Detail string }
		}
		check(t, json.Unmarshal(s.call(t, "onboard", http.MethodPost, "/v1/companies/"+firms[0].RUT+"/:check", nil), &answer))
		found := map[string]string{}
		for _, c := range answer.Checks {
			found[c.Check] = c.Status + ": " + c.Detail
		}
		return found
	}
	found := examine()
	for _, name := range []string{"empresa", "resolucion", "certificado", "acceso al SII", "CAF 33", "próximo folio 33", "bucket de estado", "secretos", "reloj"} {
		if !strings.HasPrefix(found[name], "pass: ") {
			t.Errorf("%s: %s", name, found[name])
		}
	}
	issued := s.issue(t, "k", firms[0].RUT, factura(33))
	s.verdict(t, issued.ID)
	if found := examine()["próximo folio 33"]; !strings.HasSuffix(found, fmt.Sprintf("folio %d.", issued.Folio+1)) {
		t.Errorf("after folio %d: %s", issued.Folio, found)
	}
}
