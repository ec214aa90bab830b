package onboard_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// ticks lets a time pass and the scheduler call, so that each company has had its look.
func (w *world) ticks(t *testing.T, pass time.Duration) {
	t.Helper()
	w.must(t, 204, w.token(t, account, nil), http.MethodPost, "/_tick", "")
	w.now = w.now.Add(pass)
	w.must(t, 204, w.token(t, account, nil), http.MethodPost, "/_tick", "")
}

// alerts are the kinds and levels of what was raised since the last call.
func (w *world) alerts(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, message := range w.events.Take(event.CompanyAlert) {
		var raised event.AlertRaised
		if err := json.Unmarshal(message, &raised); err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(raised.ID), ".")
		all = append(all, strings.Join(parts[2:4], ".")+" "+parts[len(parts)-1])
		// What notify does: the event has a number in the log.
		_, err := w.bucket.Create(t.Context(), store.Logged(raised.Company, event.Log, raised.ID), []byte("1"), nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return slices.Compact(all) // notify tells an alert once, however often it was raised before it did
}

// hold gives company A a certificate that ends at a time.
func (w *world) hold(t *testing.T, standby bool, sha string, ends time.Time) {
	t.Helper()
	_, err := store.Update(t.Context(), w.bucket, store.CompanyConfig(rut.MustParse(companyA)), func(c *company.Company) error {
		held := &company.Certificate{SHA256: sha, Signer: rut.MustParse(signerA), NotAfter: ends}
		if standby {
			c.Blocks[store.Certificacion].Standby = held
		} else {
			c.Blocks[store.Certificacion].Certificate = held
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// TestAlarmsOncePerThreshold follows a certificate to its end, tick by tick.
func TestAlarmsOncePerThreshold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	ends := today.AddDate(0, 0, 70)
	w.hold(t, false, "aa", ends)
	var told []string
	for w.now.Before(ends.AddDate(0, 0, 3)) {
		w.ticks(t, 6*time.Hour)
		for _, a := range w.alerts(t) {
			told = append(told, w.now.Format("01-02 ")+a)
		}
	}
	days := func(before int) string { return ends.AddDate(0, 0, -before).Format("01-02 ") }
	want := []string{
		days(60) + "certificate.expiring 60", days(30) + "certificate.expiring 30", days(15) + "certificate.expiring 15",
		days(7) + "certificate.expiring 7", days(1) + "certificate.expiring 1",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q\nwant %q", told, want)
	}
}

func TestAlarmsOfFolios(t *testing.T) {
	t.Parallel()
	w := withCAF(t, "33-1-100.xml", "") // until 2027-05-01
	w.must(t, 201, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs", string(pki(t, "caf", "a", "34-1-100.xml")))
	w.ticks(t, 7*time.Hour)
	if got := w.alerts(t); got != nil {
		t.Errorf("all is well: %q", got)
	}
	for n := int64(1); n <= 90; n++ { // 90 today: ten more last for no day
		w.issued(t, n, w.now.Format(time.DateOnly))
	}
	w.ticks(t, 7*time.Hour)
	if got := w.alerts(t); !slices.Equal(got, []string{"folios.low 1"}) {
		t.Errorf("ten left: %q", got)
	}
	w.ticks(t, 7*time.Hour)
	if got := w.alerts(t); got != nil {
		t.Errorf("told again: %q", got)
	}
	w.now = time.Date(2027, 4, 20, 12, 0, 0, 0, time.UTC)
	w.ticks(t, 7*time.Hour)
	if got := w.alerts(t); !slices.Equal(got, []string{"caf.expiring 15"}) {
		t.Errorf("eleven days before the CAF expires: %q", got)
	}
	for n := int64(91); n <= 100; n++ {
		w.issued(t, n, w.now.Format(time.DateOnly))
	}
	w.ticks(t, 7*time.Hour)
	if got := w.alerts(t); !slices.Equal(got, []string{"folios.low 0"}) {
		t.Errorf("none left: %q", got)
	}
}

func TestStandbyTakesOverBeforeTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	ends := today.Add(36 * time.Hour)
	w.hold(t, false, "aa", ends)
	w.hold(t, true, "bb", ends.AddDate(1, 0, 0))
	w.ticks(t, 7*time.Hour)
	if held := w.configuration(t).In(store.Certificacion).Certificate; held.SHA256 != "aa" {
		t.Errorf("a day and more before the end: %s", held.SHA256)
	}
	w.ticks(t, 14*time.Hour)
	b := w.configuration(t).In(store.Certificacion)
	if b.Certificate.SHA256 != "bb" || b.Standby == nil || b.Standby.SHA256 != "aa" || !w.now.Before(ends) {
		t.Errorf("within a day of the end: %+v", b)
	}
	w.ticks(t, 7*time.Hour) // it does not come back
	if held := w.configuration(t).In(store.Certificacion).Certificate; held.SHA256 != "bb" {
		t.Errorf("later: %s", held.SHA256)
	}
	if !strings.Contains(w.log.String(), "stand-by certificate took over") {
		t.Error("nothing in the log")
	}
}

// TestOneCompanysTroubleIsNotAnothers has a configuration that cannot be read.
func TestOneCompanysTroubleIsNotAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	w.hold(t, false, "aa", today.AddDate(0, 0, 5))
	if _, err := w.bucket.Create(t.Context(), store.CompanyConfig(rut.MustParse(companyB)), []byte("{"), nil); err != nil {
		t.Fatal(err)
	}
	tick := func(status int) { w.must(t, status, w.token(t, account, nil), http.MethodPost, "/_tick", "") }
	tick(204)
	w.now = w.now.Add(7 * time.Hour)
	tick(500) // it is in the log, and comes again
	if got := w.alerts(t); !slices.Equal(got, []string{"certificate.expiring 7"}) {
		t.Errorf("%q", got)
	}
}
