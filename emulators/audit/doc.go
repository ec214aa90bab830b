// Package audit tells whether anything was lost, doubled or falsely reported. It looks from outside and
// afterwards, when nothing moves any more: at the two buckets, through Cloud Storage's JSON API; at the
// SII's registry, through the simulator's control API; and at what callers saw, through the journals that
// they kept. It has an own decoding of all three and shares no line with the product.
//
//	report, err := audit.Run(ctx, audit.Sources{Storage: url, SII: control, Journals: files})
//	report.Write(os.Stdout)
//
// What it demands is listed in rules.go. The command of this package prints the report and exits 1 if a
// rule is broken.
package audit
