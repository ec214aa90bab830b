package depot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"timbre/emulators/durable"
)

// Inbox is the folder that every account has; its name has no case (RFC 9051 §5.1).
const Inbox = "INBOX"

// lateFolder is where delayed mails wait; no folder can have that name.
const lateFolder = ".late"

// Account is the mailbox of one address.
type Account struct {
	Address string

	dir     string
	mu      sync.Mutex
	who     Login
	folders map[string]*Folder
}

func newAccount(dir, address string) *Account {
	return &Account{Address: address, dir: dir, folders: map[string]*Folder{}}
}

func loadAccount(dir, address string) (*Account, error) {
	a := newAccount(dir, address)
	if _, err := durable.Clean(dir); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(dir, "account.json"), &a.who); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == lateFolder {
			continue
		}
		f, err := loadFolder(filepath.Join(dir, e.Name()), e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // its creation was interrupted
		}
		if err != nil {
			return nil, err
		}
		a.folders[f.Name] = f
	}
	return a, nil
}

// put writes what makes the account exist last.
func (a *Account) put(login Login) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := durable.Mkdir(a.dir, lateFolder); err != nil {
		return err
	}
	if _, err := a.folderLocked(Inbox); err != nil {
		if err := a.createLocked(Inbox); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(a.dir, "account.json"), login); err != nil {
		return err
	}
	a.who = login
	return nil
}

func (a *Account) login() Login {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.who
}

// User is the name for the login.
func (a *Account) User() string { return a.login().User }

var folderName = regexp.MustCompile(`^[\pL\pN][\pL\pN ._-]{0,60}$`)

// canonical is the name under which a folder is kept.
func canonical(name string) string {
	if strings.EqualFold(name, Inbox) {
		return Inbox
	}
	return name
}

// Create makes a folder.
func (a *Account) Create(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	name = canonical(name)
	if !folderName.MatchString(name) {
		return fmt.Errorf("folder %q: %w", name, ErrName)
	}
	if a.folders[name] != nil {
		return fmt.Errorf("folder %q: %w", name, ErrExists)
	}
	return a.createLocked(name)
}

func (a *Account) createLocked(name string) error {
	f, err := createFolder(filepath.Join(a.dir, name), name)
	if err != nil {
		return err
	}
	a.folders[name] = f
	return nil
}

// Folder finds one by name.
func (a *Account) Folder(name string) (*Folder, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.folderLocked(name)
}

func (a *Account) folderLocked(name string) (*Folder, error) {
	if f := a.folders[canonical(name)]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("folder %q: %w", name, ErrNoFolder)
}

// Folders lists all, by name.
func (a *Account) Folders() []*Folder {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*Folder
	for _, f := range a.folders {
		out = append(out, f)
	}
	slices.SortFunc(out, func(x, y *Folder) int { return strings.Compare(x.Name, y.Name) })
	return out
}
