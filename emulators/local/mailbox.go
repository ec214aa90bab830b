package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// mailbox is a company's account at the mail emulator.
type mailbox struct {
	Address  string `json:"address"`
	Password string `json:"password"`

	servers mailServers
}

// mailServers are where the mail emulator listens, as host:port.
type mailServers struct{ imap, smtp string }

// giveMailboxes gives each company one at the mail emulator, which listens there, with a password that
// stays the same from run to run, and writes the file that tells the emulator of them.
func giveMailboxes(companies []Company, secret string, servers mailServers, file string) error {
	all := make([]*mailbox, 0, len(companies))
	for i := range companies {
		c := &companies[i]
		sum := sha256.Sum256([]byte(secret + " mailbox of " + c.RUT))
		c.mailbox = &mailbox{Address: c.MailSII, Password: hex.EncodeToString(sum[:16]), servers: servers}
		if c.mailbox.Address == "" {
			c.mailbox.Address = "dte-" + strings.ToLower(c.RUT) + "@timbre.local"
		}
		all = append(all, c.mailbox)
	}
	return writeJSON(file, all)
}

// settings are those of PUT /v1/companies/{rut}.
func (m *mailbox) settings() (map[string]any, error) {
	imap, err := m.account(m.servers.imap)
	if err != nil {
		return nil, fmt.Errorf("address of IMAP: %w", err)
	}
	smtp, err := m.account(m.servers.smtp)
	if err != nil {
		return nil, fmt.Errorf("address of SMTP: %w", err)
	}
	return map[string]any{"email": m.Address, "imap": imap, "smtp": smtp}, nil
}

// account is the company's at a server.
func (m *mailbox) account(addr string) (map[string]any, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	return map[string]any{"host": host, "port": number, "user": m.Address, "security": "plain"}, nil
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
