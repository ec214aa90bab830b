package e2e_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the SII's algorithm
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"timbre/emulators/sii/authority"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/ted"
)

// TestBench prints the figures of `make bench`. It judges nothing: a slow machine fails no test.
func TestBench(t *testing.T) {
	if os.Getenv("BENCH") == "" {
		t.Skip("figures are for make bench")
	}
	t.Logf("machine: %s, %d cores, %s", processor(), runtime.NumCPU(), runtime.Version())
	benchSigning(t)
	for _, function := range []string{"generate-sign", "send", "poll-status", "onboard"} {
		benchProcess(t, function)
	}
}

// benchSigning compares one whole document with its two bare RSA signatures, turn by turn.
func benchSigning(t *testing.T) {
	t.Helper()
	world := t.TempDir()
	check(t, authority.Make(world, authority.Options{Types: []int{33}, Folios: 1000}))
	keys, err := company.ReadSIIKeys(filepath.Join(world, "sii"))
	check(t, err)
	folios, err := caf.Parse(file(t, world, "caf", "a", "33-1-1000.xml"), keys)
	check(t, err)
	id, err := cert.ReadPFX(file(t, world, "certs", "a-modern.pfx"), authority.Password)
	check(t, err)
	order := tenLines(t, folios.Issuer)
	at := time.Now()
	write := func() {
		stamp, err := ted.Stamp(order.Stamped(), folios, at)
		check(t, err)
		_, err = dte.Write(order, stamp, at, dte.FormBoth, id)
		check(t, err)
	}
	digest := sha1.Sum([]byte("x")) //nolint:gosec // the SII's algorithm
	small, err := rsa.GenerateKey(rand.Reader, 512)
	check(t, err)
	big, isRSA := id.Key.(*rsa.PrivateKey)
	if !isRSA {
		t.Fatal("not an RSA key")
	}
	bare := func() {
		for _, key := range []*rsa.PrivateKey{big, small} {
			_, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, digest[:])
			check(t, err)
		}
	}
	var ratios []float64
	var whole, naked []time.Duration
	for range 40 {
		a, b := cpu(write, 25), cpu(bare, 25)
		whole, naked, ratios = append(whole, a/25), append(naked, b/25), append(ratios, float64(a)/float64(b))
	}
	slices.Sort(ratios)
	t.Logf("write + stamp + sign a 10-line invoice: %v CPU; bare RSA-2048 + RSA-512: %v; ratio %.3f (quartiles %.3f to %.3f), %.0f allocations",
		median(whole), median(naked), ratios[len(ratios)/2], ratios[len(ratios)/4], ratios[3*len(ratios)/4], testing.AllocsPerRun(100, write))
}

// cpu is the processor time of n calls.
func cpu(do func(), n int) time.Duration {
	begin := used()
	for range n {
		do()
	}
	return used() - begin
}

func used() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func median[T int64 | time.Duration](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

func tenLines(t *testing.T, issuer rut.RUT) *dte.Order {
	t.Helper()
	document := factura(33)
	var lines []map[string]any
	for n := range 10 {
		lines = append(lines, map[string]any{"NmbItem": fmt.Sprintf("Artículo número %d de la lista", n), "QtyItem": n + 1, "PrcItem": 1990 + n})
	}
	document["Detalle"] = lines
	text, err := json.Marshal(document)
	check(t, err)
	order, _, err := dte.Resolve(dte.Request{Document: text, Today: time.Now(), Issuer: dte.Issuer{
		RUT: issuer, RznSoc: "Panadería Ñandú Ltda.", GiroEmis: "Panadería", Acteco: []string{"107100"}, DirOrigen: "Irarrázaval 1", CmnaOrigen: "Ñuñoa",
	}})
	check(t, err)
	return order.WithFolio(7)
}

// benchProcess measures a function's binary: size, time from its start to the first 200, memory idle.
func benchProcess(t *testing.T, function string) {
	t.Helper()
	binary := filepath.Join(golden.Root(), ".local", "bin", function)
	info, err := os.Stat(binary)
	if err != nil {
		t.Logf("%s: no %s; make build makes it", function, binary)
		return
	}
	var starts []time.Duration
	var idle []int64
	for range 15 {
		start, rss := startOnce(t, binary)
		starts, idle = append(starts, start), append(idle, rss)
	}
	t.Logf("%s: %.1f MB stripped, first 200 after %v (median of %d), idle RSS %.1f MB",
		function, float64(info.Size())/1e6, median(starts).Round(100*time.Microsecond), len(starts), float64(median(idle))/1024)
}

func startOnce(t *testing.T, binary string) (time.Duration, int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a port for the next lines
	check(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	check(t, err)
	check(t, l.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	process := exec.CommandContext(ctx, binary) //nolint:gosec // our own binary
	process.Env = append(os.Environ(), "HOST=127.0.0.1", "PORT="+port, "GOOGLE_CLOUD_PROJECT=bench", "STATE_BUCKET=s", "ARCHIVE_BUCKET=a",
		"STORAGE_EMULATOR_HOST=127.0.0.1:1", "PUBSUB_EMULATOR_HOST=127.0.0.1:1", "SECRET_MANAGER_EMULATOR_HOST=127.0.0.1:1")
	begin := time.Now()
	check(t, process.Start())
	defer process.Wait() //nolint:errcheck // it is killed
	defer cancel()
	for ctx.Err() == nil {
		answer, err := http.Get("http://127.0.0.1:" + port + "/health") //nolint:noctx,gosec // our own process
		if err == nil {
			check(t, answer.Body.Close())
			return time.Since(begin), residentKB(t, process.Process.Pid)
		}
		time.Sleep(500 * time.Microsecond)
	}
	t.Fatalf("%s does not answer", binary)
	return 0, 0
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func residentKB(t *testing.T, pid int) int64 {
	t.Helper()
	found := resident.FindSubmatch(file(t, "/proc", strconv.Itoa(pid), "status"))
	if found == nil {
		return 0
	}
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	check(t, err)
	return n
}

var modelName = regexp.MustCompile(`model name\s*: (.*)`)

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	if found := modelName.FindSubmatch(info); found != nil {
		return string(found[1])
	}
	return runtime.GOARCH
}
