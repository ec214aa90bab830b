package exchange_test

import (
	"crypto/sha1"
	"errors"
	"runtime"
	"strings"
	"testing"

	"timbre/shared/exchange"
	"timbre/shared/xmldsig"
)

// signedAsDeclared is a DTE whose bytes are UTF-8 although it declares ISO-8859-1, signed over what it declares.
func signedAsDeclared(tb testing.TB) []byte {
	tb.Helper()
	const inner = ` ID="D"><Encabezado><Emisor><RznSoc>` + "\u00c3\u00b1" + `</RznSoc></Emisor></Encabezado></Documento>`
	digest := sha1.Sum([]byte("<Documento" + xmldsig.Both.Attributes() + inner))
	signature, err := xmldsig.Sign(identity(tb, "a-modern.pfx"), digest, "#D", xmldsig.Both)
	if err != nil {
		tb.Fatal(err)
	}
	text := `<?xml version="1.0" encoding="ISO-8859-1"?><DTE` + xmldsig.Both.Attributes() + ` version="1.0"><Documento` + inner + string(signature) + `</DTE>`
	return []byte(strings.Replace(text, "\u00c3\u00b1", "\xc3\xb1", 1))
}

// Attacks are refused after so many bytes and nodes, and so much memory, whatever their size.
func TestAttacksAreBounded(t *testing.T) {
	const head = `<EnvioDTE xmlns="http://www.sii.cl/SiiDte"><SetDTE>`
	const mega = 1 << 20
	tests := []struct {
		name, text    string
		offset, nodes int    // at most
		memory        uint64 // beside a copy of the input
		unit          string // what makes a node
	}{
		{"entities", `<?xml version="1.0"?><!DOCTYPE a [` + strings.Repeat(`<!ENTITY a "&a;">`, 4*mega/16) + `]><DTE/>`, 64, 0, mega, "<!E"},
		{"external entity", `<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><DTE>&a;</DTE>`, 0, 0, mega, "&"},
		{"depth", strings.Repeat("<a>", 5*mega), 32 * 3, 33, mega, "<a>"},
		{"empty elements", head + strings.Repeat("<a/>", 15*mega/4), 500_000*4 + 100, 500_000, 120 * mega, "<a/>"},
		{"long text", "<DTE>" + strings.Repeat("x", 15*mega), 70_000, 2, mega, ""},
		{"long attribute", `<DTE a="` + strings.Repeat("x", 15*mega) + `"/>`, 5000, 1, mega, ""},
		{"long name", "<" + strings.Repeat("x", 15*mega), 300, 1, mega, ""},
		{"attributes", "<DTE " + strings.Repeat(`a="1" `, 5*mega/2) + "/>", 300, 1, mega, ""},
		{"namespaces", "<DTE " + namespaces(5000) + "/>", 2000, 1, mega, ""},
		{"too large", "<DTE>" + strings.Repeat("<a>x</a>", 17*mega/8), 16*mega + 1, 0, mega, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := []byte(tt.text)
			before := allocated()
			_, err := exchange.Read(text)
			used := allocated() - before
			var syntax *xmldsig.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v", err)
			}
			nodes := 0
			if tt.unit != "" {
				nodes = strings.Count(tt.text[:min(syntax.Offset, len(tt.text))], tt.unit)
			}
			t.Logf("%s after %d of %d bytes, %d nodes, %d kB beside the copy", syntax.Code, syntax.Offset, len(text), nodes, (int(used)-len(text))>>10)
			if syntax.Offset > tt.offset || nodes > tt.nodes {
				t.Errorf("refused after %d bytes and %d nodes, want %d and %d", syntax.Offset, nodes, tt.offset, tt.nodes)
			}
			if used > uint64(len(text))+tt.memory {
				t.Errorf("took %d bytes for an input of %d", used, len(text))
			}
		})
	}
}

func namespaces(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(` xmlns:a` + strings.Repeat("b", i%100) + `="urn:x"`)
	}
	return b.String()
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
