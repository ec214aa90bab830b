package judge

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// customs.txt holds the codes of Chilean Customs (Compendio de Normas Aduaneras,
// anexo 51) that a field may take: one field a line, codes and ranges of them.
//
//go:embed customs.txt
var customsText string

var customsCodes = sync.OnceValue(func() map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for line := range strings.Lines(customsText) {
		words := strings.Fields(line)
		codes := map[string]bool{}
		for _, word := range words[1:] {
			for _, code := range expand(word) {
				codes[code] = true
			}
		}
		found[words[0]] = codes
	}
	return found
})

// expand reads "7" or "3-5"; a name of a unit stands for itself.
func expand(word string) []string {
	low, high, _ := strings.Cut(word, "-")
	from, err := strconv.Atoi(low)
	to, errTo := strconv.Atoi(high)
	if err != nil || errTo != nil {
		return []string{word}
	}
	var codes []string
	for n := from; n <= to; n++ {
		codes = append(codes, strconv.Itoa(n))
	}
	return codes
}

// containers are the kinds of package that must name container and seal.
var containers = []int{73, 74, 75, 78}
