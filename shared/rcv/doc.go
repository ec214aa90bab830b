// Package rcv reads the SII's register of purchases and sales (registro de compras y ventas) and compares it
// with the documents that a company holds.
//
//	Read        bytes of a downloaded CSV → Sheet: which book it is, its rows, what could not be read
//	Reconcile   rows and held documents → Gaps: missing XML, XML that the SII does not know, other amounts
//
// The register says which documents exist; it has no XML. The files are what people download from the SII's
// web page, and the lines of its Export calls, which are the same. There is no official description: columns follow
// real exports (WEBSERVICES §10.3 is the project's digest). So a file is recognised by the names of its columns, in any
// order; accents, case, encoding, separator, quotes and further columns do not matter, and a row that cannot be read is a
// Fault beside the others, never a silent hole.
//
// It is pure: no network, no clock.
package rcv
