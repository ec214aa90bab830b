package crash

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/emulators/audit"
	"timbre/emulators/gcs"
	"timbre/emulators/local"
	"timbre/emulators/oidc"
	"timbre/emulators/pubsub"
	"timbre/emulators/scheduler"
	"timbre/emulators/secrets"
	"timbre/emulators/sii"
	"timbre/emulators/sii/authority"
)

const (
	project  = "timbre-crash"
	audience = "https://timbre.local"
	invoker  = "invoker@timbre-crash.iam.gserviceaccount.com"
	// folios of each CAF: more than a campaign issues.
	folios = 100_000
)

// subscriptions say which function each topic wakes.
var subscriptions = []struct{ topic, function string }{
	{"dte-signed", "send"}, {"dte-sent", "poll-status"}, {"dte-status", "notify"}, {"company-alert", "notify"},
}

// topics are those that the functions publish to.
var topics = []string{"dte-signed", "dte-sent", "dte-status", "dte-received", "company-alert"}

// cluster is everything that runs during a campaign.
type cluster struct {
	options   Options
	dir       string
	world     string
	bootstrap string
	logger    *slog.Logger

	storage *gcs.Server
	secrets *secrets.Server
	bus     *pubsub.Server
	sii     *sii.Server
	issuer  *oidc.Issuer

	fleets   map[string]*fleet
	post     *post
	killer   *killer
	dice     *dice
	client   *http.Client
	crossed  crossed
	receiver *receiver

	closers   []io.Closer
	processes *errgroup.Group
	end       context.CancelFunc

	key       string // for all companies and scopes
	companies []local.Company
}

// startCluster runs emulators and functions and makes the companies known.
func startCluster(ctx context.Context, o Options, dir string) (*cluster, error) {
	points, err := Points(o.Only)
	if err != nil {
		return nil, err
	}
	d := newDice(o.Seed)
	c := &cluster{
		options: o, dir: dir, world: filepath.Join(dir, "world"), bootstrap: "bootstrap_" + rand.Text() + rand.Text(),
		fleets: map[string]*fleet{}, killer: newKiller(points, d, o), dice: d,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	ctx, c.end = context.WithCancel(ctx)
	c.processes, _ = errgroup.WithContext(ctx)
	err = c.start(ctx)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *cluster) start(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(c.dir, "log"), 0o700); err != nil {
		return err
	}
	deliveries, err := audit.OpenJournal(c.deliveries())
	if err != nil {
		return err
	}
	c.closers = append(c.closers, deliveries)
	c.receiver = &receiver{dice: c.dice, journal: deliveries, secrets: map[string]string{}}
	if err := authority.Make(c.world, authority.Options{Types: []int{33, 34, 39, 41, 61}, Folios: folios}); err != nil {
		return err
	}
	if err := c.startEmulators(); err != nil {
		return err
	}
	for _, function := range c.functions() {
		if err := c.startFleet(ctx, function, c.options.Instances); err != nil {
			return err
		}
	}
	if err := c.startFleet(ctx, "onboard", 1); err != nil {
		return err
	}
	c.post.fleets = c.fleets
	if err := c.awaitFleets(ctx); err != nil {
		return err
	}
	parts := local.Parts{World: c.world, GatewayURL: c.fleets["onboard"].url, BootstrapKey: c.bootstrap}
	if err := parts.Onboard(ctx); err != nil {
		return err
	}
	client, companies, err := parts.Connect()
	if err != nil {
		return err
	}
	c.key, c.companies = client.Key, companies
	if !slices.Contains(c.functions(), "notify") {
		return nil
	}
	return c.subscribe(ctx, client)
}

// functions are those that run, beside onboard.
func (c *cluster) functions() []string {
	if c.options.functions != nil {
		return c.options.functions
	}
	return []string{"generate-sign", "send", "poll-status", "notify"}
}

// deliveries is the file of what webhooks brought.
func (c *cluster) deliveries() string { return filepath.Join(c.dir, "deliveries.jsonl") }

func (c *cluster) startEmulators() error {
	file, err := os.Create(filepath.Join(c.dir, "log", "emulators.log"))
	if err != nil {
		return err
	}
	c.closers = append(c.closers, file)
	c.logger = slog.New(slog.NewTextHandler(file, nil))
	buckets, err := gcs.ParseBuckets("timbre-archive:retention=2190d,timbre-state")
	if err != nil {
		return err
	}
	dir := filepath.Join(c.dir, "gcs")
	if c.options.volatile {
		dir = ""
	}
	if c.storage, err = gcs.Start(gcs.Options{Dir: dir, Buckets: buckets}); err != nil {
		return err
	}
	c.closers = append(c.closers, c.storage)
	if c.secrets, err = secrets.Start(secrets.Options{}); err != nil {
		return err
	}
	c.closers = append(c.closers, c.secrets)
	if c.issuer, err = oidc.New(); err != nil {
		return err
	}
	c.sii, err = sii.Start(sii.Options{
		World: c.world, Speed: c.options.Speed, Faults: c.options.Profile, Seed: c.options.Seed, InPlace: true, Log: c.logger,
		StateDir: filepath.Join(c.dir, "sii"),
	})
	if err != nil {
		return err
	}
	c.closers = append(c.closers, c.sii)
	return c.startBus()
}

func (c *cluster) startBus() error {
	c.post = &post{dice: c.dice, client: c.client, swallow: c.options.Swallow}
	address, err := c.serve(c.post)
	if err != nil {
		return err
	}
	config := pubsub.Config{Project: project, Topics: topics}
	for _, s := range subscriptions {
		if !slices.Contains(c.functions(), s.function) {
			continue
		}
		config.Subscriptions = append(config.Subscriptions, pubsub.Subscription{
			Name: s.topic + "-" + s.function, Topic: s.topic, Endpoint: address + "/" + s.function + "/_push/" + s.topic,
			Audience: audience, ServiceAccount: invoker, AckDeadline: pubsub.Duration(600 * time.Second),
			RetryMin: pubsub.Duration(time.Second), RetryMax: pubsub.Duration(10 * time.Second),
		})
	}
	c.bus, err = pubsub.Start(pubsub.Options{Dir: filepath.Join(c.dir, "pubsub"), Issuer: c.issuer, Config: config, Logger: c.logger})
	if err != nil {
		return err
	}
	c.closers = append(c.closers, c.bus)
	return nil
}

// startTicks begins the ticks; late, when there is something to tick.
func (c *cluster) startTicks() error {
	config := scheduler.Config{Interval: scheduler.Duration(time.Second)}
	for _, name := range c.functions() {
		config.Jobs = append(config.Jobs, scheduler.Job{Name: name, URL: c.fleets[name].url, Audience: audience, ServiceAccount: invoker})
	}
	ticks, err := scheduler.Start(scheduler.Options{Config: config, Issuer: c.issuer, Logger: c.logger})
	if err != nil {
		return err
	}
	c.closers = append(c.closers, ticks)
	return nil
}

// serve listens until close and tells its URL.
func (c *cluster) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed by close
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ErrorLog: quiet(), ReadHeaderTimeout: 10 * time.Second}
	c.closers = append(c.closers, server)
	go func() { _ = server.Serve(l) }() // until it is closed
	return "http://" + l.Addr().String(), nil
}

// quiet drops net/http's own lines about callers that died.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func (c *cluster) awaitFleets(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		missing := ""
		for name, f := range c.fleets {
			if f.ready() < len(f.instances) {
				missing = name
			}
		}
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not start; see %s", missing, filepath.Join(c.dir, "log"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// close ends the processes, then the emulators, the last first.
func (c *cluster) close() error {
	c.end()
	failed := c.processes.Wait()
	for _, closer := range slices.Backward(c.closers) {
		failed = errors.Join(failed, closer.Close())
	}
	return failed
}
