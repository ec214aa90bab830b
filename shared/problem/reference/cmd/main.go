// Command cmd writes the generated pages of docs/ below the working directory, which is the project's
// root.
package main

import (
	"fmt"
	"os"

	"timbre/shared/problem/reference"
)

func main() {
	for path, text := range reference.Pages() {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
