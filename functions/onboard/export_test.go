package onboard_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/shared/access"
	"timbre/shared/document"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/store"
)

// exported reads the files of an export.
func (w *world) exported(t *testing.T, query string) map[string]string {
	t.Helper()
	r := w.must(t, 200, bootstrap, http.MethodGet, "/v1/companies/"+companyA+"/export"+query, "")
	if kind := r.header.Get("Content-Type"); kind != "application/zip" {
		t.Errorf("Content-Type %s", kind)
	}
	archive, err := zip.NewReader(strings.NewReader(r.text), int64(len(r.text)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// signed stores a document with its bytes, in an envelope.
func (w *world) signed(t *testing.T, n int64, date string, envelope int64, versions int) {
	t.Helper()
	id := store.DocumentID{Series: seriesA, Folio: n}
	w.claim(t, n, folio.Held)
	record := document.Record{DocumentID: id, Version: versions, IssueDate: date, Total: "1190", Status: event.StatusAccepted, Envelope: envelope}
	if err := document.Create(t.Context(), w.bucket, &record); err != nil {
		t.Fatal(err)
	}
	for v := 1; v <= versions; v++ {
		w.archived(t, store.SignedDTE(id, v), fmt.Sprintf("<DTE>%d %d</DTE>", n, v))
	}
}

func (w *world) archived(t *testing.T, name store.Name, content string) {
	t.Helper()
	if _, err := w.archive.Create(t.Context(), name, []byte(content), nil); err != nil {
		t.Fatal(err)
	}
}

func envelopeA(n int64) store.Name {
	return store.SentEnvelope(store.EnvelopeID{Company: seriesA.Company, Channel: store.DTE, Number: n})
}

func TestExport(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.must(t, 201, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/keys", `{"scopes":["read"],"label":"Odoo"}`)
	for n := int64(1); n <= 40; n++ { // more than are read at a time
		w.signed(t, n, today.AddDate(0, 0, int(n)-40).Format(time.DateOnly), (n+7)/8, 1+int(n%2))
	}
	for n := int64(1); n <= 5; n++ {
		w.archived(t, envelopeA(n), fmt.Sprintf("<EnvioDTE>%d</EnvioDTE>", n))
	}
	files := w.exported(t, "")
	if n := len(files); n != 4+60+5 {
		t.Errorf("%d files", n)
	}
	if got := files["dte/certificacion/99928793-K/33/0000000007/2.xml"]; got != "<DTE>7 2</DTE>" {
		t.Errorf("a second version: %q", got)
	}
	if got := files["envelopes/certificacion/99928793-K/dte/0000000005.xml"]; got != "<EnvioDTE>5</EnvioDTE>" {
		t.Errorf("an envelope: %q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(files["documentos.csv"])).ReadAll()
	if err != nil || len(rows) != 41 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	want := []string{"33", "1", "2026-10-16", "1190", "accepted", "dte/certificacion/99928793-K/33/0000000001/1.xml"}
	if !slices.Equal(rows[1], want) {
		t.Errorf("%q", rows[1])
	}
	for name, part := range map[string]string{"empresa.json": "Panadería Ñuñoa", "folios.json": `"used": 40`, "claves.json": `"label": "Odoo"`} {
		if !strings.Contains(files[name], part) {
			t.Errorf("%s: %s", name, files[name])
		}
	}
	if all := fmt.Sprint(files); strings.Contains(all, access.KeyPrefix) || strings.Contains(all, "timbre-caf") {
		t.Error("the export holds secrets or names them")
	}
}

func TestExportOfAPeriod(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	for n := int64(1); n <= 9; n++ {
		w.signed(t, n, fmt.Sprintf("2026-11-%02d", n), n, 1)
		w.archived(t, envelopeA(n), "<EnvioDTE/>")
	}
	files := w.exported(t, "?from=2026-11-03&to=2026-11-05")
	if n := len(files); n != 4+3+3 || files[envelopeA(4).String()] == "" {
		t.Errorf("%d files", n)
	}
	path := "/v1/companies/" + companyA + "/export"
	w.refused(t, 400, "invalid-parameter", bootstrap, http.MethodGet, path+"?from=ayer", "")
	w.refused(t, 400, "invalid-parameter", bootstrap, http.MethodGet, path+"?environment=x", "")
	w.refused(t, 404, "company-unknown", bootstrap, http.MethodGet, "/v1/companies/"+companyB+"/export", "")
}

// TestExportThatBreaksOff is no ZIP, so that nobody takes it for whole.
func TestExportThatBreaksOff(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.signed(t, 1, "2026-11-01", 0, 1)
	name := store.Document(store.DocumentID{Series: seriesA, Folio: 2})
	if _, err := w.bucket.Create(t.Context(), name, []byte("{"), map[string]string{"date": "2026-11-02"}); err != nil {
		t.Fatal(err)
	}
	r := w.call(t, bootstrap, http.MethodGet, "/v1/companies/"+companyA+"/export", "")
	if _, err := zip.NewReader(bytes.NewReader([]byte(r.text)), int64(len(r.text))); err == nil {
		t.Error("half an export is a ZIP")
	}
	if !strings.Contains(w.log.String(), "export broken off") {
		t.Error("nothing in the log")
	}
}
