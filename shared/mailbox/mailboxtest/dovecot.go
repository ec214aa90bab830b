package mailboxtest

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
	"strconv"
	"syscall"
	"testing"
	"time"

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
  args = password=%[6]s
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

// Dovecot starts one, and returns the accounts of an address for each security. It skips where there is no Dovecot, and
// without WITNESS=1.
func Dovecot(tb testing.TB, address, password string) map[mailbox.Security]mailbox.Account {
	tb.Helper()
	if os.Getenv("WITNESS") != "1" {
		tb.Skip("runs with WITNESS=1")
	}
	binary, err := exec.LookPath("dovecot")
	if err != nil {
		tb.Skip("needs dovecot (Debian: dovecot-imapd)")
	}
	owner, err := user.Lookup("mail")
	if err != nil || os.Getuid() != 0 {
		tb.Skip("needs root and the user mail: Dovecot's processes change theirs")
	}
	dir, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) }) // Dovecot may still be writing its log
	clear, implicit := freePort(tb), freePort(tb)
	roots := writeFiles(tb, files{dir, owner, clear, implicit, password})
	var said bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), binary, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			tb.Error(err)
		}
		_ = cmd.Wait() // it ends by our signal
	})
	awaitPort(tb, implicit, dir)
	one := func(port int, how mailbox.Security) mailbox.Account {
		return mailbox.Account{Server: mailbox.Server{Host: "localhost", Port: port, Security: how, User: address, Password: mailbox.Secret(password), Roots: roots}}
	}
	return map[mailbox.Security]mailbox.Account{
		mailbox.Plain: one(clear, mailbox.Plain), mailbox.STARTTLS: one(clear, mailbox.STARTTLS), mailbox.TLS: one(implicit, mailbox.TLS),
	}
}

// files say what is written for a Dovecot.
type files struct {
	dir             string
	owner           *user.User
	clear, implicit int // ports
	password        string
}

// writeFiles makes configuration, certificate and folder; the pool trusts the certificate.
func writeFiles(tb testing.TB, f files) *x509.CertPool {
	tb.Helper()
	uid, err := strconv.Atoi(f.owner.Uid)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, key := filepath.Join(f.dir, "cert.pem"), filepath.Join(f.dir, "key.pem")
	openssl := exec.CommandContext(tb.Context(), "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
		"-addext", "subjectAltName=DNS:localhost", "-days", "2", "-out", certificate, "-keyout", key)
	if out, err := openssl.CombinedOutput(); err != nil {
		tb.Skipf("needs openssl: %v %s", err, out)
	}
	mails := filepath.Join(f.dir, "mail")
	config := fmt.Sprintf(dovecotConfig, f.dir, f.owner.Uid, f.owner.Gid, f.clear, f.implicit, f.password)
	err = errors.Join(
		os.WriteFile(filepath.Join(f.dir, "dovecot.conf"), []byte(config), 0o644),
		os.Chmod(f.dir, 0o755), os.Mkdir(mails, 0o700), os.Chown(mails, uid, -1),
	)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := os.ReadFile(certificate)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		tb.Fatal("no certificate", err)
	}
	return pool
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func awaitPort(tb testing.TB, port int, dir string) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close() // it was only a knock
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log")) // as far as there is one
			tb.Fatalf("dovecot does not listen: %v\n%s", err, log)
		}
	}
}

// Put appends mails to a folder by the official client, which it returns.
func Put(tb testing.TB, a mailbox.Account, folder string, mails ...string) *imapclient.Client {
	tb.Helper()
	c, err := imapclient.DialInsecure(fmt.Sprintf("127.0.0.1:%d", a.Port), nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() }) // Dovecot may be gone
	if err := c.Login(a.User, string(a.Password)).Wait(); err != nil {
		tb.Fatal(err)
	}
	for _, raw := range mails {
		cmd := c.Append(folder, int64(len(raw)), nil)
		_, err := io.WriteString(cmd, raw)
		if err := errors.Join(err, cmd.Close()); err != nil {
			tb.Fatal(err)
		}
		if _, err := cmd.Wait(); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}
