package gcs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"timbre/emulators/gcs"
)

// crashEnv makes the test binary an emulator on that directory, to be killed.
const crashEnv = "GCS_TEST_CRASH_DIR"

func serveUntilKilled() int {
	srv, err := gcs.Start(gcs.Options{Dir: os.Getenv(crashEnv), Buckets: []gcs.Bucket{{Name: state}}})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(srv.URL())
	select {}
}

// spawn starts an emulator process and returns it with its URL.
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
	if err != nil || !strings.HasPrefix(line, "http://") {
		t.Fatalf("emulator said %q, %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

// known is what a worker knows about one of its objects: zero if there is none.
type known struct {
	generation, metageneration int64
	content                    string
}

// worker writes objects of its own, one call at a time, so that after a crash at
// most one of its calls has an unknown outcome.
type worker struct {
	id      int
	rnd     *rand.Rand
	objects map[string]known
	next    int
	last    attempt // the call without an answer
}

// attempt is one write, under the condition of what the worker knows.
type attempt struct{ verb, name, content string }

// work writes until there is no answer, and reports each acknowledgement.
func (w *worker) work(t *testing.T, b *storage.BucketHandle, acked chan<- struct{}) {
	for {
		w.last = w.plan()
		now := w.objects[w.last.name]
		after, err := w.last.do(t.Context(), b.Object(w.last.name), now)
		if err != nil {
			if status(err) != 0 {
				t.Errorf("%s %s knowing %v: %v", w.last.verb, w.last.name, now.brief(), err)
			}
			return
		}
		w.objects[w.last.name] = after
		acked <- struct{}{}
	}
}

func (w *worker) plan() attempt {
	w.next++
	name := fmt.Sprintf("w%d/%02d", w.id, w.rnd.IntN(30))
	content := strings.Repeat(fmt.Sprintf("%d/%d;", w.id, w.next), 1+w.rnd.IntN(2000))
	verb := []string{"insert", "insert", "patch", "delete"}[w.rnd.IntN(4)]
	if w.objects[name].generation == 0 {
		verb = "insert"
	}
	return attempt{verb: verb, name: name, content: content}
}

func (a attempt) do(ctx context.Context, o *storage.ObjectHandle, now known) (known, error) {
	switch a.verb {
	case "delete":
		return known{}, o.If(storage.Conditions{GenerationMatch: now.generation}).Delete(ctx)
	case "patch":
		o = o.If(storage.Conditions{GenerationMatch: now.generation, MetagenerationMatch: now.metageneration})
		attrs, err := o.Update(ctx, storage.ObjectAttrsToUpdate{Metadata: map[string]string{"patched": a.name}})
		return learnt(attrs, now.content), err
	}
	condition := storage.Conditions{GenerationMatch: now.generation, DoesNotExist: now.generation == 0}
	attrs, err := put(ctx, o.If(condition), a.content)
	return learnt(attrs, a.content), err
}

// leadsTo says whether the call, if it was applied, made after of before.
func (a attempt) leadsTo(before, after known) bool {
	switch a.verb {
	case "delete":
		return after == known{}
	case "patch":
		return after == known{before.generation, before.metageneration + 1, before.content}
	}
	return after.generation > before.generation && after.metageneration == 1 && after.content == a.content
}

func learnt(a *storage.ObjectAttrs, content string) known {
	if a == nil {
		return known{}
	}
	return known{generation: a.Generation, metageneration: a.Metageneration, content: content}
}

// check compares all objects with what was acknowledged. The object in doubt may
// have moved on by one call; the worker learns what became of it.
func (w *worker) check(t *testing.T, b *storage.BucketHandle) bool {
	t.Helper()
	moved := false
	found := readObjects(t, b, fmt.Sprintf("w%d/", w.id))
	for name := range found {
		if _, ok := w.objects[name]; !ok {
			w.objects[name] = known{}
		}
	}
	for name, want := range w.objects {
		got := found[name]
		if got == want {
			continue
		}
		if name != w.last.name || !w.last.leadsTo(want, got) {
			t.Errorf("%s: acknowledged %v, found %v; call without answer: %s %s", name, want.brief(), got.brief(), w.last.verb, w.last.name)
		}
		w.objects[name], moved = got, true
	}
	return moved
}

func (k known) brief() string {
	return fmt.Sprintf("%d/%d with %d bytes", k.generation, k.metageneration, len(k.content))
}

func readObjects(t *testing.T, b *storage.BucketHandle, prefix string) map[string]known {
	t.Helper()
	out := map[string]known{}
	for it := b.Objects(t.Context(), &storage.Query{Prefix: prefix}); ; {
		a, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, _, err := get(t.Context(), b.Object(a.Name))
		if err != nil {
			t.Fatalf("%s is listed but cannot be read: %v", a.Name, err)
		}
		out[a.Name] = learnt(a, content)
	}
}

// TestKillLosesNothing kills the emulator again and again while eight workers
// create, replace, patch and delete.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	workers := make([]*worker, 8)
	for i := range workers {
		workers[i] = &worker{id: i, rnd: rand.New(rand.NewPCG(uint64(i), 9)), objects: map[string]known{}}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	kills, writes, unanswered := long(50, 3), 0, 0
	for range kills {
		cmd, url := spawn(t, dir)
		b := client(t, url).Bucket(state)
		unanswered += checkAll(t, workers, b)
		writes += killUnderLoad(t, workers, b, cmd, 20+rnd.IntN(150))
	}
	cmd, url := spawn(t, dir)
	unanswered += checkAll(t, workers, client(t, url).Bucket(state))
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
	t.Logf("%d kills, %d acknowledged writes, none lost; %d applied without an answer", kills, writes, unanswered)
}

func checkAll(t *testing.T, workers []*worker, b *storage.BucketHandle) int {
	t.Helper()
	moved := 0
	for _, w := range workers {
		if w.check(t, b) {
			moved++
		}
	}
	return moved
}

// killUnderLoad kills the process at the given number of acknowledgements and
// returns how many there were in the end.
func killUnderLoad(t *testing.T, workers []*worker, b *storage.BucketHandle, cmd *exec.Cmd, after int) int {
	t.Helper()
	acked := make(chan struct{})
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() { w.work(t, b, acked) })
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
