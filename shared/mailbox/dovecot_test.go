package mailbox_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"timbre/shared/mailbox"
)

// dovecotConfig is a private Dovecot: everything below one folder, every user with the same password.
const dovecotConfig = `
protocols = imap
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
mail_location = maildir:%[1]s/mail
first_valid_uid = 1
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
disable_plaintext_auth = no
passdb {
  driver = static
  args = password=` + password + `
}
userdb {
  driver = static
  args = uid=%[2]s gid=%[3]s home=%[1]s/mail
}
service imap-login {
  inet_listener imap {
    port = %[4]d
  }
  inet_listener imaps {
    port = %[5]d
  }
}
service anvil {
  chroot =
}
`

// dovecot starts one and returns the accounts for each security.
func dovecot(t *testing.T) map[mailbox.Security]mailbox.Account {
	t.Helper()
	if os.Getenv("WITNESS") != "1" {
		t.Skip("runs with WITNESS=1")
	}
	binary, err := exec.LookPath("dovecot")
	if err != nil {
		t.Skip("needs dovecot (Debian: dovecot-imapd)")
	}
	owner, err := user.Lookup("mail")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and the user mail: Dovecot's processes change theirs")
	}
	dir, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // Dovecot may still be writing its log
	clear, implicit := freePort(t), freePort(t)
	roots := dovecotFiles(t, dir, owner, clear, implicit)
	var said bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it ends by our signal
	})
	awaitPort(t, implicit, dir)
	one := func(port int, how mailbox.Security) mailbox.Account {
		return mailbox.Account{Server: mailbox.Server{Host: "localhost", Port: port, Security: how, User: address, Password: password, Roots: roots}}
	}
	return map[mailbox.Security]mailbox.Account{
		mailbox.Plain: one(clear, mailbox.Plain), mailbox.STARTTLS: one(clear, mailbox.STARTTLS), mailbox.TLS: one(implicit, mailbox.TLS),
	}
}

func dovecotFiles(t *testing.T, dir string, owner *user.User, clear, implicit int) *x509.CertPool {
	t.Helper()
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	openssl := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
		"-addext", "subjectAltName=DNS:localhost", "-days", "2", "-out", certificate, "-keyout", key)
	if out, err := openssl.CombinedOutput(); err != nil {
		t.Skipf("needs openssl: %v %s", err, out)
	}
	mails := filepath.Join(dir, "mail")
	config := fmt.Sprintf(dovecotConfig, dir, owner.Uid, owner.Gid, clear, implicit)
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "dovecot.conf"), []byte(config), 0o644),
		os.Chmod(dir, 0o755), os.Mkdir(mails, 0o700), os.Chown(mails, uid, -1),
	)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(certificate)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate", err)
	}
	return pool
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func awaitPort(t *testing.T, port int, dir string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close() // it was only a knock
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log")) // as far as there is one
			t.Fatalf("dovecot does not listen: %v\n%s", err, log)
		}
	}
}

// putDovecot appends mails by the official client.
func putDovecot(t *testing.T, a mailbox.Account, folder string, mails ...string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(fmt.Sprintf("127.0.0.1:%d", a.Port), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // Dovecot may be gone
	if err := c.Login(address, password).Wait(); err != nil {
		t.Fatal(err)
	}
	for _, raw := range mails {
		cmd := c.Append(folder, int64(len(raw)), nil)
		_, err := io.WriteString(cmd, raw)
		if err := errors.Join(err, cmd.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestDovecot(t *testing.T) {
	t.Parallel()
	accounts := dovecot(t)
	clear := accounts[mailbox.Plain]
	want := []string{"Subject: a\r\n\r\nuno\r\n", large(12 << 20), "Subject: c\r\n\r\n" + strings.Repeat("x", 3000) + "\r\n", "Subject: d\r\n\r\n\r\n"}
	c := putDovecot(t, clear, "INBOX", want...)
	for how, a := range accounts {
		got, p := read(t, a, mailbox.Cursor{}, mailbox.Options{Limit: 3})
		if !slices.Equal(got, want[:3]) || !p.More || p.Cursor.UID != 3 {
			t.Errorf("%s: %d mails, %+v", how, len(got), p)
		}
		got, p = read(t, a, p.Cursor, mailbox.Options{})
		if !slices.Equal(got, want[3:]) || p.More || p.Cursor.UID != 4 {
			t.Errorf("%s: then %d mails, %+v", how, len(got), p)
		}
		if got, _ := read(t, a, p.Cursor, mailbox.Options{}); len(got) > 0 {
			t.Errorf("%s: %d mails again", how, len(got))
		}
		latest, err := mailbox.NewReader(dial, mailbox.Options{}).Latest(t.Context(), a)
		if err != nil || latest != p.Cursor {
			t.Errorf("%s: latest %+v, %v; want %+v", how, latest, err, p.Cursor)
		}
	}
	status, err := c.Status("INBOX", &imap.StatusOptions{NumUnseen: true}).Wait()
	if err != nil || *status.NumUnseen != uint32(len(want)) {
		t.Errorf("reading changed the mailbox: %+v, %v", status, err)
	}
	dovecotEdges(t, clear, c)
	dovecotFaults(t, clear)
}

// dovecotEdges are what may happen to a mailbox: limits, folders, a new UIDVALIDITY, deleted mails.
func dovecotEdges(t *testing.T, a mailbox.Account, c *imapclient.Client) {
	t.Helper()
	p, err := mailbox.NewReader(dial, mailbox.Options{MaxBytes: 1000}).Read(t.Context(), a, mailbox.Cursor{}, func(_ context.Context, m mailbox.Message) error {
		raw, err := io.ReadAll(m.Body)
		if want := m.Cursor.UID == 2 || m.Cursor.UID == 3; m.Truncated != want || want && len(raw) != 1000 {
			t.Errorf("mail %d: %d bytes, truncated %v", m.Cursor.UID, len(raw), m.Truncated)
		}
		return err
	})
	if err != nil || p.Mails != 4 {
		t.Error(err, p)
	}
	a.Folder = "Año 2026"
	var validities []uint32
	for range 2 {
		if err := c.Create(a.Folder, nil).Wait(); err != nil {
			t.Fatal(err)
		}
		putDovecot(t, a, a.Folder, "Subject: x\r\n\r\n", "Subject: y\r\n\r\n")
		from := mailbox.Cursor{UID: 2}
		if len(validities) > 0 {
			from.UIDValidity = validities[0]
		}
		got, p := read(t, a, from, mailbox.Options{})
		if len(got) != 2 {
			t.Errorf("%d mails under a new UIDVALIDITY, want 2", len(got))
		}
		validities = append(validities, p.Cursor.UIDValidity)
		if err := c.Delete(a.Folder).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if validities[0] == validities[1] {
		t.Errorf("UIDVALIDITY stayed %d", validities[0])
	}
}

func dovecotFaults(t *testing.T, a mailbox.Account) {
	t.Helper()
	wrong, missing, untrusted := a, a, a
	wrong.Password, missing.Folder, untrusted.Roots, untrusted.Security = "otra", "nada", nil, mailbox.STARTTLS
	tests := []struct {
		account mailbox.Account
		want    error
	}{{wrong, mailbox.ErrAuth}, {missing, mailbox.ErrNoFolder}, {untrusted, mailbox.ErrTLS}}
	for _, test := range tests {
		if _, err := mailbox.NewReader(dial, mailbox.Options{Retries: -1}).Latest(t.Context(), test.account); !errors.Is(err, test.want) {
			t.Errorf("%v, want %v", err, test.want)
		}
	}
}
