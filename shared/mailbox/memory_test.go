package mailbox_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"timbre/emulators/mail"
	"timbre/shared/mailbox"
	"timbre/shared/mailbox/parts"
)

// childEnv makes the test binary a reader of the mailbox at that address.
const childEnv = "MAILBOX_TEST_READ"

func TestMain(m *testing.M) {
	if addr := os.Getenv(childEnv); addr != "" {
		fmt.Print(readAll(addr))
		return
	}
	os.Exit(m.Run())
}

// readAll reads and takes apart every mail, as a function does, and reports what it took.
func readAll(addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	a := mailbox.Account{Server: mailbox.Server{Host: host, Security: mailbox.Plain, User: address, Password: password}}
	if _, err := fmt.Sscan(port, &a.Port); err != nil {
		return err.Error()
	}
	files := 0
	p, err := mailbox.NewReader(dial, mailbox.Options{}).Read(context.Background(), a, mailbox.Cursor{}, func(_ context.Context, m mailbox.Message) error {
		raw, err := io.ReadAll(m.Body)
		if err != nil {
			return err
		}
		_, err = parts.Walk(raw, parts.Limits{}, func(parts.File) error { files++; return nil })
		return err
	})
	status, failed := os.ReadFile("/proc/self/status")
	if err != nil || failed != nil {
		return fmt.Sprint(err, failed)
	}
	peak := 0
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &peak) // other lines
	}
	return fmt.Sprintf("%d mails %d files %d kB", p.Mails, files, peak)
}

// raced tells whether the test was built with -race.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// TestPeakMemory reads mails of 12 MB in a process of its own.
func TestPeakMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil || raced() {
		t.Skip("needs /proc, and memory as it is without -race")
	}
	s := start(t, mail.TLSOff)
	xml := "<EnvioDTE>" + strings.Repeat("<DTE/>\n", 9<<20/7) + "</EnvioDTE>"
	raw := "Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(xml))
	for range 5 {
		put(t, s, raw)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childEnv+"="+s.IMAPAddr())
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	var mails, files, peak int
	if _, err := fmt.Sscanf(string(out), "%d mails %d files %d kB", &mails, &files, &peak); err != nil || mails != 5 || files != 5 {
		t.Fatalf("%s, %v", out, err)
	}
	t.Logf("%d mails of %d MB: peak %d MB", mails, len(raw)>>20, peak>>10)
	if peak > 128<<10 {
		t.Errorf("peak memory %d kB", peak)
	}
}
