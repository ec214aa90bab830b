//go:build !planted

package planted

// Is tells whether a bug is planted: never.
func Is(string) bool { return false }
