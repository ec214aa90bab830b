package e2e_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/mailbox"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// TestReceivedIsTold follows a supplier's invoice from the mail to the register and to the events of the caller.
func TestReceivedIsTold(t *testing.T) {
	t.Parallel()
	world := filepath.Join(t.TempDir(), "world")
	check(t, authority.Make(world, authority.Options{Types: []int{33}}))
	keys, err := company.ReadSIIKeys(filepath.Join(world, "sii"))
	check(t, err)
	w := newAccessWorldOf(t, slog.New(slog.DiscardHandler), keys)
	buyer := rut.MustParse(authority.DefaultCompanies()[0].RUT)
	_, err = store.NewBucket(w.state).CreateJSON(t.Context(), store.CompanyConfig(buyer), company.Company{RUT: buyer, Active: store.Certificacion}, nil)
	check(t, err)
	bot, err := supplier.New(world, "b")
	check(t, err)
	letter, err := bot.Letter(supplier.Oddities()[0], supplier.Order{Receiver: buyer.String(), To: "dte@empresa.example", Folio: 7, At: time.Now()})
	check(t, err)
	mail := accessRoute{function: "download-received", method: http.MethodPost, path: "/v1/received?company=" + buyer.String(), body: string(letter.Mails[0])}
	if status, text := w.call(t, mail, accessBootstrap); status != http.StatusOK || !strings.Contains(text, `"new":1`) {
		t.Fatalf("post: %d %s", status, text)
	}
	w.tellAll(t)
	var events struct {
		Items []struct {
			Number int
			Event  string
			Data   struct{ ID, Strict string }
		}
	}
	status, text := w.call(t, accessRoute{function: "poll-status", method: http.MethodGet, path: "/v1/events?company=" + buyer.String()}, accessBootstrap)
	check(t, json.Unmarshal([]byte(text), &events))
	if status != http.StatusOK || len(events.Items) != 1 || events.Items[0].Event != "document.received" || events.Items[0].Data.Strict != "pass" {
		t.Fatalf("events: %d %s", status, text)
	}
	show := accessRoute{function: "download-received", method: http.MethodGet, path: "/v1/received/" + events.Items[0].Data.ID}
	if status, text := w.call(t, show, accessBootstrap); status != http.StatusOK || !strings.Contains(text, `"total":1190`) {
		t.Errorf("show: %d %s", status, text)
	}
}

// tellAll hands notify what waits under its due entries, as its tick does later.
func (w *accessWorld) tellAll(t *testing.T) {
	t.Helper()
	for _, message := range w.events.Take("dte-received") {
		push, err := json.Marshal(map[string]any{"message": map[string]any{"data": []byte(message)}})
		check(t, err)
		r := accessRoute{function: "notify", method: http.MethodPost, path: "/_push/dte-received", body: string(push)}
		if status, text := w.call(t, r, w.token(t, accessAccount, nil)); status != http.StatusNoContent {
			t.Fatalf("push: %d %s", status, text)
		}
	}
}

// deafBox is a mailbox that poll-status cannot read.
type deafBox struct{}

func (deafBox) Read(_ context.Context, _ mailbox.Account, from mailbox.Cursor, _ func(context.Context, mailbox.Message) error) (mailbox.Progress, error) {
	return mailbox.Progress{Cursor: from}, mailbox.ErrUnreachable
}

// TestResultMailReachesPollStatus has the intake of purchases find the SII's result mails in a mailbox that
// poll-status cannot read: they reach it all the same, and are no purchases.
func TestResultMailReachesPollStatus(t *testing.T) {
	t.Parallel()
	s := newMails(t)
	works := s.mail
	s.mail = deafBox{}
	s.start()
	ids := s.mixed()
	s.follow(10)
	if r := s.record(ids[1]); r.Status != event.StatusRejected {
		t.Fatalf("%s is %s", ids[1], r.Status)
	}
	intake, err := downloadreceived.New(downloadreceived.Config{IntakeEvery: time.Hour, IntakePast: time.Hour}, downloadreceived.Deps{
		State: s.state, Archive: s.archive, Events: s.events, Guard: openDoor{}, Logger: slog.New(slog.DiscardHandler), Now: s.clock,
		Companies: company.NewDirectory(s.state, s.clock), Identities: s, Passwords: s, Mail: works,
		SII: func(store.Environment, *cert.Identity) downloadreceived.Inquirer { return nil },
	})
	check(t, err)
	w := httptest.NewRecorder()
	intake.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/received:download", strings.NewReader(`{"company":"`+s.company.RUT+`"}`)))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"documents":0`) {
		t.Fatalf("download: %d %s", w.Code, w.Body)
	}
	s.follow(60)
	s.wantReasons(ids[1], 3)
}
