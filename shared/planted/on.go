//go:build planted

package planted

import "os"

var bug = os.Getenv("PLANTED_BUG")

// Is tells whether a bug is planted in this process.
func Is(name string) bool { return bug == name }
