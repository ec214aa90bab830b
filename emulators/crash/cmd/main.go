// Command crash runs a campaign (see package crash; its Options are the environment), prints what it did
// and what the audit found, and exits 1 if a rule is broken.
//
//	crash                   one campaign
//	crash planted [bug …]   a short campaign aimed at each planted bug, which must be found
//	crash burst [n …]       many documents at once (see Loads); figures
//	crash throughput        documents a second (see Traffics); figures
//	crash control [bug …]   the same campaigns without the bugs; nothing may be found
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"timbre/emulators/crash"
)

var errFound = errors.New("the audit found something")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o, err := crash.FromEnvironment(ctx)
	if err != nil {
		return err
	}
	if len(os.Args) > 1 {
		return other(ctx, o, os.Args[1], os.Args[2:])
	}
	result, err := crash.Run(ctx, o, say)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(result.Points)) {
		fmt.Printf("%8d %s\n", result.Points[name], name)
	}
	return judge(o, result)
}

func other(ctx context.Context, o crash.Options, command string, names []string) error {
	switch command {
	case "planted", "control":
		return crash.RunAims(ctx, o, names, command == "control", say)
	case "burst":
		return bursts(ctx, o, names)
	case "throughput":
		return throughputs(ctx, o)
	}
	return fmt.Errorf("unknown command %q: planted, control, burst or throughput", command)
}

func bursts(ctx context.Context, o crash.Options, sizes []string) error {
	for _, l := range crash.Loads {
		if len(sizes) > 0 && !slices.Contains(sizes, strconv.Itoa(l.Documents)) {
			continue
		}
		b, err := crash.RunBurst(ctx, o, l)
		if err != nil {
			return err
		}
		say("%s", b)
	}
	return nil
}

func throughputs(ctx context.Context, o crash.Options) error {
	for _, t := range crash.Traffics {
		measured, err := crash.RunThroughput(ctx, o, t)
		if err != nil {
			return err
		}
		say("%s", measured)
	}
	return nil
}

// judge prints the report and tells whether the campaign was green, and as long as it should be.
func judge(o crash.Options, r *crash.Result) error {
	r.Write(os.Stdout)
	for _, problem := range r.Problems {
		fmt.Println("problem:", problem)
	}
	say("%d documents, %d kills, each named point hit at least %d times, seed %d", r.Documents, r.Kills, r.LeastHit, o.Seed)
	switch {
	case !r.Green():
		return fmt.Errorf("%w; logs, buckets and journal are in %s", errFound, r.Dir)
	case r.Documents < o.Documents || r.Kills < o.Kills || r.LeastHit < o.Hits:
		return fmt.Errorf("the campaign ended after %s, before it reached %d documents, %d kills and %d hits", o.Busy, o.Documents, o.Kills, o.Hits)
	}
	return nil
}

func say(format string, args ...any) {
	fmt.Printf(time.Now().Format("15:04:05 ")+format+"\n", args...)
}
