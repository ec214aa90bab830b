package mail_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"timbre/emulators/mail"
)

// crashEnv makes the test binary a server on that directory, to be killed.
const crashEnv = "MAIL_TEST_CRASH_DIR"

func serveUntilKilled(dir string) int {
	s, err := mail.Start(mail.Options{Dir: dir, Mailboxes: []mail.Mailbox{{Address: address, Password: password}}})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(s.SMTPAddr(), s.IMAPAddr())
	select {}
}

// process is a server that can be killed.
type process struct {
	cmd        *exec.Cmd
	smtp, imap string
}

func spawn(t *testing.T, dir string) process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	in, read, ok := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || !ok {
		t.Fatalf("server said %q, %v", line, err)
	}
	return process{cmd, in, read}
}

func (p process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = p.cmd.Wait() // killed
}

// TestKillLosesNothing kills the server again and again while senders send and a reader sets flags.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	known := map[string]uint32{} // UID by mark, once it was seen
	acked := map[string]bool{}
	rnd := rand.New(rand.NewPCG(7, 8))
	var validity uint32
	kills := long(3, 40)
	for round := range kills {
		p := spawn(t, dir)
		marks := make(chan string)
		var group sync.WaitGroup
		for sender := range 4 {
			group.Go(func() { sendUntilKilled(p.smtp, fmt.Sprintf("%d-%d", round, sender), marks) })
		}
		go func() { group.Wait(); close(marks) }()
		limit, count := 10+rnd.IntN(60), 0
		for mark := range marks {
			acked[mark] = true
			if count++; count == limit {
				p.kill(t)
			}
		}
		if count < limit {
			t.Fatalf("sending ended after %d mails", count)
		}
		p = spawn(t, dir)
		check(t, p, acked, known, &validity)
		p.kill(t)
	}
	t.Logf("%d kills, %d acknowledged mails, none lost; %d there in all", 2*kills, len(acked), len(known))
}

func sendUntilKilled(addr, prefix string, acked chan<- string) {
	c, err := smtp.Dial(addr)
	if err != nil {
		return // killed
	}
	defer func() { _ = c.Close() }()
	for i := 0; ; i++ {
		mark := fmt.Sprintf("%s-%d", prefix, i)
		raw := letter(mark) + strings.Repeat("x\r\n", i%50*100)
		if c.SendMail("sii@sii.cl", []string{address}, strings.NewReader(raw)) != nil {
			return // killed
		}
		acked <- mark
	}
}

// check compares the mailbox with what was acknowledged and with what was seen before.
func check(t *testing.T, p process, acked map[string]bool, known map[string]uint32, validity *uint32) {
	t.Helper()
	c, err := imapclient.DialInsecure(p.imap, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Login(address, password).Wait(); err != nil {
		t.Fatal(err)
	}
	data, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if *validity != 0 && data.UIDValidity != *validity {
		t.Errorf("UIDVALIDITY %d became %d", *validity, data.UIDValidity)
	}
	*validity = data.UIDValidity
	found := map[string]bool{}
	for _, m := range fetch(t, c, everything, true) {
		mark := subjectOf(t, body(m))
		if found[mark] {
			t.Errorf("%s is there twice", mark)
		}
		found[mark] = true
		if old := known[mark]; old != 0 && (old != uint32(m.UID) || len(m.Flags) != 1) {
			t.Errorf("%s: UID %d became %d, flags %v", mark, old, m.UID, m.Flags)
		}
		known[mark] = uint32(m.UID)
	}
	for mark := range acked {
		if !found[mark] {
			t.Errorf("%s was acknowledged and is lost", mark)
		}
	}
	if err := c.Store(everything, storeSeen, nil).Close(); err != nil { // acknowledged, so it must be there after the next kill
		t.Error(err)
	}
}

func subjectOf(t *testing.T, raw string) string {
	t.Helper()
	for line := range strings.Lines(raw) {
		if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
			if !strings.Contains(raw, "\r\n\r\nHola\r\n") {
				t.Errorf("%s is torn", subject)
			}
			return strings.TrimSpace(subject)
		}
	}
	t.Errorf("a mail without subject: %q", raw[:min(len(raw), 200)])
	return ""
}

var storeSeen = &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}, Silent: true}
