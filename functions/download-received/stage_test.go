package downloadreceived_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"timbre/emulators/gcs"
	"timbre/emulators/local"
	"timbre/emulators/mail"
	"timbre/emulators/oidc"
	"timbre/emulators/pubsub"
	"timbre/emulators/secrets"
	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/supplier"
	"timbre/shared/golden"
	"timbre/shared/mailbox"
	"timbre/shared/store"
)

const (
	stageProject  = "timbre-received"
	stageAudience = "https://timbre.example"
	stageInvoker  = "invoker@timbre-received.iam.gserviceaccount.com"
	stageKey      = "bootstrap_of_the_stage"
	stagePassword = "of-the-mailboxes"
	buyerAddress  = "dte@comprador.example"
	sellerAddress = "dte@proveedor.example"
)

// stage is the function's own binary, several processes of it, on emulators in this process; one company, the buyer, is
// onboarded with a mailbox, and a supplier's office has another.
type stage struct {
	t       *testing.T
	dir     string
	world   string
	storage *gcs.Server
	secrets *secrets.Server
	bus     *pubsub.Server
	issuer  *oidc.Issuer
	sii     *fakesii.Server
	mails   *mail.Server
	office  *supplier.Office
	server  mailbox.Account // the buyer's mailbox; that of the emulator, if no other is set before onboard

	processes []*process // of the function
	key       string     // for the buyer
}

// newStage starts the emulators. It builds binaries, so it is for WITNESS=1.
func newStage(t *testing.T) *stage {
	t.Helper()
	if os.Getenv("WITNESS") != "1" {
		t.Skip("builds and runs the binaries: runs with WITNESS=1")
	}
	s := &stage{t: t, dir: t.TempDir()}
	s.world = filepath.Join(s.dir, "world")
	s.must(authority.Make(s.world, authority.Options{Types: []int{33}, Folios: 100_000}))
	var err error
	s.storage, err = gcs.Start(gcs.Options{Dir: filepath.Join(s.dir, "gcs"), Buckets: []gcs.Bucket{{Name: "state"}, {Name: "archive", Retention: time.Hour}}})
	s.opened(s.storage, err)
	s.secrets, err = secrets.Start(secrets.Options{})
	s.opened(s.secrets, err)
	s.issuer, err = oidc.New()
	s.must(err)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	s.bus, err = pubsub.Start(pubsub.Options{Dir: filepath.Join(s.dir, "pubsub"), Issuer: s.issuer, Logger: quiet, Config: pubsub.Config{
		Project: stageProject, Topics: []string{"dte-signed", "dte-sent", "dte-status", "dte-received", "company-alert"},
	}})
	s.opened(s.bus, err)
	s.sii, err = fakesii.Start(fakesii.Options{World: s.world, Speed: 60, Log: quiet})
	s.opened(s.sii, err)
	s.mails, err = mail.Start(mail.Options{Dir: filepath.Join(s.dir, "mail"), Mailboxes: []mail.Mailbox{
		{Address: buyerAddress, Password: stagePassword}, {Address: sellerAddress, Password: stagePassword},
	}})
	s.opened(s.mails, err)
	s.office, err = supplier.NewOffice(s.world, "b")
	s.must(err)
	s.server = s.account(s.mails.IMAPAddr(), buyerAddress)
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// opened has something closed at the end.
func (s *stage) opened(c io.Closer, err error) {
	s.t.Helper()
	s.must(err)
	s.t.Cleanup(func() { _ = c.Close() }) // the test is over
}

// account is a mailbox at an IMAP server without TLS.
func (s *stage) account(addr, user string) mailbox.Account {
	s.t.Helper()
	host, port, err := net.SplitHostPort(addr)
	s.must(err)
	number, err := strconv.Atoi(port)
	s.must(err)
	return mailbox.Account{Server: mailbox.Server{Host: host, Port: number, Security: mailbox.Plain, User: user, Password: stagePassword}}
}

// build makes the binaries of functions.
func (s *stage) build(functions ...string) {
	s.t.Helper()
	for _, name := range functions {
		command := exec.CommandContext(s.t.Context(), "go", "build", "-tags", "disable_grpc_modules", "-o", filepath.Join(s.dir, name), "./functions/"+name+"/cmd")
		command.Dir = golden.Root()
		if out, err := command.CombinedOutput(); err != nil {
			s.t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
}

// open onboards the buyer, and starts so many processes of the function.
func (s *stage) open(n int) {
	s.t.Helper()
	s.build("onboard", "download-received")
	onboard := s.start("onboard")
	s.onboard(local.NewClient("http://"+onboard.addr, stageKey))
	for range n {
		s.processes = append(s.processes, s.start("download-received"))
	}
}

// onboard makes the buyer known, with mailbox and certificate.
func (s *stage) onboard(client *local.Client) {
	s.t.Helper()
	c := authority.DefaultCompanies()[0]
	path := "/v1/companies/" + c.RUT
	smtp := s.account(s.mails.SMTPAddr(), buyerAddress)
	place := func(a mailbox.Account) map[string]any {
		return map[string]any{"host": a.Host, "port": a.Port, "user": a.User, "security": a.Security}
	}
	s.call(client, http.MethodPut, path, map[string]any{
		"RznSoc": c.Name, "GiroEmis": c.Activity, "Acteco": []string{strconv.Itoa(c.Acteco)},
		"DirOrigen": c.Address, "CmnaOrigen": "Ñuñoa", "CiudadOrigen": "Santiago", "active": "certificacion",
		"certificacion": map[string]any{"FchResol": c.FchResol, "NroResol": c.NroResol},
		"intercambio":   map[string]any{"email": buyerAddress, "imap": place(s.server), "smtp": place(smtp)},
	})
	s.call(client, http.MethodPut, path+"/secrets", map[string]any{"imap_password": string(s.server.Password), "smtp_password": stagePassword})
	var companies []authority.Company
	text, err := os.ReadFile(filepath.Join(s.world, "companies.json"))
	s.must(err)
	s.must(json.Unmarshal(text, &companies))
	pfx, err := os.ReadFile(filepath.Join(s.world, companies[0].PFX))
	s.must(err)
	s.call(client, http.MethodPut, path+"/certificate", map[string]any{"pfx": pfx, "password": companies[0].PFXPassword})
	var made struct{ Key string }
	answer := s.call(client, http.MethodPost, path+"/keys", map[string]any{"ruts": []string{c.RUT}, "scopes": []string{"read", "receive"}})
	s.must(json.Unmarshal(answer, &made))
	s.key = made.Key
}

func (s *stage) call(client *local.Client, method, path string, body any) []byte {
	s.t.Helper()
	answer, err := client.Call(s.t.Context(), method, path, body)
	s.must(err)
	return answer
}

// environment is what a process of a function is told.
func (s *stage) environment(addr string) []string {
	host, port, err := net.SplitHostPort(addr)
	s.must(err)
	sum := sha256.Sum256([]byte(stageKey))
	return append(os.Environ(),
		"HOST="+host, "PORT="+port, "GOOGLE_CLOUD_PROJECT="+stageProject, "STATE_BUCKET=state", "ARCHIVE_BUCKET=archive",
		"STORAGE_EMULATOR_HOST="+s.storage.URL(), "PUBSUB_EMULATOR_HOST="+s.bus.Addr(), "SECRET_MANAGER_EMULATOR_HOST="+s.secrets.Addr(),
		"SII_BASE_URL="+s.sii.URL, "SII_CAF_KEYS="+filepath.Join(s.world, "sii"), "BOOTSTRAP_KEY_SHA256="+hex.EncodeToString(sum[:]),
		"OIDC_AUDIENCE="+stageAudience, "OIDC_CERTS_URL="+s.bus.AdminURL()+oidc.CertsPath, "SERVICE_ACCOUNTS="+stageInvoker,
		"ALLOW_PRIVATE_HOSTS=true", "TOKEN_WAIT=5s")
}

// process is one of a function; it is started again when it dies, until the test ends.
type process struct {
	addr string
	log  string

	mu      sync.Mutex
	running *os.Process
	deaths  int
}

func (s *stage) start(function string) *process {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a port for the process
	s.must(err)
	p := &process{addr: l.Addr().String(), log: filepath.Join(s.dir, fmt.Sprintf("%s-%d.log", function, len(s.processes)))}
	s.must(l.Close())
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan struct{})
	s.t.Cleanup(func() {
		end()
		<-ended
		if s.t.Failed() {
			s.t.Logf("%s: %s", function, tail(p.log))
		}
	})
	environment := s.environment(p.addr)
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			p.live(ctx, filepath.Join(s.dir, function), environment)
		}
	}()
	s.eventually(time.Minute, 20*time.Millisecond, p.healthy, function+" does not start")
	return p
}

// live is one life of the process.
func (p *process) live(ctx context.Context, binary string, environment []string) {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer log.Close() //nolint:errcheck // the process wrote it
	command := exec.CommandContext(ctx, binary)
	command.Stdout, command.Stderr, command.Env = log, log, environment
	if command.Start() != nil {
		return
	}
	p.mu.Lock()
	p.running = command.Process
	p.mu.Unlock()
	_ = command.Wait() // it was killed
}

// kill ends the process at once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil && p.running.Kill() == nil {
		p.deaths++
	}
}

func (p *process) healthy() bool {
	answer, err := http.Get("http://" + p.addr + "/health/ready") //nolint:noctx // our own process
	if err != nil {
		return false
	}
	defer answer.Body.Close() //nolint:errcheck // only the status counts
	return answer.StatusCode == http.StatusOK
}

// peak is the greatest memory of the process (VmHWM), in bytes; 0 where the system does not tell.
func (p *process) peak() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.running.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	var kilobytes int64
	_, _ = fmt.Sscan(string(rest), &kilobytes) // 0 then
	return kilobytes << 10
}

// tail is the end of a log.
func tail(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-4000):]
}

// eventually waits for something that processes bring about.
func (s *stage) eventually(patience, every time.Duration, done func() bool, complaint string) {
	s.t.Helper()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-deadline:
			s.t.Fatal(complaint)
		case <-time.After(every):
		}
	}
}

// tick wakes a process as the scheduler does; one that is dead does not answer.
func (s *stage) tick(ctx context.Context, p *process) error {
	token, err := s.issuer.Token(stageAudience, stageInvoker)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+"/_tick", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only the status counts
	if answer.StatusCode != http.StatusNoContent {
		text, err := io.ReadAll(answer.Body)
		return fmt.Errorf("tick: %d %s %w", answer.StatusCode, text, err)
	}
	return nil
}

// client calls a process in the buyer's name.
func (s *stage) client(p *process) *local.Client {
	c := local.NewClient("http://"+p.addr, s.key)
	c.Timeout(6 * time.Minute)
	return c
}

// mailsOf are all mails of a mailbox of the emulator.
func (s *stage) mailsOf(address string) [][]byte {
	s.t.Helper()
	var all [][]byte
	reader := mailbox.NewReader((&net.Dialer{}).DialContext, mailbox.Options{})
	for cursor, more := (mailbox.Cursor{}), true; more; {
		p, err := reader.Read(s.t.Context(), s.account(s.mails.IMAPAddr(), address), cursor, func(_ context.Context, m mailbox.Message) error {
			raw, err := io.ReadAll(m.Body)
			all = append(all, raw)
			return err
		})
		s.must(err)
		cursor, more = p.Cursor, p.More
	}
	return all
}

// archived counts what is in the archive under a prefix.
func (s *stage) archived(prefix string) int {
	s.t.Helper()
	answer, err := http.Get(s.storage.URL() + "/storage/v1/b/archive/o?maxResults=5000&prefix=" + prefix) //nolint:noctx // an emulator of ours
	s.must(err)
	defer answer.Body.Close() //nolint:errcheck // it is read
	var page struct{ Items []struct{ Name string } }
	s.must(json.NewDecoder(answer.Body).Decode(&page))
	return len(page.Items)
}

var stageCompany = store.Company{Env: store.Certificacion, RUT: buyer}
