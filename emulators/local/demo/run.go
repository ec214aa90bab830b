package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"timbre/emulators/local"
)

// patience is how long the verdicts may take.
const patience = 80 * time.Second

// ErrNotAccepted says that a document did not end as it should.
var ErrNotAccepted = errors.New("not every document was accepted")

// Run issues documents of the companies, follows them to their verdicts, prints the closing table on out
// and leaves every file in dir. ErrNotAccepted if one was not accepted.
func Run(ctx context.Context, client *local.Client, companies []local.Company, dir string, out *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	screen := newScreen(out)
	i := newIssuer(client, screen)
	rows, err := i.issueAll(ctx, orders(companies))
	if err == nil {
		err = i.follow(ctx, rows)
	}
	if !screen.live {
		screen.printf("\n%s", table(rows))
	}
	if err != nil {
		return err
	}
	files, err := i.save(ctx, dir, rows)
	if err != nil {
		return err
	}
	screen.printf("\n%d files (each DTE, each EnvioDTE as sent) are in %s\n", files, dir)
	return verdict(rows)
}

func verdict(rows []row) error {
	for _, r := range rows {
		if r.Status == "accepted" {
			continue
		}
		sii := "nothing"
		if r.SII != nil {
			sii = string(*r.SII)
		}
		return fmt.Errorf("%w: %s is %s, the SII said %s", ErrNotAccepted, r.ID, r.Status, sii)
	}
	return nil
}
