package parts

import (
	"archive/zip"
	"bytes"
	"io"
	"path"

	"golang.org/x/text/encoding/charmap"
)

// archive gives out the files of a ZIP. Office documents are ZIPs full of XML that is nobody's DTE.
func (w *walker) archive(o Other, content []byte, at place) error {
	// Counting first: the reader makes an object for each entry, and 32 MB hold 700,000.
	if bytes.Count(content, []byte("PK\x01\x02")) > w.lim.Entries {
		return w.leave(o, OverLimit)
	}
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil && r == nil {
		return w.leave(o, Broken)
	}
	for _, f := range r.File {
		if f.Name == "[Content_Types].xml" {
			return w.leave(o, NotXML)
		}
	}
	before := w.parts
	for _, f := range r.File {
		if err := w.entry(f, at); err != nil {
			return err
		}
		if w.parts > w.lim.Parts {
			return nil // said already
		}
	}
	if w.parts == before {
		return w.leave(o, NotXML) // empty, or nothing but folders
	}
	return nil
}

// encryptedFlag is bit 0 of the general purpose flag (APPNOTE 4.4.4).
const encryptedFlag = 1

func (w *walker) entry(f *zip.File, at place) error {
	if f.FileInfo().IsDir() {
		return nil
	}
	name := entryName(f)
	at = at.entry(name)
	o := Other{Path: at.String(), Name: path.Base(name), Size: int(min(f.UncompressedSize64, 1<<40))}
	w.parts++
	switch {
	case w.parts > w.lim.Parts, at.depth > w.lim.Depth, f.UncompressedSize64 > uint64(w.room()):
		return w.leave(o, OverLimit)
	case f.Flags&encryptedFlag != 0:
		return w.leave(o, Encrypted)
	}
	content, err := w.unpack(f)
	if err != nil {
		return w.leave(o, Broken)
	}
	if len(content) > w.lim.File || w.bytes > w.lim.Bytes {
		return w.leave(o, OverLimit)
	}
	o.Size = len(content)
	return w.file(o, content, at)
}

// unpack reads at most one byte more than there is room for: the size in the archive may lie.
func (w *walker) unpack(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	content.Grow(w.likely(f) + bytes.MinRead)
	_, err = content.ReadFrom(io.LimitReader(r, int64(w.room())+1))
	w.bytes += content.Len()
	if closing := r.Close(); err == nil {
		err = closing
	}
	return content.Bytes(), err
}

// maxDeflate is how many bytes one of a deflated file may become (RFC 1951: a match of 258 in 2 bits).
const maxDeflate = 1032

// likely is the size that the archive tells of a file, as far as that can be: a buffer that grows by and by would take
// several times as much.
func (w *walker) likely(f *zip.File) int {
	return int(min(f.UncompressedSize64, f.CompressedSize64*maxDeflate, uint64(w.room()))) //nolint:gosec // the room is an int
}

// entryName reads names of old programs in code page 437.
func entryName(f *zip.File) string {
	if f.NonUTF8 {
		if name, err := charmap.CodePage437.NewDecoder().String(f.Name); err == nil {
			return validText(name)
		}
	}
	return validText(f.Name)
}
