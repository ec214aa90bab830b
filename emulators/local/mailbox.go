package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
)

// mailbox is a company's account at the mail emulator.
type mailbox struct {
	Address  string `json:"address"`
	Password string `json:"password"`

	port int // of IMAP
}

// mailboxes gives each company one, with a password that stays the same from run to run, and tells the mail
// emulator of them.
func (p *plan) mailboxes(companies []Company) error {
	port, err := strconv.Atoi(p.ports["mail-imap"])
	if err != nil {
		return fmt.Errorf("port of IMAP: %w", err)
	}
	all := make([]*mailbox, 0, len(companies))
	for i := range companies {
		c := &companies[i]
		sum := sha256.Sum256([]byte(p.bootstrap + " mailbox of " + c.RUT))
		c.mailbox = &mailbox{Address: c.MailSII, Password: hex.EncodeToString(sum[:16]), port: port}
		if c.mailbox.Address == "" {
			c.mailbox.Address = "dte-" + strings.ToLower(c.RUT) + "@timbre.local"
		}
		all = append(all, c.mailbox)
	}
	return writeJSON(filepath.Join(p.state, "mail.json"), all)
}

// settings are those of PUT /v1/companies/{rut}.
func (m *mailbox) settings() map[string]any {
	return map[string]any{"email": m.Address, "imap": map[string]any{
		"host": "127.0.0.1", "port": m.port, "user": m.Address, "security": "plain",
	}}
}

// tell gives the product the password, unless its answer to the settings says that it has one.
func (m *mailbox) tell(ctx context.Context, client *Client, path string, answer []byte) error {
	var known struct {
		Password bool `json:"imap_password"`
	}
	if err := json.Unmarshal(answer, &known); err != nil {
		return fmt.Errorf("read the company: %w", err)
	}
	if m == nil || known.Password {
		return nil
	}
	_, err := client.Call(ctx, http.MethodPut, path+"/secrets", map[string]any{"imap_password": m.Password})
	return err
}
