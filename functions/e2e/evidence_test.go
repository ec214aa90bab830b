package e2e_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pollstatus "timbre/functions/poll-status"
	"timbre/shared/dte"
	"timbre/shared/store"
)

// TestEvidence: an auditor follows a document that was refused, replaced and accepted without us, and learns
// no secret.
func TestEvidence(t *testing.T) {
	t.Parallel()
	s := newMails(t)
	issuer := s.newIssuer(dte.Factura)
	id := s.refused(issuer, "one")
	s.issued(s.post(issuer, "two", replacing(id)))
	s.follow(10)
	w := request(s.poll, http.MethodGet, "/v1/documents/"+id.String()+"/evidence")
	var list pollstatus.EvidenceList
	check(t, json.Unmarshal(w.Body.Bytes(), &list))
	for version, key := range []string{"one", "two"} {
		signed, err := s.archive.Read(t.Context(), store.SignedDTE(id, version+1))
		check(t, err)
		issue := list.Issues[version]
		if issue.KeySHA256 != string(store.KeyOf(key)) || issue.SHA256 != fmt.Sprintf("%x", sha256.Sum256(signed.Data)) ||
			issue.Bytes != len(signed.Data) || len(issue.BodySHA256) != 64 || issue.CAF == nil {
			t.Errorf("version %d: %+v", version+1, issue)
		}
	}
	var told []string
	for _, e := range list.Evidence {
		told = append(told, strings.TrimSpace(e.Kind+" "+e.Code))
		if e.At.IsZero() || e.Kind == "upload" && len(e.SHA256) != 64 || e.Answer != "" && len(e.AnswerSHA256) != 64 {
			t.Errorf("incomplete: %+v", e)
		}
	}
	want := []string{"upload 7", "decision 7", "decision", "upload 0", "envelope-state EPR", "decision"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	for _, secret := range []string{string(mailPassword), stackKey, "TOKEN", `"pfx`} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("the evidence holds %q", secret)
		}
	}
}
