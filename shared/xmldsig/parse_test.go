package xmldsig_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/xmldsig"
)

// What is read comes out in canonical form as the recommendations say.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"empty element", `<a/>`, `<a></a>`},
		{"declaration", `<?xml version="1.0" encoding="ISO-8859-1" standalone='no' ?><a/>`, `<a></a>`},
		{"Latin-1", "<?xml version='1.0' encoding='iso-8859-1'?><a>\xD1and\xFA\x80</a>", "<a>Ñandú\u0080</a>"},
		{"windows-1252", "<?xml version='1.0' encoding='windows-1252'?><a>\xD1\x80</a>", "<a>Ñ€</a>"},
		{"UTF-8", `<a>Ñ€😀</a>`, `<a>Ñ€😀</a>`},
		{"Latin-1 in a value and a name", "<?xml version='1.0' encoding='ISO-8859-1'?><\xF1 \xE1='\xE9'/>", `<ñ á="é"></ñ>`},
		{"declared UTF-8, is Latin-1", "<?xml version='1.0' encoding='UTF-8'?><a>\xD1and\xFA</a>", `<a>Ñandú</a>`},
		{"not declared, is Latin-1", "<a>\xD1</a>", `<a>Ñ</a>`},
		{"declared Latin-1, BOM says UTF-8", "\xEF\xBB\xBF<?xml version='1.0' encoding='ISO-8859-1'?><a>Ñ</a>", `<a>Ñ</a>`},
		{"declared ASCII, is Latin-1", "<?xml version='1.0' encoding='US-ASCII'?><a>\xD1</a>", `<a>Ñ</a>`},
		{"line ends", "<a b='1\r\n2\r3\n4\t5'>x\r\ny\rz\n</a>", "<a b=\"1 2 3 4 5\">x\ny\nz\n</a>"},
		{"references", `<a b='&#9;&#10;&#xD;&quot;&apos;&lt;&gt;&amp;'>&#13;&quot;&apos;&lt;&gt;&amp;&#xF1;</a>`,
			`<a b="&#x9;&#xA;&#xD;&quot;'&lt;>&amp;">&#xD;"'&lt;&gt;&amp;ñ</a>`},
		{"CDATA", `<a>1<![CDATA[<&]]]]><![CDATA[>]]><![CDATA[]]>2</a>`, `<a>1&lt;&amp;]]&gt;2</a>`},
		{"comments", `<!-- - --><a>1<!-- <b> & -->2</a><!---->`, `<a>12</a>`},
		{"instructions", "<?p?>\n<?q  r s ?><a><?t\r\nu?></a> <?v?>", "<?p?>\n<?q r s ?>\n<a><?t u?></a>\n<?v?>"},
		{"blanks in tags", "<a\n b = '1'\tc\r\n=\n\"2\" ></a\n>", `<a b="1" c="2"></a>`},
		{"order of attributes", `<p:a z='1' p:a='2' xmlns:q='urn:a' a='3' xmlns:p='urn:b' q:z='4' xmlns='urn:c'/>`,
			`<p:a xmlns="urn:c" xmlns:p="urn:b" xmlns:q="urn:a" a="3" z="1" q:z="4" p:a="2"></p:a>`},
		{"superfluous declarations", `<a xmlns='u' xmlns:p='v'><b xmlns='u' xmlns:p='v'><c xmlns=''><d xmlns=''/></c></b></a>`,
			`<a xmlns="u" xmlns:p="v"><b><c xmlns=""><d></d></c></b></a>`},
		{"default of nothing", `<a xmlns=''><b/></a>`, `<a><b></b></a>`},
		{"prefix bound anew", `<p:a xmlns:p='u'><p:a xmlns:p='v'><p:a xmlns:p='u'/></p:a><p:a/></p:a>`,
			`<p:a xmlns:p="u"><p:a xmlns:p="v"><p:a xmlns:p="u"></p:a></p:a><p:a></p:a></p:a>`},
		{"xml declared", `<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='es'/>`, `<a xml:lang="es"></a>`},
		{"same local name, two namespaces", `<a xmlns:p='u' b='1' p:b='2'/>`, `<a xmlns:p="u" b="1" p:b="2"></a>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, string(parse(t, []byte(tt.in)).Canonical())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// refused are inputs that are no XML, or XML of a kind that is not read, with code and offset.
var refused = []struct {
	name, in string
	code     xmldsig.Code
	offset   int
}{
	{"nothing", "", xmldsig.CodeEnd, 0},
	{"prefix bound elsewhere", "<a><p:b xmlns:p='u'><p:c/></p:b><p:c/></a>", xmldsig.CodeNamespace, 32},
	{"end tag of another encoding", "<?xml version='1.0' encoding='ISO-8859-1'?><\xF1></\xC3\xB1>", xmldsig.CodeName, 48},
	{"blanks", " \n", xmldsig.CodeEnd, 2},
	{"text", "hola", xmldsig.CodeAfterRoot, 0},
	{"text before", "x<a/>", xmldsig.CodeAfterRoot, 0},
	{"text after", "<a/>x", xmldsig.CodeAfterRoot, 4},
	{"reference after", "<a/>&#32;", xmldsig.CodeAfterRoot, 4},
	{"CDATA after", "<a/><![CDATA[]]>", xmldsig.CodeAfterRoot, 4},
	{"two roots", "<a/><b/>", xmldsig.CodeAfterRoot, 4},
	{"open", "<a><b></b>", xmldsig.CodeEnd, 10},
	{"crossed", "<a><b></a></b>", xmldsig.CodeTag, 6},
	{"other prefix in the end tag", "<p:a xmlns:p='u' xmlns:q='u'></q:a>", xmldsig.CodeTag, 29},
	{"end without start", "</a>", xmldsig.CodeTag, 0},
	{"attribute in the end tag", "<a></a b='1'>", xmldsig.CodeTag, 7},
	{"lone <", "<a><</a>", xmldsig.CodeName, 4},
	{"< and blank", "< a/>", xmldsig.CodeName, 1},
	{"< at the end", "<a/><", xmldsig.CodeEnd, 4},
	{"digit begins a name", "<1a/>", xmldsig.CodeName, 1},
	{"two colons", "<p:a:b xmlns:p='u'/>", xmldsig.CodeName, 0},
	{"colon first", "<:a/>", xmldsig.CodeName, 0},
	{"colon last", "<a:/>", xmldsig.CodeName, 0},
	{"digit after the colon", "<p:1 xmlns:p='u'/>", xmldsig.CodeName, 0},
	{"multiplication sign in a name", "<a×/>", xmldsig.CodeName, 1},
	{"slash and blank", "<a / >", xmldsig.CodeTag, 4},
	{"attribute twice", "<a b='1' b='1'/>", xmldsig.CodeDuplicate, 9},
	{"attribute twice by two prefixes", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", xmldsig.CodeDuplicate, 35},
	{"prefix declared twice", "<a xmlns:p='u' xmlns:p='u'/>", xmldsig.CodeDuplicate, 15},
	{"default declared twice", "<a xmlns='u' xmlns='u'/>", xmldsig.CodeDuplicate, 13},
	{"attribute without value", "<a b/>", xmldsig.CodeAttribute, 4},
	{"value without quotes", "<a b=1/>", xmldsig.CodeAttribute, 5},
	{"< in a value", "<a b='<'/>", xmldsig.CodeAttribute, 6},
	{"no blank between attributes", "<a b='1'c='2'/>", xmldsig.CodeTag, 8},
	{"value without end", "<a b='1/>", xmldsig.CodeEnd, 5},
	{"unbound prefix", "<p:a/>", xmldsig.CodeNamespace, 0},
	{"unbound prefix of an attribute", "<a p:b='1'/>", xmldsig.CodeNamespace, 3},
	{"prefix bound only inside", "<p:a><b xmlns:p='u'/></p:a>", xmldsig.CodeNamespace, 0},
	{"prefix unbound again", "<a><b xmlns:p='u'/><p:c/></a>", xmldsig.CodeNamespace, 19},
	{"prefix taken away", "<a xmlns:p=''/>", xmldsig.CodeNamespace, 3},
	{"xml bound to another", "<a xmlns:xml='u'/>", xmldsig.CodeNamespace, 3},
	{"another bound to xml", "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", xmldsig.CodeNamespace, 3},
	{"xmlns bound", "<a xmlns:xmlns='u'/>", xmldsig.CodeNamespace, 3},
	{"bound to xmlns", "<a xmlns='http://www.w3.org/2000/xmlns/'/>", xmldsig.CodeNamespace, 3},
	{"element of prefix xmlns", "<xmlns:a/>", xmldsig.CodeName, 0},
	{"unknown entity", "<a>&nbsp;</a>", xmldsig.CodeEntity, 3},
	{"& alone", "<a>A & B</a>", xmldsig.CodeEntity, 5},
	{"& in a value", "<a b='A & B'/>", xmldsig.CodeEntity, 8},
	{"reference to NUL", "<a>&#0;</a>", xmldsig.CodeEntity, 3},
	{"reference to a control", "<a>x&#x1F;</a>", xmldsig.CodeEntity, 4},
	{"reference to a surrogate", "<a>&#xD800;</a>", xmldsig.CodeEntity, 3},
	{"reference beyond Unicode", "<a>&#x110000;</a>", xmldsig.CodeEntity, 3},
	{"reference with capital X", "<a>&#X41;</a>", xmldsig.CodeEntity, 3},
	{"reference with a sign", "<a>&#+65;</a>", xmldsig.CodeEntity, 3},
	{"reference with _", "<a>&#6_5;</a>", xmldsig.CodeEntity, 3},
	{"]]> in text", "<a>]]></a>", xmldsig.CodeText, 3},
	{"CDATA without end", "<a><![CDATA[x]]</a>", xmldsig.CodeEnd, 3},
	{"-- in a comment", "<a><!-- -- --></a>", xmldsig.CodeComment, 3},
	{"comment ends in --->", "<a><!-- ---></a>", xmldsig.CodeComment, 3},
	{"comment without end", "<a><!-- -</a>", xmldsig.CodeEnd, 3},
	{"instruction without end", "<a><?p </a>", xmldsig.CodeEnd, 3},
	{"instruction without blank", "<?p+?><a/>", xmldsig.CodeInstruction, 0},
	{"colon in a target", "<?p:q?><a/>", xmldsig.CodeInstruction, 0},
	{"declaration after a blank", " <?xml version='1.0'?><a/>", xmldsig.CodeDeclaration, 1},
	{"two declarations", "<?xml version='1.0'?><?XML version='1.0'?><a/>", xmldsig.CodeDeclaration, 21},
	{"declaration without version", "<?xml encoding='UTF-8'?><a/>", xmldsig.CodeDeclaration, 0},
	{"declaration of version 2", "<?xml version='2.0'?><a/>", xmldsig.CodeDeclaration, 0},
	{"declaration with rubbish", "<?xml version='1.0' b='1'?><a/>", xmldsig.CodeDeclaration, 0},
	{"standalone perhaps", "<?xml version='1.0' standalone='perhaps'?><a/>", xmldsig.CodeDeclaration, 0},
	{"declaration without end", "<?xml version='1.0' <a/>", xmldsig.CodeDeclaration, 0},
	{"unknown encoding", "<?xml version='1.0' encoding='EBCDIC'?><a/>", xmldsig.CodeEncoding, 0},
	{"UTF-16", "\xFF\xFE<\x00a\x00/\x00>\x00", xmldsig.CodeCharacter, 3},
	{"NUL", "<a>\x00</a>", xmldsig.CodeCharacter, 3},
	{"control character", "<a>\x0B</a>", xmldsig.CodeCharacter, 3},
	{"U+FFFF", "<a>\uFFFF</a>", xmldsig.CodeCharacter, 3},
	{"not in windows-1252", "<?xml version='1.0' encoding='windows-1252'?><a>\x81</a>", xmldsig.CodeEncoding, 48},
	{"DOCTYPE", "<?xml version='1.0'?>\n<!DOCTYPE a><a/>", xmldsig.CodeDoctype, 22},
	{"small doctype", "<!doctype a><a/>", xmldsig.CodeTag, 0},
	{"DOCTYPE inside", "<a><!DOCTYPE a></a>", xmldsig.CodeDoctype, 3},
	{"HTML", "<html><body><br></body></html>", xmldsig.CodeTag, 16},
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := xmldsig.Parse([]byte(tt.in), xmldsig.Limits{})
			var syntax *xmldsig.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("accepted, or %v", err)
			}
			if syntax.Code != tt.code || syntax.Offset != tt.offset {
				t.Errorf("%s at %d, want %s at %d", syntax.Code, syntax.Offset, tt.code, tt.offset)
			}
			if want := 1 + strings.Count(tt.in[:tt.offset], "\n"); syntax.Line != want {
				t.Errorf("line %d, want %d", syntax.Line, want)
			}
		})
	}
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, encoding string
		misdeclared  bool
	}{
		{"<a/>", "UTF-8", false},
		{"<a>\xD1</a>", "WINDOWS-1252", true},
		{"<?xml version='1.0' encoding='Latin1'?><a>\xD1</a>", "ISO-8859-1", false},
		{"<?xml version='1.0' encoding='UTF-8'?><a>\xD1</a>", "WINDOWS-1252", true},
		{"\xEF\xBB\xBF<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "UTF-8", true},
		{"\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?><a/>", "UTF-8", false},
	} {
		if doc := parse(t, []byte(tt.in)); doc.Encoding != tt.encoding || doc.Misdeclared != tt.misdeclared {
			t.Errorf("%q: %s, %t", tt.in, doc.Encoding, doc.Misdeclared)
		}
	}
}

// Elements of one name share what their start tags say only where the same namespaces are in scope.
func TestNamespacesOfSharedTags(t *testing.T) {
	t.Parallel()
	doc := parse(t, []byte(`<a><b/><c xmlns="u"><b/><b xmlns="v"><b/></b><b/></c><b/><b x="1"/><b/></a>`))
	var spaces []string
	for e := range doc.Root().All() {
		if e.Local == "b" {
			spaces = append(spaces, e.Space)
		}
		if x, has := e.Attr("x"); has != (x == "1") || has && len(e.Attrs) != 1 {
			t.Errorf("attributes %v", e.Attrs)
		}
	}
	if diff := cmp.Diff([]string{"", "u", "v", "v", "u", "", "", ""}, spaces); diff != "" {
		t.Error(diff)
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	const in = "<?xml version='1.0' encoding='ISO-8859-1'?>\n<a xmlns='u'>\xF1\n<b ID='x' c='\xE1'>1<!-- -->2<d/><![CDATA[3]]></b>\n<b><e f='4'/></b></a>"
	doc := parse(t, []byte(in))
	b := doc.Root().Child("b")
	if got := string(b.Source()); got != "<b ID='x' c='\xE1'>1<!-- -->2<d/><![CDATA[3]]></b>" {
		t.Errorf("Source: %q", got)
	}
	if start, end := b.Range(); in[start:end] != string(b.Source()) {
		t.Errorf("Range: %d to %d", start, end)
	}
	if b.Text() != "123" || b.Line() != 3 || b.Space != "u" || b.Parent != doc.Root() || doc.ByID("x") != b || b.Document() != doc {
		t.Errorf("Text %q, Line %d, Space %q", b.Text(), b.Line(), b.Space)
	}
	if v, ok := b.Attr("c"); v != "á" || !ok {
		t.Errorf("Attr: %q, %t", v, ok)
	}
	if e := doc.Root().Find("e"); e == nil || e.Parent == b || string(e.Source()) != "<e f='4'/>" {
		t.Errorf("Find: %v", e)
	}
	var names []string
	for n := range doc.Root().All() {
		names = append(names, n.Local)
	}
	if diff := cmp.Diff([]string{"a", "b", "d", "b", "e"}, names); diff != "" {
		t.Error(diff)
	}
	for n := range b.All() {
		if n.Local == "e" {
			t.Error("All leaves the element")
		}
	}
}

// A document inside another was decoded with it: its declaration is not heard.
func TestParseString(t *testing.T) {
	t.Parallel()
	for _, declared := range []string{"ISO-8859-1", "UTF-8", "EBCDIC"} {
		doc, err := xmldsig.ParseString(`<?xml version="1.0" encoding="`+declared+`"?><a>Ñandú €</a>`, xmldsig.Limits{})
		if err != nil || doc.Root().Text() != "Ñandú €" || doc.Misdeclared {
			t.Errorf("%s: %q, %v", declared, doc.Root().Text(), err)
		}
	}
}

// An element cut out keeps its bytes and their meaning, and must bind its own prefixes.
func TestCutOut(t *testing.T) {
	t.Parallel()
	doc := parse(t, []byte("<?xml version='1.0' encoding='ISO-8859-1'?><a xmlns='u' xmlns:p='v'><b>\xC3\xB1</b><p:c/></a>"))
	cut, err := doc.Root().Child("b").CutOut()
	if err != nil || cut.Root().Text() != "Ã±" || cut.Root().Space != "" || string(cut.Root().Source()) != "<b>\xC3\xB1</b>" {
		t.Errorf("got %q, %v", cut.Root().Source(), err)
	}
	if _, err := doc.Root().Child("c").CutOut(); !hasCode(err, xmldsig.CodeNamespace) {
		t.Errorf("unbound prefix: %v", err)
	}
	if _, err := doc.Root().Child("d").CutOut(); !hasCode(err, xmldsig.CodeEnd) {
		t.Errorf("nothing: %v", err)
	}
}

// What is not there can be asked about.
func TestNodeNil(t *testing.T) {
	t.Parallel()
	none := parse(t, []byte("<a/>")).Root().At("b", "c", "d")
	if none != nil || none.Text() != "" || none.Line() != 0 || none.Source() != nil || none.Find("x") != nil || none.Document() != nil {
		t.Error("a nil Node has content")
	}
	if _, ok := none.Attr("x"); ok {
		t.Error("a nil Node has an attribute")
	}
	for range none.All() {
		t.Error("a nil Node has elements")
	}
}

func TestDuplicateID(t *testing.T) {
	t.Parallel()
	doc := parse(t, []byte("<a ID='x'><b id='y'/><c Id='x'/><d xml:id='z'/></a>"))
	if doc.ByID("x") != nil || doc.ByID("y") == nil || doc.ByID("z") == nil || doc.ByID("w") != nil {
		t.Error("an ID that stands twice must name nothing, one that stands once its element")
	}
}
