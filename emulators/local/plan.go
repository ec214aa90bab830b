package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"timbre/emulators/pubsub"
	"timbre/emulators/scheduler"
)

const (
	project  = "timbre-local"
	audience = "https://timbre.local"
	invoker  = "invoker@timbre-local.iam.gserviceaccount.com"
)

// functions are the product's, by the name of their folder, and whether the scheduler ticks them.
var functions = []struct {
	name  string
	ticks bool
}{
	{"generate-sign", true}, {"send", true}, {"poll-status", true}, {"download-received", true}, {"onboard", true}, {"notify", true},
}

// subscriptions say which function each topic wakes.
var subscriptions = []struct{ topic, function string }{
	{"dte-signed", "send"},
	{"dte-sent", "poll-status"},
	{"dte-status", "notify"},
	{"dte-received", "notify"},
	{"company-alert", "notify"},
}

// topics are those of the product; each has a dead-letter topic beside it.
var topics = []string{"dte-signed", "dte-sent", "dte-status", "dte-received", "company-alert"}

// plan is who runs where.
type plan struct {
	Options
	state     string // of this world
	world     string
	bootstrap string // key
	ports     map[string]string
}

// purposes are the ports of the emulators; one that is started again keeps its own.
var purposes = []string{"gcs", "secrets", "secrets-admin", "pubsub", "pubsub-admin", "scheduler-admin", "sii", "sii-control", "mail-smtp", "mail-imap", "mail-control"}

// freePorts finds ports that nobody listens on, no two of them the same.
func freePorts(n int) ([]string, error) {
	ports := make([]string, 0, n)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() //nolint:errcheck // nothing was sent
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

func (p *plan) logDir() string { return filepath.Join(p.state, "log") }

func (p *plan) addr(purpose string) string { return "127.0.0.1:" + p.ports[purpose] }

func (p *plan) url(purpose string) string { return "http://" + p.addr(purpose) }

// emulators are the stand-ins for the cloud and the SII, in the order of their start.
func (p *plan) emulators() []spec {
	dir := func(name string) string { return filepath.Join(p.state, name) }
	return []spec{
		{name: "gcs", health: p.url("gcs") + "/health", env: map[string]string{
			"LISTEN_ADDR": p.addr("gcs"), "STATE_DIR": dir("gcs"), "BUCKETS": "timbre-archive:retention=2190d,timbre-state",
		}},
		{name: "secrets", health: p.url("secrets-admin") + "/health", env: map[string]string{
			"LISTEN_ADDR": p.addr("secrets"), "ADMIN_ADDR": p.addr("secrets-admin"), "STATE_DIR": dir("secrets"),
		}},
		{name: "pubsub", health: p.url("pubsub-admin") + "/health", env: map[string]string{
			"LISTEN_ADDR": p.addr("pubsub"), "ADMIN_ADDR": p.addr("pubsub-admin"), "STATE_DIR": dir("pubsub"),
			"OIDC_DIR": dir("oidc"), "PUBSUB_CONFIG": filepath.Join(p.state, "pubsub.json"),
		}},
		{name: "sii", health: p.url("sii-control") + "/health", env: map[string]string{
			"LISTEN_ADDR": p.addr("sii"), "CONTROL_ADDR": p.addr("sii-control"), "STATE_DIR": dir("sii"),
			"WORLD": p.world, "SII_SPEED": p.SIISpeed, "SII_SMTP_ADDR": p.addr("mail-smtp"), "SII_MAIL_CONTROL_URL": p.url("mail-control"),
		}},
		{name: "mail", health: p.url("mail-control") + "/health", env: map[string]string{
			"LISTEN_ADDR": p.addr("mail-control"), "SMTP_ADDR": p.addr("mail-smtp"), "IMAP_ADDR": p.addr("mail-imap"),
			"STATE_DIR": dir("mail"), "MAIL_CONFIG": filepath.Join(p.state, "mail.json"),
		}},
	}
}

// ticker is the scheduler; it starts last, when there is something to tick.
func (p *plan) ticker() spec {
	return spec{name: "scheduler", health: p.url("scheduler-admin") + "/health", env: map[string]string{
		"ADMIN_ADDR": p.addr("scheduler-admin"), "OIDC_DIR": filepath.Join(p.state, "oidc"),
		"SCHEDULER_CONFIG": filepath.Join(p.state, "scheduler.json"), "SCHEDULER_INTERVAL": p.TickEvery,
	}}
}

// functionSpec is a process of the function on a port of its own.
func (p *plan) functionSpec(name string) (spec, error) {
	free, err := freePorts(1)
	if err != nil {
		return spec{}, err
	}
	port := free[0]
	sum := sha256.Sum256([]byte(p.bootstrap))
	url := "http://127.0.0.1:" + port
	return spec{name: name, url: url, health: url + "/health/ready", env: map[string]string{
		"HOST": "127.0.0.1", "PORT": port,
		"GOOGLE_CLOUD_PROJECT": project, "STATE_BUCKET": "timbre-state", "ARCHIVE_BUCKET": "timbre-archive",
		"STORAGE_EMULATOR_HOST": p.addr("gcs"), "PUBSUB_EMULATOR_HOST": p.addr("pubsub"),
		"SECRET_MANAGER_EMULATOR_HOST": p.addr("secrets"), "SII_BASE_URL": p.url("sii"),
		"SII_CAF_KEYS": filepath.Join(p.world, "sii"), "BOOTSTRAP_KEY_SHA256": hex.EncodeToString(sum[:]),
		"OIDC_AUDIENCE": audience, "OIDC_CERTS_URL": p.url("pubsub-admin") + "/oauth2/v3/certs",
		"SERVICE_ACCOUNTS": invoker, "POLL_FIRST": "200ms", "BOLETAS_FIRST": "1s", "ALLOW_PRIVATE_HOSTS": "true",
	}}, nil
}

// writeConfigs tells Pub/Sub and the scheduler, by files of dir, whom to call; urlOf is where a function is.
func writeConfigs(dir string, urlOf func(function string) string) error {
	bus := pubsub.Config{Project: project}
	for _, t := range topics {
		bus.Topics = append(bus.Topics, t, t+"-dead")
	}
	for _, s := range subscriptions {
		bus.Subscriptions = append(bus.Subscriptions, pubsub.Subscription{
			Name: s.topic + "-" + s.function, Topic: s.topic, Endpoint: urlOf(s.function) + "/_push/" + s.topic,
			Audience: audience, ServiceAccount: invoker, AckDeadline: pubsub.Duration(600 * time.Second),
			RetryMin: pubsub.Duration(time.Second), RetryMax: pubsub.Duration(time.Minute),
			DeadLetterTopic: s.topic + "-dead", MaxAttempts: 100,
		})
	}
	var ticks scheduler.Config
	for _, f := range functions {
		if f.ticks {
			ticks.Jobs = append(ticks.Jobs, scheduler.Job{Name: f.name, URL: urlOf(f.name), Audience: audience, ServiceAccount: invoker})
		}
	}
	if err := writeJSON(filepath.Join(dir, "pubsub.json"), bus); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "scheduler.json"), ticks)
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o600)
}
