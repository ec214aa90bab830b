package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"timbre/emulators/sii/authority"
)

// folios are what each CAF of a made world holds: enough for many runs of a stack that keeps its state.
const folios = 100_000

// Prepare makes the world, when there is none, and writes what emulators and functions are told. It may
// be done again at any time.
func (p Parts) Prepare() error {
	if err := authority.Make(p.World, authority.Options{Folios: folios}); err != nil && !errors.Is(err, authority.ErrExists) {
		return fmt.Errorf("make a world: %w", err)
	}
	if err := p.copyCAFKeys(); err != nil {
		return fmt.Errorf("copy the keys of CAFs: %w", err)
	}
	if _, err := p.companies(); err != nil {
		return err
	}
	return writeConfigs(p.ConfigDir, p.urlOf)
}

// companies are the world's, each with its mailbox where there is a mail emulator.
func (p Parts) companies() ([]Company, error) {
	companies, err := readCompanies(p.World)
	if err != nil || p.MailIMAP == "" {
		return companies, err
	}
	return companies, giveMailboxes(companies, p.BootstrapKey, mailServers{p.MailIMAP, p.MailSMTP}, filepath.Join(p.World, "mail.json"))
}

// copyCAFKeys puts the public keys that functions need where they see nothing else of the world.
func (p Parts) copyCAFKeys() error {
	keys, err := filepath.Glob(filepath.Join(p.World, "sii", "*.pub"))
	if err != nil {
		return err
	}
	dir := filepath.Join(p.ConfigDir, "sii")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, path := range keys {
		key, err := os.ReadFile(path) //nolint:gosec // a file of the world that the user named
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), key, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Onboard makes the world's companies known to the running stack and leaves an API key for all of them.
func (p Parts) Onboard(ctx context.Context) error {
	companies, err := p.companies()
	if err != nil {
		return err
	}
	_, err = onboardAll(ctx, NewClient(p.GatewayURL, p.BootstrapKey), p.World, companies, p.keyFile())
	return err
}

// Connect makes a client of the running stack with the key that Onboard left, and tells its companies.
func (p Parts) Connect() (*Client, []Company, error) {
	companies, err := readCompanies(p.World)
	if err != nil {
		return nil, nil, err
	}
	key, err := os.ReadFile(p.keyFile())
	if err != nil {
		return nil, nil, fmt.Errorf("read the API key that onboarding leaves: %w", err)
	}
	return NewClient(p.GatewayURL, strings.TrimSpace(string(key))), companies, nil
}

// Check asks a server of this machine for its health, as containers without a shell need it.
func Check(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if !healthy(ctx, url) {
		return fmt.Errorf("%s: %w", url, errUnhealthy)
	}
	return nil
}

var errUnhealthy = errors.New("does not answer 200")
