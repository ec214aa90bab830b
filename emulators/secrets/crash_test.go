package secrets_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"timbre/emulators/secrets"
)

// crashEnv makes the test binary an emulator on that directory, to be killed.
const crashEnv = "SECRETS_TEST_CRASH_DIR"

func serveUntilKilled() int {
	srv, err := secrets.Start(secrets.Options{Dir: os.Getenv(crashEnv)})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("listens on", srv.Addr())
	select {}
}

func spawn(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // usually dead by then
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(line, "listens on ")
	if err != nil || !ok {
		t.Fatalf("emulator said %q, %v", line, err)
	}
	return cmd, strings.TrimSpace(addr)
}

// adder adds versions to a secret of its own; versions[i] is the payload of
// number i+1. A call without an answer may have added one more.
type adder struct {
	id       string
	versions []string
	made     bool
}

func (a *adder) payload(number int) string {
	return strings.Repeat(fmt.Sprintf("%s/%d;", a.id, number), 50)
}

func (a *adder) add(t *testing.T, c *secretmanager.Client, acked chan<- struct{}) {
	for {
		err := a.step(t, c)
		if err == nil {
			acked <- struct{}{}
			continue
		}
		if code := status.Code(unwrapAPI(err)); code != codes.Unavailable {
			t.Errorf("%s: %v", a.id, err)
		}
		return
	}
}

func (a *adder) step(t *testing.T, c *secretmanager.Client) error {
	if !a.made {
		_, err := create(t.Context(), c, a.id)
		if status.Code(unwrapAPI(err)) == codes.AlreadyExists {
			err = nil
		}
		a.made = err == nil
		return err
	}
	want := a.payload(len(a.versions) + 1)
	v, err := add(t.Context(), c, a.id, want)
	if err != nil {
		return err
	}
	a.versions = append(a.versions, want)
	if v.GetName() != versionName(a.id, fmt.Sprint(len(a.versions))) {
		return fmt.Errorf("version %s, %d are known", v.GetName(), len(a.versions))
	}
	return nil
}

// check compares all versions with what was acknowledged and learns the one that
// may have been added without an answer.
func (a *adder) check(t *testing.T, c *secretmanager.Client) {
	t.Helper()
	if !a.made {
		return
	}
	for i, want := range a.versions {
		if _, got, err := access(t.Context(), c, a.id, fmt.Sprint(i+1)); err != nil || got != want {
			t.Errorf("%s: acknowledged version %d is %q, %v", a.id, i+1, got, err)
		}
	}
	next := a.payload(len(a.versions) + 1)
	_, got, err := access(t.Context(), c, a.id, fmt.Sprint(len(a.versions)+1))
	switch {
	case err == nil && got == next:
		a.versions = append(a.versions, next)
	case status.Code(unwrapAPI(err)) != codes.NotFound:
		t.Errorf("%s: version after the last is %q, %v", a.id, got, err)
	}
}

// TestKillLosesNothing kills the emulator while four adders write.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	adders := []*adder{{id: "a"}, {id: "b"}, {id: "c"}, {id: "d"}}
	kills, writes := 3, 0
	if os.Getenv("WITNESS") == "1" {
		kills = 50
	}
	for kill := range kills {
		cmd, addr := spawn(t, dir)
		c := client(t, addr)
		for _, a := range adders {
			a.check(t, c)
		}
		writes += killUnderLoad(t, adders, c, cmd, 5+kill*7%40)
	}
	cmd, addr := spawn(t, dir)
	for _, a := range adders {
		a.check(t, client(t, addr))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
	t.Logf("%d kills, %d acknowledged writes, none lost", kills, writes)
}

func killUnderLoad(t *testing.T, adders []*adder, c *secretmanager.Client, cmd *exec.Cmd, after int) int {
	t.Helper()
	acked := make(chan struct{})
	var group sync.WaitGroup
	for _, a := range adders {
		group.Go(func() { a.add(t, c, acked) })
	}
	go func() { group.Wait(); close(acked) }()
	count := 0
	for range acked {
		if count++; count != after {
			continue
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
	if count < after {
		t.Fatalf("writing ended after %d of %d acknowledgements", count, after)
	}
	_ = cmd.Wait() // killed
	return count
}

func TestEverythingSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv, err := secrets.Start(secrets.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, srv.Addr())
	made := must(create(t.Context(), c, "s"))(t)
	for _, payload := range []string{"one", "two", "three"} {
		must(add(t.Context(), c, "s", payload))(t)
	}
	must(c.DisableSecretVersion(t.Context(), &pb.DisableSecretVersionRequest{Name: versionName("s", "2")}))(t)
	must(c.DestroySecretVersion(t.Context(), &pb.DestroySecretVersionRequest{Name: versionName("s", "1")}))(t)
	must(create(t.Context(), c, "gone"))(t)
	if err := c.DeleteSecret(t.Context(), &pb.DeleteSecretRequest{Name: project + "/secrets/gone"}); err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	checkRestarted(t, dir, made)
}

func checkRestarted(t *testing.T, dir string, made *pb.Secret) {
	t.Helper()
	if files, err := filepath.Glob(filepath.Join(dir, "secrets", "*")); err != nil || len(files) != 1 || strings.Contains(readFile(t, files[0]), "b25l") {
		t.Errorf("files %v, %v: one secret, and no payload of the destroyed version", files, err)
	}
	c := client(t, start(t, secrets.Options{Dir: dir}).Addr())
	if got := must(c.GetSecret(t.Context(), &pb.GetSecretRequest{Name: made.GetName()}))(t); got.GetEtag() != made.GetEtag() {
		t.Errorf("secret %v became %v", made, got)
	}
	for number, want := range map[string]codes.Code{"1": codes.FailedPrecondition, "2": codes.FailedPrecondition, "3": codes.OK, "4": codes.NotFound} {
		_, _, err := access(t.Context(), c, "s", number)
		wantCode(t, "access of "+number, err, want)
	}
	_, err := c.GetSecret(t.Context(), &pb.GetSecretRequest{Name: project + "/secrets/gone"})
	wantCode(t, "deleted secret", err, codes.NotFound)
}

func readFile(tb testing.TB, path string) string {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func TestStartRefusesDamageAndSharing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv, err := secrets.Start(secrets.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if second, err := secrets.Start(secrets.Options{Dir: dir}); err == nil {
		t.Error("a second server took the directory", second.Close())
	}
	must(create(t.Context(), client(t, srv.Addr()), "s"))(t)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "secrets", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	errLeft := os.WriteFile(files[0]+".tmp-1", []byte("{"), 0o600)
	if err := errors.Join(errLeft, os.Truncate(files[0], 10)); err != nil {
		t.Fatal(err)
	}
	if srv, err := secrets.Start(secrets.Options{Dir: dir}); err == nil {
		t.Error("a torn secret was left out silently", srv.Close())
	}
}
