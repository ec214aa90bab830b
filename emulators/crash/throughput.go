package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"timbre/emulators/gcs"
)

// Traffic is callers who each post an invoice as soon as the last one was answered.
type Traffic struct {
	Instances int           // of generate-sign
	Latency   time.Duration // of each call to the buckets
	Callers   int           // at a time, for each instance
	Series    int           // of folios that the documents are spread over, 1 to 6
	For       time.Duration
}

// Traffics are those that docs/performance.md tells of.
var Traffics = []Traffic{
	{Instances: 2, Callers: 10, Series: 6, For: 15 * time.Second},
	{Instances: 1, Latency: 50 * time.Millisecond, Callers: 10, Series: 6, For: 15 * time.Second},
	{Instances: 4, Latency: 50 * time.Millisecond, Callers: 10, Series: 6, For: 15 * time.Second},
	{Instances: 20, Latency: 50 * time.Millisecond, Callers: 10, Series: 6, For: 15 * time.Second},
	{Instances: 2, Callers: 10, Series: 1, For: 15 * time.Second},
	{Instances: 1, Latency: 50 * time.Millisecond, Callers: 10, Series: 1, For: 15 * time.Second},
	{Instances: 4, Latency: 50 * time.Millisecond, Callers: 10, Series: 1, For: 15 * time.Second},
	{Instances: 20, Latency: 50 * time.Millisecond, Callers: 10, Series: 1, For: 15 * time.Second},
}

// Throughput is what became of a traffic.
type Throughput struct {
	Traffic
	Documents    int           // answered 201
	Unheard      int           // tries that brought no answer, or a refusal
	Took         time.Duration // until the last answer
	Median, Slow time.Duration // half, and 19 of 20, were answered within
	Busy         float64       // processors at work, functions and emulators together
	Calls        float64       // to the buckets, for each document
}

func (t *Throughput) String() string {
	return fmt.Sprintf("%d instances, %v of latency, %d callers each, %d series: %.0f documents a second, answered in %d ms (median), %d ms (95 of 100); "+
		"%.1f storage calls a document; %.2f processors at work; %d tries in vain",
		t.Instances, t.Latency, t.Callers, t.Series, float64(t.Documents)/t.Took.Seconds(), t.Median.Milliseconds(), t.Slow.Milliseconds(),
		t.Calls, t.Busy, t.Unheard)
}

// RunThroughput measures a traffic on generate-sign alone.
func RunThroughput(ctx context.Context, o Options, t Traffic) (*Throughput, error) {
	o.Only, o.Profile, o.Direct, o.AtOnce, o.Instances, o.functions = nil, "calm", true, atOnce, t.Instances, []string{"generate-sign"}
	o.Function = map[string]string{"RATE_PER_SECOND": "0"}
	dir, err := os.MkdirTemp("", "throughput-*")
	if err != nil {
		return nil, err
	}
	c, err := startCluster(ctx, o, dir)
	if err != nil {
		return nil, err
	}
	measured, err := c.throughput(ctx, t)
	return measured, errors.Join(err, c.close(), os.RemoveAll(dir))
}

func (c *cluster) throughput(ctx context.Context, t Traffic) (*Throughput, error) {
	if err := c.storage.SetDials(gcs.Dials{Latency: gcs.Duration(t.Latency)}); err != nil {
		return nil, err
	}
	if _, err := c.drive(ctx, Traffic{Instances: t.Instances, Callers: t.Callers, Series: t.Series, For: 2 * time.Second}, "calienta"); err != nil {
		return nil, err // configurations are read, folios looked for
	}
	c.storage.ResetStats()
	worked := c.worked()
	m, err := c.drive(ctx, t, "pedido")
	if err != nil {
		return nil, err
	}
	m.Busy = (c.worked() - worked).Seconds() / m.Took.Seconds()
	m.Calls = float64(c.storageCalls()) / float64(m.Documents)
	return m, nil
}

// drive lets the callers post for the traffic's time.
func (c *cluster) drive(ctx context.Context, t Traffic, name string) (*Throughput, error) {
	erps := &callers{cluster: c, client: c.client}
	m := &Throughput{Traffic: t}
	var mu sync.Mutex
	var times []time.Duration
	begin := time.Now()
	var all sync.WaitGroup
	for caller := range t.Callers * t.Instances {
		all.Go(func() {
			for n := 0; time.Since(begin) < t.For && ctx.Err() == nil; n++ {
				serial := caller*1000 + n
				o := invoice(fmt.Sprintf("%s-%d-%d", name, caller, n), c.companies[caller%t.Series%len(c.companies)].RUT, 33+caller%t.Series/len(c.companies), serial)
				asked := time.Now()
				status, _, err := erps.post(ctx, "/v1/documents", o.body(), o.key)
				took := time.Since(asked)
				mu.Lock()
				if err == nil && status/100 == 2 {
					times = append(times, took)
				} else {
					m.Unheard++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	m.Took, m.Documents = time.Since(begin), len(times)
	if len(times) == 0 {
		return m, fmt.Errorf("crash: no document in %s", t.For)
	}
	slices.Sort(times)
	m.Median, m.Slow = times[len(times)/2], times[len(times)*19/20]
	return m, nil
}

// storageCalls are those that the buckets answered since their counters were reset.
func (c *cluster) storageCalls() int64 {
	all := int64(0)
	for _, bucket := range []string{"timbre-state", "timbre-archive"} {
		for _, verb := range []string{"insert", "get", "read", "patch", "delete", "list"} {
			all += c.storage.Stats().Get(bucket, verb)
		}
	}
	return all
}
