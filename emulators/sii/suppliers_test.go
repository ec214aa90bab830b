package sii_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"timbre/emulators/mail"
	"timbre/emulators/sii"
)

// A supplier of the world mails a letter by order of the control API, and tells what it thinks of the answers.
func TestSuppliers(t *testing.T) {
	t.Parallel()
	const customer = "dte@empresa.example"
	post, err := mail.Start(mail.Options{Dir: t.TempDir(), Mailboxes: []mail.Mailbox{{Address: customer, Password: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := post.Close(); err != nil {
			t.Error(err)
		}
	})
	b := newBench(t, func(o *sii.Options) { o.SMTPAddr, o.MailControl = post.SMTPAddr(), post.ControlURL() })
	order := map[string]any{"oddity": "three documents", "receiver": companyOf(0).RUT, "to": customer, "plant": true}
	var sent sii.SentLetter
	askControl(t, http.MethodPost, b.server.ControlURL+"/_control/suppliers/b/letters", order, http.StatusOK, &sent)
	if sent.Mails != 1 || len(sent.Documents) != 3 || len(sent.Digests) != 1 || sent.Documents[2].Folio != 3 || len(sent.Want.Answers) != 1 {
		t.Errorf("sent %+v", sent)
	}
	askControl(t, http.MethodPost, b.server.ControlURL+"/_control/suppliers/b/letters", map[string]any{"oddity": "plain", "receiver": companyOf(0).RUT, "to": customer}, http.StatusOK, &sent)
	if sent.Documents[0].Folio != 4 {
		t.Errorf("the next letter begins with folio %d", sent.Documents[0].Folio)
	}
	var arrived []json.RawMessage
	askControl(t, http.MethodGet, post.ControlURL()+"/mailboxes/"+customer+"/messages", nil, http.StatusOK, &arrived)
	if len(arrived) != 2 {
		t.Errorf("%d mails arrived", len(arrived))
	}
	planted := 0
	for _, d := range b.server.Documents() {
		if d.Issuer == companyOf(1).RUT && d.Signature != "" {
			planted++
		}
	}
	if planted != 3 {
		t.Errorf("the SII holds %d documents of the letter", planted)
	}
	var report struct {
		Accepted  bool              `json:"accepted"`
		Envelopes []json.RawMessage `json:"envelopes"`
	}
	askControl(t, http.MethodGet, b.server.ControlURL+"/_control/suppliers/b/verdicts", nil, http.StatusOK, &report)
	if report.Accepted || len(report.Envelopes) != 2 {
		t.Errorf("without answers: %+v", report)
	}
	askControl(t, http.MethodPost, b.server.ControlURL+"/_control/suppliers/z/letters", order, http.StatusNotFound, nil)
	askControl(t, http.MethodPost, b.server.ControlURL+"/_control/suppliers/b/letters", map[string]any{"oddity": "?", "receiver": companyOf(0).RUT, "to": customer}, http.StatusUnprocessableEntity, nil)
	askControl(t, http.MethodGet, newBench(t).server.ControlURL+"/_control/suppliers/b/verdicts", nil, http.StatusConflict, nil)
	var odds []struct{ Name string }
	askControl(t, http.MethodGet, b.server.ControlURL+"/_control/oddities", nil, http.StatusOK, &odds)
	if len(odds) < 30 {
		t.Errorf("%d oddities", len(odds))
	}
}

// askControl calls a control API and reads its answer, if it has one to be read.
func askControl(t *testing.T, method, url string, body any, status int, into any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		t.Fatalf("%s %s: %d %s %v", method, url, answer.StatusCode, strings.TrimSpace(string(data)), err)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
}
