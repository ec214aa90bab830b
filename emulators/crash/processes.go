package crash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"path/filepath"

	"timbre/emulators/oidc"
)

// startFleet starts the instances of a function, each with taps of its own.
func (c *cluster) startFleet(ctx context.Context, function string, n int) error {
	var instances []*instance
	for number := range n {
		i, err := newInstance(function, number, c.options.BinDir, filepath.Join(c.dir, "log"))
		if err != nil {
			return err
		}
		c.closers = append(c.closers, i.log)
		if i.env, err = c.environment(i); err != nil {
			return err
		}
		instances = append(instances, i)
		c.processes.Go(func() error { return i.keep(ctx) })
	}
	f := newFleet(instances, c.options.AtOnce)
	var err error
	f.url, err = c.serve(f)
	c.fleets[function] = f
	return err
}

// environment is what a process is told; its storage and its SII are taps.
func (c *cluster) environment(i *instance) ([]string, error) {
	storage := c.storage.URL()
	var err error
	if !c.options.Direct {
		if storage, err = c.tap(i, storage, storageCall); err != nil {
			return nil, err
		}
	}
	authority, err := c.tap(i, c.sii.URL, siiCall)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(i.addr)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(c.bootstrap))
	settings := map[string]string{
		"HOST": host, "PORT": port, "GOOGLE_CLOUD_PROJECT": project, "STATE_BUCKET": "timbre-state", "ARCHIVE_BUCKET": "timbre-archive",
		"STORAGE_EMULATOR_HOST": storage, "PUBSUB_EMULATOR_HOST": c.bus.Addr(), "SECRET_MANAGER_EMULATOR_HOST": c.secrets.Addr(),
		"SII_BASE_URL": authority, "SII_CAF_KEYS": filepath.Join(c.world, "sii"), "BOOTSTRAP_KEY_SHA256": hex.EncodeToString(sum[:]),
		"OIDC_AUDIENCE": audience, "OIDC_CERTS_URL": c.bus.AdminURL() + oidc.CertsPath, "SERVICE_ACCOUNTS": invoker,
		"ALLOW_PRIVATE_HOSTS": "true",
		// Everything that waits for minutes in the cloud waits for seconds here. An entry under due/ is for a
		// whole minute, so the grace of a sweep is longer than one.
		"POLL_FIRST": "100ms", "RETRY_FIRST": "300ms", "UPLOAD_TIMEOUT": "4s", "TOKEN_WAIT": "5s", "ENVELOPE_MAX": "200",
		"BOLETAS_FIRST": "2s",
		"SWEEP_AFTER":   "3s", "SWEEP_EVERY": "10s", "SWEEP_GRACE": "65s",
	}
	for name, value := range c.options.Function {
		settings[name] = value
	}
	all := make([]string, 0, len(settings))
	for name, value := range settings {
		all = append(all, name+"="+value)
	}
	return all, nil
}

func (c *cluster) tap(of *instance, target string, what func(*http.Request, []byte) string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", err
	}
	return c.serve(&tap{of: of, target: u, what: what, killer: c.killer, client: c.client, noted: &c.crossed})
}
