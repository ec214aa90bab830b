// Command generate-sign serves the function generate-sign. With the argument restore, or restore -dry-run,
// it makes a lost state bucket again from the archive instead (docs/runbooks/restore.md).
package main

import (
	"context"
	"os"
	"slices"

	generatesign "timbre/functions/generate-sign"
	"timbre/functions/generate-sign/restore"
	"timbre/shared/gcp"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "restore" {
		gcp.Job(repair)
		return
	}
	gcp.Main(build)
}

func build(cfg generatesign.Config, c *gcp.Cloud) (gcp.Function, error) {
	return generatesign.New(cfg, generatesign.Deps{
		State: c.State, Archive: c.Archive, Companies: c.Companies, Vault: c.Vault,
		Events: c.Events, Guard: c.Guard, Logger: c.Logger, Now: c.Now,
	})
}

func repair(ctx context.Context, _ generatesign.Config, c *gcp.Cloud) error {
	dry := slices.Contains(os.Args[2:], "-dry-run")
	report, err := restore.Run(ctx, restore.Options{State: c.State, Archive: c.Archive, Logger: c.Logger, Now: c.Now, Dry: dry})
	report.Tell(ctx, c.Logger, dry, err)
	return err
}
