package resultmail

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// Result is what became of an envelope.
type Result struct {
	Issuer, Sender string
	Track          string // without leading zeros, as the real mails write it
	Received       time.Time
	State          string // "EPR - Envio Procesado"
	Totals         []Total
	Faults         []string // of an envelope that was rejected
	Reviews        []Review
}

// Total counts the documents of one type.
type Total struct{ Type, Informed, Rejected, Remarked, Accepted int }

// Review is a document that was rejected or has remarks.
type Review struct {
	Type, Folio int
	State       string // "RCH - DTE Rechazado"
	Details     []string
}

// escapeText is what XML asks for in text; quotes stay bare.
var escapeText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func element(name, text string) string {
	return "<" + name + ">" + escapeText.Replace(text) + "</" + name + ">"
}

// counted is an element that is left out when it is zero (minOccurs 0).
func counted(name string, n int) string {
	if n == 0 {
		return ""
	}
	return element(name, fmt.Sprint(n))
}

// xml is RESULTADO_ENVIO, still as Unicode.
func (r Result) xml() string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<RESULTADO_ENVIO>\n  <IDENTIFICACION>\n")
	for _, field := range [][2]string{
		{"RUTEMISOR", r.Issuer}, {"RUTENVIA", r.Sender}, {"TRACKID", r.Track},
		{"TMSTRECEPCION", r.Received.Format("02/01/2006 15:04:05")}, {"ESTADO", r.State},
	} {
		b.WriteString("    " + element(field[0], field[1]) + "\n")
	}
	b.WriteString("  </IDENTIFICACION>\n")
	r.statistics(&b)
	if len(r.Faults) > 0 {
		b.WriteString("  <ERRORENVIO>\n")
		for _, f := range r.Faults {
			b.WriteString("    " + element("DETERRENVIO", f) + "\n")
		}
		b.WriteString("  </ERRORENVIO>\n")
	}
	r.reviews(&b)
	b.WriteString("</RESULTADO_ENVIO>\n")
	return b.String()
}

func (r Result) statistics(b *strings.Builder) {
	if len(r.Totals) == 0 {
		return
	}
	b.WriteString("  <ESTADISTICA>\n")
	for _, t := range r.Totals {
		b.WriteString("    <SUBTOTAL>" + element("TIPODOC", fmt.Sprint(t.Type)) + element("INFORMADO", fmt.Sprint(t.Informed)) +
			counted("RECHAZO", t.Rejected) + counted("REPARO", t.Remarked) + counted("ACEPTA", t.Accepted) + "</SUBTOTAL>\n")
	}
	b.WriteString("  </ESTADISTICA>\n")
}

func (r Result) reviews(b *strings.Builder) {
	if len(r.Reviews) == 0 {
		return
	}
	b.WriteString("  <REVISIONENVIO>\n")
	for _, v := range r.Reviews {
		b.WriteString("    <REVISIONDTE>" + element("FOLIO", fmt.Sprint(v.Folio)) + element("TIPODTE", fmt.Sprint(v.Type)) + element("ESTADO", v.State))
		for _, d := range v.Details {
			b.WriteString(element("DETALLE", d))
		}
		b.WriteString("</REVISIONDTE>\n")
	}
	b.WriteString("  </REVISIONENVIO>\n")
}

// text says the same in prose.
func (r Result) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "RESULTADO DE LA REVISION DEL ENVIO\n\nRut Emisor      : %s\nRut Envia       : %s\nTrack Id        : %s\nFecha Recepcion : %s\nEstado          : %s\n",
		r.Issuer, r.Sender, r.Track, r.Received.Format("02/01/2006 15:04:05"), r.State)
	for _, t := range r.Totals {
		fmt.Fprintf(&b, "Tipo %d: informados %d, rechazados %d, con reparos %d, aceptados %d\n", t.Type, t.Informed, t.Rejected, t.Remarked, t.Accepted)
	}
	for _, f := range r.Faults {
		b.WriteString(f + "\n")
	}
	for _, v := range r.Reviews {
		fmt.Fprintf(&b, "\nTipo %d folio %d: %s\n", v.Type, v.Folio, v.State)
		for _, d := range v.Details {
			b.WriteString("  " + d + "\n")
		}
	}
	return b.String()
}

// encode gives the bytes of an attachment: ISO-8859-1, or, garbled, UTF-8 under
// the declaration of ISO-8859-1.
func encode(text string, garbled bool) ([]byte, error) {
	if garbled {
		return []byte(text), nil
	}
	return encoding.ReplaceUnsupported(charmap.ISO8859_1.NewEncoder()).Bytes([]byte(text))
}
