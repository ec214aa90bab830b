package depot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"timbre/emulators/durable"
)

// Errors of the depot.
var (
	ErrNoAccount = errors.New("no such mailbox")
	ErrNoFolder  = errors.New("no such folder")
	ErrNoMail    = errors.New("no such message")
	ErrName      = errors.New("not a name that can be used")
	ErrExists    = errors.New("exists already")
	ErrClosed    = errors.New("the depot is closed")
)

// Depot holds all accounts.
type Depot struct {
	dir  string
	lock io.Closer

	mu       sync.Mutex
	accounts map[string]*Account // by address
	late     *lateMails
}

// Open reads what is in dir, which it keeps to itself until Close.
func Open(dir string) (*Depot, error) {
	if err := durable.Mkdir(dir); err != nil {
		return nil, err
	}
	lock, err := durable.Lock(dir)
	if err != nil {
		return nil, err
	}
	d := &Depot{dir: dir, lock: lock, accounts: map[string]*Account{}, late: newLateMails()}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

func (d *Depot) load() error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("open depot: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !addressName.MatchString(e.Name()) {
			continue
		}
		a, err := loadAccount(filepath.Join(d.dir, e.Name()), e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // its creation was interrupted
		}
		if err != nil {
			return err
		}
		d.accounts[a.Address] = a
		if err := d.resumeLate(a); err != nil {
			return err
		}
	}
	return nil
}

// Close stops late deliveries, which go on at the next Open, and gives the directory free.
func (d *Depot) Close() error {
	d.late.stop()
	for _, a := range d.Accounts() {
		for _, f := range a.Folders() {
			f.close()
		}
	}
	return d.lock.Close()
}

var addressName = regexp.MustCompile(`^[a-z0-9][a-z0-9._+=-]{0,100}@[a-z0-9][a-z0-9.-]{0,100}$`)

// Login is who may read an account.
type Login struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// Put creates an account with its INBOX, or gives one another login.
func (d *Depot) Put(address string, login Login) error {
	address = strings.ToLower(address)
	if !addressName.MatchString(address) || login.User == "" {
		return fmt.Errorf("mailbox %q: %w", address, ErrName)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for other, a := range d.accounts {
		if other != address && a.login().User == login.User {
			return fmt.Errorf("user %q: %w", login.User, ErrExists)
		}
	}
	a := d.accounts[address]
	if a == nil {
		a = newAccount(filepath.Join(d.dir, address), address)
	}
	if err := a.put(login); err != nil {
		return err
	}
	d.accounts[address] = a
	return nil
}

// Account finds one by address.
func (d *Depot) Account(address string) (*Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.accounts[strings.ToLower(address)]; a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("%s: %w", address, ErrNoAccount)
}

// Login finds the account of a user; false if there is none or the password is wrong.
func (d *Depot) Login(user, password string) (*Account, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.accounts {
		if a.login() == (Login{user, password}) {
			return a, true
		}
	}
	return nil, false
}

// Accounts lists all, by address.
func (d *Depot) Accounts() []*Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []*Account
	for _, a := range d.accounts {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *Account) int { return strings.Compare(a.Address, b.Address) })
	return out
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return durable.WriteFile(path, b)
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
