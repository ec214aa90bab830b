// Command local runs the whole product on this machine.
//
//	local serve   stays up until Ctrl-C
//	local run     issues documents, shows their way to the verdict, exits 0 if all are accepted
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"timbre/emulators/local"
	"timbre/emulators/local/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command := "serve"
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	if err := run(ctx, command); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, command string) error {
	then, known := map[string]func(context.Context, *local.Stack) error{"serve": serve, "run": issue}[command]
	if !known {
		return fmt.Errorf("unknown command %q: serve or run", command)
	}
	options, err := local.FromEnvironment(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	say("starting emulators and functions…")
	stack, err := local.Start(ctx, options, say)
	if err != nil {
		return err
	}
	say("%d companies onboarded, ready after %d ms on %s", len(stack.Companies), time.Since(begin).Milliseconds(), stack.Client.Base)
	return errors.Join(then(ctx, stack), stack.Close())
}

func serve(ctx context.Context, s *local.Stack) error {
	say("API key: %s", s.Client.Key)
	say("the fake SII's control: %s/_control/documents", s.Control)
	say("Ctrl-C stops everything")
	<-ctx.Done()
	say("stopping…")
	return nil
}

func issue(ctx context.Context, s *local.Stack) error {
	return demo.Run(ctx, s, filepath.Join(".local", "out"), os.Stdout)
}

func say(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
}
