package result

import (
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
)

// Result is what the SII says of one envelope.
type Result struct {
	Issuer     rut.RUT // RUTEMISOR; zero if it is no RUT
	Sender     rut.RUT // RUTENVIA, who signed the envelope; zero if it is no RUT
	Track      string  // TRACKID, digits without leading zeros
	ReceivedAt time.Time
	State      string   // code of ESTADO, as EPR
	Glosa      string   // rest of ESTADO
	Counts     []Count  // ESTADISTICA
	Faults     []Detail // ERRORENVIO: why the whole envelope was refused
	Documents  []Document
}

// Count is how many documents of a type the SII counts (SUBTOTAL).
type Count struct {
	Type                                  dte.Type
	Informed, Rejected, Remarks, Accepted int
}

// Document is one that was rejected or accepted with remarks (REVISIONDTE); those accepted as they are
// do not appear.
type Document struct {
	Type    dte.Type
	Folio   int
	Verdict Verdict
	State   string // code of ESTADO, as RCH
	Glosa   string // rest of ESTADO
	Details []Detail
}

// Verdict is what a Document's State means.
type Verdict string

// The verdicts. VerdictUnknown is a state that nobody has described.
const (
	VerdictUnknown  Verdict = ""
	Rejected        Verdict = "rejected"              // RCH
	AcceptedRemarks Verdict = "accepted_with_remarks" // RPR, RLV
)

// verdicts are the states of REVISIONDTE (WEBSERVICES §6).
var verdicts = map[string]Verdict{"RCH": Rejected, "RPR": AcceptedRemarks, "RLV": AcceptedRemarks}

// Level is the middle number of a code.
type Level int

// The levels: the SII rejects at 3; 1 and 2 are remarks (reparos). LevelNone is a text without a code.
const (
	LevelNone    Level = 0
	LevelReject  Level = 3
	LevelRemark1 Level = 1
	LevelRemark2 Level = 2
)

// Detail is one reason (DETALLE, DETERRENVIO).
type Detail struct {
	Code  string // as DTE-3-101, empty if the text has none
	Level Level
	Text  string // without the code
}

// Document is what is said of one document; false if it is not mentioned.
func (r Result) Document(t dte.Type, folio int) (Document, bool) {
	for _, d := range r.Documents {
		if d.Type == t && d.Folio == folio {
			return d, true
		}
	}
	return Document{}, false
}
