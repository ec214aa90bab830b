package parts_test

import (
	"archive/zip"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"timbre/shared/mailbox/parts"
)

// small are limits that a fuzzed mail can reach.
var small = parts.Limits{Parts: 20, Depth: 4, Bytes: 1 << 16, File: 1 << 14, Entries: 10}

// within walks a mail and asserts what must hold of every one: the limits, a reason for all that is not given out, the
// same outcome again, and files that are the caller's own. It returns the files.
func within(t *testing.T, raw []byte) []parts.File {
	t.Helper()
	lent := bytes.Clone(raw)
	mail, files := walk(t, lent, small)
	clear(lent)
	again, same := walk(t, raw, small)
	if len(mail.Others) != len(again.Others) || len(files) != len(same) {
		t.Fatalf("%d and %d at first, %d and %d again", len(files), len(mail.Others), len(same), len(again.Others))
	}
	total := 0
	for i, f := range files {
		total += len(f.Content)
		if len(f.Content) > small.File || f.Path == "" || !bytes.Equal(f.Content, same[i].Content) {
			t.Errorf("file %q of %d bytes", f.Path, len(f.Content))
		}
	}
	if len(files)+len(mail.Others) == 0 || len(files) > small.Parts || total > small.Bytes {
		t.Errorf("%d files, %d bytes, %d others", len(files), total, len(mail.Others))
	}
	for _, o := range mail.Others {
		if o.Reason == "" || o.Path == "" {
			t.Errorf("left without a reason: %+v", o)
		}
	}
	return files
}

func FuzzWalk(f *testing.F) {
	for _, test := range finds(f) {
		f.Add(test.raw)
	}
	f.Add(nest(3))
	f.Add(attach("Content-Type: message/rfc822", "Content-Transfer-Encoding: quoted-printable\n\n<a>=3D=\n</a>"))
	f.Add(attach("Content-Type: text/xml; name*=utf-8''a", xml))
	f.Fuzz(func(t *testing.T, raw []byte) { within(t, raw) })
}

// What comes out of an archive stands in it.
func FuzzArchive(f *testing.F) {
	plain := pack(f, "d/", "", "d/a.xml", xml, "b.pdf", "%PDF", "c", xml)
	f.Add([]byte(plain))
	f.Add([]byte(plain[:len(plain)-30]))
	f.Add([]byte(pack(f, "in.zip", pack(f, "a.xml", xml), "a.eml", "Subject: y\n\n"+xml)))
	f.Add([]byte(pack(f, "bomb.xml", string(make([]byte, 1<<20)))))
	f.Add([]byte(pack(f, "[Content_Types].xml", xml)))
	f.Add(stored(f))
	f.Fuzz(func(t *testing.T, archive []byte) {
		files := within(t, append([]byte("Content-Type: application/zip\r\n\r\n"), archive...))
		if !bytes.HasPrefix(archive, []byte("PK\x03\x04")) || len(files) == 0 {
			return
		}
		inside := contents(t, archive, 0)
		if inside == nil {
			return
		}
		for _, file := range files {
			if !slices.ContainsFunc(inside, func(c []byte) bool { return bytes.Contains(c, file.Content) }) {
				t.Errorf("%q is not in the archive", file.Path)
			}
		}
	})
}

// stored is an archive that is not compressed, so that changed bytes are changed files.
func stored(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	file, err := w.CreateHeader(&zip.FileHeader{Name: "a\xa4o.xml", NonUTF8: true, Method: zip.Store})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(file, xml); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// contents are the files of an archive and of those in it, as far as they can be read; nil if there is a mail among them, whose
// parts may stand there in base64.
func contents(t *testing.T, archive []byte, depth int) [][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if r == nil || depth > small.Depth {
		t.Logf("not read: %v", err)
		return nil
	}
	var all [][]byte
	for _, file := range r.File {
		if strings.Contains(strings.ToLower(file.Name), ".eml") {
			return nil
		}
		in, err := file.Open()
		if err != nil {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(in, 1<<15))
		if err != nil {
			continue
		}
		all = append(all, content)
		if !bytes.HasPrefix(content, []byte("PK\x03\x04")) {
			continue
		}
		inner := contents(t, content, depth+1)
		if inner == nil {
			return nil
		}
		all = append(all, inner...)
	}
	return all
}
