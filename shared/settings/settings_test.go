package settings_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"

	"timbre/shared/access"
	"timbre/shared/settings"
)

// config is a function's own, as each has one.
type config struct {
	settings.Common
	Own string `env:"OWN,default=x"`
}

func TestFrom(t *testing.T) {
	t.Parallel()
	got, err := settings.From[config](t.Context(), envconfig.MapLookuper(map[string]string{
		"GOOGLE_CLOUD_PROJECT": "proj", "STATE_BUCKET": "state", "ARCHIVE_BUCKET": "archive", "HOST": "127.0.0.1",
		"SERVICE_ACCOUNTS": "a@x.example,b@x.example", "OIDC_AUDIENCE": "https://timbre.example", "SII_CAF_KEYS": "/keys",
		"SECRET_MANAGER_EMULATOR_HOST": "127.0.0.1:9",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := config{Own: "x", Common: settings.Common{
		Port: "8080", Host: "127.0.0.1", Project: "proj", StateBucket: "state", ArchiveBucket: "archive",
		SecretManagerEmulator: "127.0.0.1:9", SIICAFKeys: "/keys",
		Access: access.Config{
			Audience: "https://timbre.example", ServiceAccounts: []string{"a@x.example", "b@x.example"}, RatePerSecond: 100, RateBurst: 200,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFromTellsAllThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := settings.From[config](t.Context(), envconfig.MapLookuper(map[string]string{"STATE_BUCKET": "state"}))
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff("settings: GOOGLE_CLOUD_PROJECT is not set\nsettings: ARCHIVE_BUCKET is not set", err.Error()); diff != "" {
		t.Error(diff)
	}
}
