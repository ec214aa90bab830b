// Command local runs the whole product on this machine.
//
//	local serve   stays up until Ctrl-C
//	local run     issues documents, shows their way to the verdict, exits 0 if all are accepted
//
// Containers do a part each (see local.Parts for their environment):
//
//	local prepare            makes the world and the configuration
//	local gateway            serves the functions' public paths on one address
//	local turn FUNCTION URL  lets the gateway beside it send a function's requests elsewhere
//	local onboard            makes the world's companies known
//	local demo               does what run does, on a stack that is up
//	local healthcheck URL    exits 0 if the address answers 200
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
	switch command {
	case "serve":
		return whole(ctx, serve)
	case "run":
		return whole(ctx, func(ctx context.Context, s *local.Stack) error { return issue(ctx, s.Client, s.Companies) })
	case "healthcheck":
		return local.Check(ctx, os.Args[len(os.Args)-1])
	}
	parts, err := local.PartsFromEnvironment(ctx)
	if err != nil {
		return err
	}
	switch command {
	case "prepare":
		return parts.Prepare()
	case "gateway":
		return parts.Gateway(ctx)
	case "turn":
		if len(os.Args) != 4 {
			return errors.New("usage: local turn FUNCTION URL")
		}
		return parts.Turn(ctx, os.Args[2], os.Args[3])
	case "onboard":
		return parts.Onboard(ctx)
	case "demo":
		return onRunning(ctx, parts)
	}
	return fmt.Errorf("unknown command %q: serve, run, prepare, gateway, turn, onboard, demo or healthcheck", command)
}

// whole starts everything, does something with it and stops it.
func whole(ctx context.Context, then func(context.Context, *local.Stack) error) error {
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
	say("restart functions while they serve: POST %s/_local/restart[/function]", s.Supervisor)
	say("Ctrl-C stops everything")
	<-ctx.Done()
	say("stopping…")
	return nil
}

func onRunning(ctx context.Context, p local.Parts) error {
	client, companies, err := p.Connect()
	if err != nil {
		return err
	}
	return issue(ctx, client, companies)
}

func issue(ctx context.Context, client *local.Client, companies []local.Company) error {
	return demo.Run(ctx, client, companies, filepath.Join(".local", "out"), os.Stdout)
}

func say(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
}
