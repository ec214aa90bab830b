package parts_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/mailbox/parts"
)

const xml = `<?xml version="1.0" encoding="ISO-8859-1"?><EnvioDTE version="1.0"><A b="c=AB"/></EnvioDTE>`

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// crlf makes a mail of readable text.
func crlf(s string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimLeft(s, "\n"), "\n", "\r\n"))
}

// pack makes a ZIP of names and contents in turn.
func pack(tb testing.TB, files ...string) string {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(f, files[i+1]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// attach is a mail with one attachment of these header lines and body.
func attach(header, body string) []byte {
	return crlf("From: a@b.cl\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nHola\n--x\n" +
		header + "\n\n" + body + "\n--x--\n")
}

func walk(tb testing.TB, raw []byte, lim parts.Limits) (parts.Mail, []parts.File) {
	tb.Helper()
	var files []parts.File
	mail, err := parts.Walk(raw, lim, func(f parts.File) error {
		files = append(files, f)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return mail, files
}

// brief is path, name and content of the files, for tables.
func brief(files []parts.File) []string {
	var out []string
	for _, f := range files {
		content := string(f.Content)
		if content == xml {
			content = "xml"
		}
		if f.Cut {
			content += " cut"
		}
		out = append(out, fmt.Sprintf("%s %q %s", f.Path, f.Name, content))
	}
	return out
}

// found is a mail and what is to be found in it.
type found struct {
	raw  []byte
	want []string
}

func finds(tb testing.TB) map[string]found {
	tb.Helper()
	whole := strings.Index(xml, "><")
	return map[string]found{
		"attached":              {attach("Content-Type: text/xml; name=e.xml", xml), []string{`2 "e.xml" xml`}},
		"base64":                {attach("Content-Type: application/octet-stream\nContent-Transfer-Encoding: BASE64", b64(xml)), []string{`2 "" xml`}},
		"base64 with rubbish":   {attach("Content-Transfer-Encoding: base64", "!"+b64(xml)[:8]+"\n\n ."+b64(xml)[8:]), []string{`2 "" xml`}},
		"base64 in two pieces":  {attach("Content-Transfer-Encoding: base64", b64(xml[:whole])+"\n"+b64(xml[whole:])), []string{`2 "" xml`}},
		"base64 without pad":    {attach("Content-Transfer-Encoding: base64", strings.TrimRight(b64(xml), "=")), []string{`2 "" xml`}},
		"base64 not said":       {attach("Content-Type: text/xml", b64(xml)), []string{`2 "" xml`}},
		"base64 said wrongly":   {attach("Content-Transfer-Encoding: base64", xml), []string{`2 "" xml`}},
		"quoted-printable":      {attach("Content-Transfer-Encoding: quoted-printable", strings.ReplaceAll(xml[:30], "=", "=3D")+"= \n"+strings.ReplaceAll(xml[30:], "=", "=3d")), []string{`2 "" xml`}},
		"quoted, not quoted":    {attach("Content-Transfer-Encoding: quoted-printable", "<a b=\"1\"/>"), []string{`2 "" <a b="1"/>`}},
		"plain text type":       {attach("Content-Type: text/plain; charset=iso-8859-1", xml), []string{`2 "" xml`}},
		"image type":            {attach("Content-Type: image/png; name=logo.png", xml), []string{`2 "logo.png" xml`}},
		"byte order mark":       {attach("Content-Type: a/b", "\xef\xbb\xbf"+"<a/>"), []string{"2 \"\" \xef\xbb\xbf<a/>"}},
		"utf-16":                {attach("Content-Type: a/b", "\xff\xfe<\x00a\x00/>"), []string{"2 \"\" \xff\xfe<\x00a\x00/>"}},
		"only a name":           {attach("Content-Disposition: attachment; filename=Factura 33.XML", "garbage"), []string{`2 "Factura 33.XML" garbage`}},
		"no multipart":          {crlf("Subject: x\nContent-Type: text/xml\n\n" + xml), []string{`1 "" xml`}},
		"no header but a type":  {crlf("Content-Type: text/xml\n" + xml), []string{`1 "" xml`}},
		"nothing but XML":       {[]byte(xml), []string{`1 "" xml`}},
		"mbox":                  {crlf("From a@b.cl Mon\nContent-Type: text/xml\n\n" + xml), []string{`1 "" xml`}},
		"line feeds only":       {bytes.ReplaceAll(attach("Content-Type: text/xml", xml), []byte("\r"), nil), []string{`2 "" xml`}},
		"never closed":          {bytes.TrimSuffix(attach("Content-Type: text/xml", xml), []byte("\r\n--x--\r\n")), []string{`2 "" xml`}},
		"boundary not named":    {bytes.Replace(attach("Content-Type: text/xml", xml), []byte("; boundary=x"), nil, 1), []string{`2 "" xml`}},
		"boundary quoted":       {bytes.Replace(attach("Content-Type: text/xml", xml), []byte("boundary=x"), []byte(`Boundary = "x" ; a=b`), 1), []string{`2 "" xml`}},
		"boundary with a CR":    {[]byte("Content-Type: multipart/mixed; boundary=\"x\ry\"\n\n--x\ry\n\n" + xml + "\n--x\ry--"), []string{`1 "" xml`}},
		"boundary is a prefix":  {crlf("Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=xy\n\n--xy\n\n" + xml + "\n--xy--\n--x--\n"), []string{`1.1 "" xml`}},
		"pasted in the text":    {attach("Content-Type: text/plain", "Estimados:\n"+xml+"\nSaludos"), []string{`2 "" xml cut`}},
		"forwarded":             {attach("Content-Type: message/rfc822", "Subject: y\nContent-Type: text/xml; name=f.xml\n\n"+xml), []string{`2.1 "f.xml" xml`}},
		"forwarded in base64":   {attach("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64", b64("Subject: y\nContent-Type: text/xml\n\n"+xml)), []string{`2.1 "" xml`}},
		"forwarded as a file":   {attach("Content-Type: a/b; name=x.EML", "Subject: y\nContent-Type: text/xml\n\n"+xml), []string{`2.1 "" xml`}},
		"archive":               {attach("Content-Type: a/b\nContent-Transfer-Encoding: base64", b64(pack(tb, "d/", "", "d/a.xml", xml, "b.pdf", "%PDF", "c", xml))), []string{`2/d/a.xml "a.xml" xml`, `2/c "c" xml`}},
		"archive in an archive": {attach("Content-Transfer-Encoding: base64", b64(pack(tb, "in.zip", pack(tb, "a.xml", xml)))), []string{`2/in.zip/a.xml "a.xml" xml`}},
		"mail is an archive":    {[]byte("Content-Transfer-Encoding: base64\n\n" + b64(pack(tb, "a.xml", xml))), []string{`1/a.xml "a.xml" xml`}},
		"office document":       {attach("Content-Transfer-Encoding: base64", b64(pack(tb, "[Content_Types].xml", xml))), nil},
		"web page":              {attach("Content-Type: text/html", "<html><body/></html>"), nil},
		"web page as a file":    {attach("Content-Type: a/b", "<!DOCTYPE HTML><html></html>"), nil},
		"address in brackets":   {attach("Content-Type: text/plain", "<juan@b.cl> escribió:"), nil},
		"nothing":               {nil, nil},
		"many spaces in header": {crlf("Content-Type:   \n\ttext/xml\n   ;\n name=\n \"a\n b.xml\"\n\n" + xml), []string{`1 "a b.xml" xml`}},
	}
}

func TestWalkFinds(t *testing.T) {
	t.Parallel()
	for name, test := range finds(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, files := walk(t, test.raw, parts.Limits{})
			if diff := cmp.Diff(test.want, brief(files)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ header, want string }{
		"encoded word":           {`Content-Type: a/b; name="=?ISO-8859-1?Q?factura_N=BA1.xml?="`, "factura Nº1.xml"},
		"encoded words":          {"Content-Type: a/b;\n name=\"=?utf-8?B?w7E=?=\n =?utf-8?Q?.xml?=\"", "ñ.xml"},
		"extended":               {"Content-Disposition: attachment; filename*=UTF-8''%C3%B1.xml", "ñ.xml"},
		"extended, Latin-1":      {"Content-Disposition: attachment; filename*=iso-8859-1'es'a%F1o.xml", "año.xml"},
		"continued":              {"Content-Disposition: attachment; filename*1=\"b.xml\"; filename*0=\"a\"", "ab.xml"},
		"continued and extended": {"Content-Disposition: attachment; filename*0*=windows-1252''a%F1; filename*1=\"%F1.xml\"", "añ%F1.xml"},
		"unknown charset":        {"Content-Disposition: attachment; filename*=x-none''a%F1o.xml", "año.xml"},
		"raw Latin-1":            {"Content-Disposition: attachment; filename=\"a\xf1o.xml\"", "año.xml"},
		"escaped quotes":         {`Content-Disposition: attachment; filename="a\"b\\c.xml"`, `a"b\c.xml`},
		"Windows path":           {`Content-Disposition: attachment; filename="C:\dte\a.xml"`, `C:\dte\a.xml`},
		"open quote":             {`Content-Disposition: attachment; filename="a.xml`, "a.xml"},
		"disposition wins":       {"Content-Type: a/b; name=b.xml\nContent-Disposition: inline; filename=a.xml", "a.xml"},
		"controls":               {"Content-Type: a/b; name=\"a\x00\x1b[0m.xml\"", "a[0m.xml"},
		"none":                   {"Content-Type: a/b", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, files := walk(t, attach(test.header, xml), parts.Limits{})
			if len(files) != 1 || files[0].Name != test.want {
				t.Errorf("files %q, want one named %q", brief(files), test.want)
			}
		})
	}
}

func TestNamesInArchives(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "a\xa4o.xml", NonUTF8: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, xml); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, files := walk(t, attach("Content-Transfer-Encoding: base64", b64(b.String())), parts.Limits{})
	if len(files) != 1 || files[0].Name != "año.xml" {
		t.Errorf("files %q, want año.xml", brief(files))
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		want parts.Mail
	}{
		"plain":       {"From: \"Pérez, Juan\" <Juan@B.cl>\nReply-To: x@y.cl\nSubject: =?utf-8?q?A=C3=B1o?=\nMessage-Id: <1@b>\n\n", parts.Mail{From: "juan@b.cl", ReplyTo: "x@y.cl", Subject: "Año", MessageID: "1@b"}},
		"broken":      {"From: Juan (juan@b.cl\nSubject: a\xf1o =?nonsense?Q?x?=\n\n", parts.Mail{From: "juan@b.cl", Subject: "año =?nonsense?Q?x?="}},
		"DSN":         {"From: MAILER-DAEMON@b.cl\n\n", parts.Mail{From: "mailer-daemon@b.cl", Automatic: parts.Bounce}},
		"report":      {"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n", parts.Mail{Automatic: parts.Bounce}},
		"null sender": {"Return-Path: <>\n\n", parts.Mail{Automatic: parts.Bounce}},
		"vacation":    {"Auto-Submitted: auto-replied (vacation)\n\n", parts.Mail{Automatic: parts.AutoReply}},
		"old reply":   {"X-Autoreply: yes\n\n", parts.Mail{Automatic: parts.AutoReply}},
		"newsletter":  {"List-Unsubscribe: <http://x>\n\n", parts.Mail{Automatic: parts.Bulk}},
		"program":     {"Auto-Submitted: auto-generated\n\n", parts.Mail{}},
		"person":      {"Auto-Submitted: No\n\n", parts.Mail{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := walk(t, crlf(test.raw), parts.Limits{})
			got.Others = nil
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("mail (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOthersAreListed(t *testing.T) {
	t.Parallel()
	secret := []byte(pack(t, "a.xml", xml))
	for _, sign := range []string{"PK\x03\x04", "PK\x01\x02"} { // set bit 0 of the flags in both headers
		at := bytes.Index(secret, []byte(sign)) + map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8}[sign]
		secret[at] |= 1
	}
	cut := pack(t, "a.xml", xml)
	tests := map[string]struct {
		raw  []byte
		lim  parts.Limits
		want []parts.Other
	}{
		"pdf":             {attach("Content-Type: application/pdf; name=a.pdf", "%PDF"), parts.Limits{}, []parts.Other{other("2", "a.pdf", "application/pdf", 4, parts.NotXML)}},
		"locked":          {attach("Content-Transfer-Encoding: base64", b64(string(secret))), parts.Limits{}, []parts.Other{other("2/a.xml", "a.xml", "", len(xml), parts.Encrypted)}},
		"torn archive":    {attach("Content-Transfer-Encoding: base64", b64(cut[:len(cut)-30])), parts.Limits{}, []parts.Other{other("2", "", "", len(cut)-30, parts.Broken)}},
		"empty archive":   {attach("Content-Transfer-Encoding: base64", b64(pack(t, "d/", ""))), parts.Limits{}, []parts.Other{other("2", "", "", len(pack(t, "d/", "")), parts.NotXML)}},
		"large":           {attach("Content-Type: text/xml", xml), parts.Limits{File: 10}, []parts.Other{other("2", "", "text/xml", len(xml), parts.OverLimit)}},
		"large in base64": {attach("Content-Transfer-Encoding: base64", b64(xml)), parts.Limits{File: 10}, []parts.Other{other("2", "", "", len(b64(xml)), parts.OverLimit)}},
		"large in ZIP":    {attach("Content-Transfer-Encoding: base64", b64(pack(t, "a.xml", strings.Repeat(xml, 100)))), parts.Limits{File: 2000}, []parts.Other{other("2/a.xml", "a.xml", "", 100*len(xml), parts.OverLimit)}},
		"many in ZIP":     {attach("Content-Transfer-Encoding: base64", b64(pack(t, "a", "", "b", "", "c", ""))), parts.Limits{Entries: 2}, []parts.Other{other("2", "", "", len(pack(t, "a", "", "b", "", "c", "")), parts.OverLimit)}},
		"much in all":     {attach("Content-Transfer-Encoding: base64", b64(pack(t, "a", strings.Repeat("a", 600), "b", strings.Repeat("b", 600)))), parts.Limits{Bytes: 1000}, []parts.Other{other("2/a", "a", "", 600, parts.NotXML), other("2/b", "b", "", 600, parts.OverLimit)}},
		"deep":            {nest(9), parts.Limits{}, []parts.Other{other("1.1.1.1.1.1.1.1.1", "", "text/xml", len(xml), parts.OverLimit)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mail, files := walk(t, test.raw, test.lim)
			got := mail.Others
			if len(got) > 0 && got[0].Path == "1" { // the greeting
				got = got[1:]
			}
			if diff := cmp.Diff(test.want, got); diff != "" || len(files) > 0 {
				t.Errorf("files %q; others (-want +got):\n%s", brief(files), diff)
			}
		})
	}
}

func other(path, name, media string, size int, why parts.Reason) parts.Other {
	return parts.Other{Path: path, Name: name, Type: media, Size: size, Reason: why}
}

// nest puts a part into so many multiparts.
func nest(depth int) []byte {
	raw := "Content-Type: text/xml\n\n" + xml
	for i := range depth {
		raw = fmt.Sprintf("Content-Type: multipart/mixed; boundary=x%d.\n\n--x%d.\n%s\n--x%d.--\n", i, i, raw, i)
	}
	return crlf(raw)
}

func TestDepthWithin(t *testing.T) {
	t.Parallel()
	if _, files := walk(t, nest(8), parts.Limits{}); len(files) != 1 {
		t.Errorf("%d files in 8 multiparts, want 1", len(files))
	}
}

func TestCallbackEndsWalk(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	raw := attach("Content-Transfer-Encoding: base64", b64(pack(t, "a.xml", xml, "b.xml", xml)))
	calls := 0
	_, err := parts.Walk(raw, parts.Limits{}, func(parts.File) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls, want %v after 1", err, calls, stop)
	}
}

// TestAttacks bounds what hostile mails may cost.
func TestAttacks(t *testing.T) {
	const size = 4 << 20
	fill := func(head, piece string) []byte {
		return []byte(head + strings.Repeat(piece, (size-len(head))/len(piece)))
	}
	tests := map[string][]byte{
		"empty parts":      fill("Content-Type: multipart/mixed; boundary=x\n\n", "--x\n\n"),
		"folded header":    fill("Subject: a\n", " a\n"),
		"header fields":    fill("", "a:\n"),
		"parameters":       fill("Content-Type: a/b", ";a=b"),
		"one line":         fill("Subject: ", "=?utf-8?q?a?= "),
		"nearly boundary":  fill("Content-Type: multipart/mixed; boundary=x\n\n", "--xx\n--"),
		"archive entries":  fill("\n\nPK\x03\x04", "PK\x01\x02"+strings.Repeat("\x00", 42)),
		"bomb":             []byte("Content-Transfer-Encoding: base64\n\n" + b64(pack(t, "a", strings.Repeat("\x00", 80<<20)))),
		"mails in mails":   fill("", "Content-Type: message/rfc822\n\n"),
		"no line at all":   fill("", "a"),
		"nested multipart": fill("", "Content-Type: multipart/mixed; boundary=x\n\n--x\n"),
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			mail, err := parts.Walk(raw, parts.Limits{}, func(parts.File) error { return nil })
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 6*size+32<<20 {
				t.Errorf("%d MB made for a mail of %d", made>>20, size>>20)
			}
			if len(mail.Others) == 0 {
				t.Error("nothing is listed")
			}
		})
	}
}
