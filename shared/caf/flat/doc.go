// Package flat reads the text of a CAF or a TED in the form that its signatures cover.
//
// FRMA and FRMT sign bytes, not XML: ISO-8859-1 text from which the blanks between tags, and nothing
// else, are removed. A Reader therefore walks those very bytes in the fixed order of the format and
// can hand out any stretch of them; it knows no DTD, comment or processing instruction, so a text
// that could mean two things is refused. It is not an XML parser: use xmldsig for documents.
//
// Source: SII, Instructivo técnico de emisión, annex on the timbre electrónico; DTE_v10.xsd, DTE/Documento/TED.
package flat
