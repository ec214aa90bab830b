// Package ted makes and checks the timbre electrónico (TED), the stamp that ties a document's main figures
// to the CAF of its folio.
//
// Start with Stamp, which writes the whole <TED> once, as text, in the form that goes into the document and
// into the PDF417; nothing may re-serialise it afterwards. Verify reads the <TED>…</TED> of a document of
// whatever origin and answers only what its signatures prove; Stamped.Differences then compares it with the
// document. FRMT covers the bytes of <DD> as written, without the blanks between tags, in ISO-8859-1.
//
// Sources: SII, Instructivo técnico de emisión, annex timbre electrónico (with the vector that the tests
// reproduce); DTE_v10.xsd, DTE/Documento/TED.
package ted
