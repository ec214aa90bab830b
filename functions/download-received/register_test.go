package downloadreceived_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	simulator "timbre/emulators/sii"
	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/judge"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// TestConnector reads the simulated SII's register each day: what it holds and nobody mailed is missing, by itself.
func TestConnector(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	dir := filepath.Join(t.TempDir(), "world")
	if err := authority.Make(dir, authority.Options{Now: noon, Types: []int{33}, Folios: 10}); err != nil {
		t.Fatal(err)
	}
	server, err := simulator.Start(simulator.Options{World: dir, Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	for folio := range 3 {
		err := server.Change("documents", simulator.Plant{
			Issuer: other.String(), Type: 33, Folio: folio + 1, Date: noon.Format(time.DateOnly), Receiver: buyer.String(), ReceivedAt: noon,
			Book: judge.Book{Net: 1000, VAT: 190, Total: 1190},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pfx, err := os.ReadFile(filepath.Join(dir, "certs", "a-modern.pfx"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := cert.ReadPFX(pfx, authority.Password)
	if err != nil {
		t.Fatal(err)
	}
	client := sii.New(r.state, r.clock, sii.Options{BaseURL: server.URL})
	r.handler, err = downloadreceived.New(downloadreceived.Config{IntakeEvery: time.Hour, IntakePast: 24 * time.Hour}, downloadreceived.Deps{
		State: r.state, Archive: r.archive, Events: r.events, Guard: open{}, Companies: company.NewDirectory(r.state, r.clock), Identities: nobody{},
		Passwords: nobody{}, Mail: r.box, SII: func(store.Environment, *cert.Identity) downloadreceived.Inquirer { return r.sii },
		Register: func(env store.Environment, _ *cert.Identity) downloadreceived.Purchases {
			return client.As(env, sii.PersonOf(signer))
		},
		SIIKeys: makeWorld(t).keys, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: r.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 25 {
		r.tick()
		r.advance(time.Hour)
	}
	got := r.reconciled("?period=2026-11")
	if len(got.Periods[0].Books) != 4 || !got.Periods[0].Complete || got.Periods[0].Books[0].Source != "sii" {
		t.Errorf("periods %+v", got.Periods)
	}
	if len(got.MissingXML) != 3 || got.MissingXML[0].Book != "PENDIENTE" || got.MissingXML[0].Total != 1190 {
		t.Errorf("missing %+v", got.MissingXML)
	}
	r.box.add(invoice(t, 2))
	if a := r.download(); a.MissingXML == nil || *a.MissingXML != 2 {
		t.Errorf("missing_xml %v", a.MissingXML)
	}
}
