package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"timbre/emulators/local"
	"timbre/emulators/sii/authority"
	"timbre/shared/golden"
)

// TestBenchBatch prints the peak memory (VmHWM) of generate-sign's process after a batch of 1,000 and
// one of 2,000 documents, each on a fresh stack of the real binaries. It judges nothing but that every
// row was issued.
func TestBenchBatch(t *testing.T) {
	if os.Getenv("BENCH") == "" {
		t.Skip("figures are for make bench")
	}
	bin := filepath.Join(golden.Root(), ".local", "bin")
	if _, err := os.Stat(filepath.Join(bin, "generate-sign")); err != nil {
		t.Skipf("no binaries in %s; make build makes them", bin)
	}
	world := filepath.Join(t.TempDir(), "world")
	check(t, authority.Make(world, authority.Options{Types: []int{33, 34, 56, 61}, Folios: 5000}))
	var peaks []int64
	for _, rows := range []int{1000, 2000} {
		peak, took := batchPeak(t, bin, world, rows)
		t.Logf("batch of %d documents of 10 lines: generate-sign peaks at %.1f MB (VmHWM), %v", rows, float64(peak)/1024, took.Round(time.Millisecond))
		peaks = append(peaks, peak)
	}
	t.Logf("2,000 rows take %.2f times the peak of 1,000", float64(peaks[1])/float64(peaks[0]))
}

func batchPeak(t *testing.T, bin, world string, rows int) (int64, time.Duration) {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := local.Start(ctx, local.Options{
		World: world, StateDir: filepath.Join(dir, "state"), GatewayAddr: "127.0.0.1:0", SIISpeed: "60",
		BinDir: bin, KeyFile: filepath.Join(dir, "key"), TickEvery: "1s",
	}, t.Logf)
	check(t, err)
	defer func() { check(t, s.Close()) }()
	begin := time.Now()
	client := local.NewClient(s.Client.Base, s.Client.Key)
	client.Timeout(5 * time.Minute)
	answer, err := client.Call(ctx, http.MethodPost, "/v1/batches", batchOf(t, s.Companies[0].RUT, rows))
	check(t, err)
	took := time.Since(begin)
	var results struct {
		Results []struct{ Status int }
	}
	check(t, json.Unmarshal(answer, &results))
	for _, r := range results.Results {
		if r.Status != http.StatusCreated {
			t.Fatalf("a row got %d", r.Status)
		}
	}
	if len(results.Results) != rows {
		t.Fatalf("%d results of %d rows", len(results.Results), rows)
	}
	return peakKB(t, filepath.Join(bin, "generate-sign")), took
}

func batchOf(t *testing.T, company string, rows int) map[string]any {
	t.Helper()
	documents := make([]map[string]any, rows)
	for n := range rows {
		document := factura(33)
		var lines []map[string]any
		for l := range 10 {
			lines = append(lines, map[string]any{"NmbItem": fmt.Sprintf("Artículo %d de la fila %d", l, n), "QtyItem": l + 1, "PrcItem": 990 + l})
		}
		document["Detalle"] = lines
		documents[n] = map[string]any{"idempotency_key": fmt.Sprint("row ", n), "document": document}
	}
	return map[string]any{"company": company, "documents": documents}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakKB finds the process of a binary and reads its peak memory.
func peakKB(t *testing.T, binary string) int64 {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/exe")
	check(t, err)
	for _, exe := range processes {
		target, err := os.Readlink(exe)
		if err != nil || strings.TrimSuffix(target, " (deleted)") != binary {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(exe), "status"))
		if err != nil {
			continue // it has ended meanwhile
		}
		if found := highWater.FindSubmatch(status); found != nil {
			n, err := strconv.ParseInt(string(found[1]), 10, 64)
			check(t, err)
			return n
		}
	}
	t.Fatalf("no process of %s", binary)
	return 0
}
