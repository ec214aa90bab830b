// Package reference writes the reference pages of docs/ from the tables of the program: problems.md from
// the table of problems and the rules, formato.md from the format table. `make generate` writes them; a
// test fails where the files on disk say something else.
package reference

import "strings"

// Pages are the generated pages by their path below the project's root.
func Pages() map[string][]byte {
	return map[string][]byte{"docs/problems.md": problems(), "docs/formato.md": formato()}
}

// table writes a Markdown table.
func table(b *strings.Builder, header ...string) {
	b.WriteString("\n")
	row(b, header...)
	row(b, strings.Split(strings.Repeat("---,", len(header)-1)+"---", ",")...)
}

func row(b *strings.Builder, cells ...string) {
	b.WriteString("|")
	for _, c := range cells {
		b.WriteString(" " + strings.ReplaceAll(c, "|", `\|`) + " |")
	}
	b.WriteString("\n")
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
