package parts

import "cmp"

// Limits bounds a Walk. A zero field stands for its default.
type Limits struct {
	Parts   int // parts, files of archives and forwarded mails in all; 1,000
	Depth   int // of multiparts, mails and archives in one another; 8
	Bytes   int // decoded and unpacked in all; 64 MB
	File    int // decoded or unpacked size of one file; 16 MB
	Entries int // of one archive; 1,000
	Header  int // bytes of one header; 256 kB
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Parts:   cmp.Or(l.Parts, 1000),
		Depth:   cmp.Or(l.Depth, 8),
		Bytes:   cmp.Or(l.Bytes, 64<<20),
		File:    cmp.Or(l.File, 16<<20),
		Entries: cmp.Or(l.Entries, 1000),
		Header:  cmp.Or(l.Header, 256<<10),
	}
}

// Mail is what Walk says of the whole.
type Mail struct {
	From      string // first address, without name; lower case
	ReplyTo   string // as From
	Subject   string
	MessageID string // without angle brackets
	Automatic Automatic
	Others    []Other
}

// Automatic says that no person and no issuing program wrote the mail, so that it must not be answered.
type Automatic string

// Kinds of Automatic.
const (
	NotAutomatic Automatic = ""
	Bounce       Automatic = "bounce"     // report on delivery (DSN)
	AutoReply    Automatic = "auto-reply" // out of office and the like
	Bulk         Automatic = "bulk"       // lists, newsletters
)

// File is what may be XML.
type File struct {
	Path    string // where in the mail: numbers of parts, names in archives, as "2", "1.3" or "2/envio.xml"
	Name    string // as the sender named it, may be empty; only to be shown
	Type    string // media type as the sender says, may be empty
	Content []byte // decoded; the caller may keep it
	Cut     bool   // taken out of running text, so that the bytes may not be those the sender had
}

// Other is a part that was not given out.
type Other struct {
	Path, Name, Type string
	Size             int // bytes, encoded where it was not decoded
	Reason           Reason
}

// Reason is why a part was not given out.
type Reason string

// The reasons.
const (
	NotXML    Reason = "not-xml"
	OverLimit Reason = "over-limit"
	Encrypted Reason = "encrypted"
	Broken    Reason = "broken"
)
