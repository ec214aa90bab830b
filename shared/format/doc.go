// Package format is the format table: which elements a tax document has, in which order, of which
// type, how often, and for which document types. It is data (table/*.csv, our own layout) and the
// little that reads it; no rule that relates one field to another is here (see package dte).
//
// From the table alone come the JSON that is accepted (ReadJSON), the order of writing (Node), the
// validation of XML against the schema (Validate), of a document made from JSON (Check), and what
// the SII's obligatoriness codes ask for a document type (Obligations).
//
// Start with Root: Root("DTE"), Root("EnvioDTE"), Root("EnvioBOLETA"), or the document alone:
// "Documento", "Liquidacion", "Exportaciones", "Boleta"; and for the exchange between companies
// "RespuestaDTE" and "EnvioRecibos". Reading the table costs a few milliseconds
// once, and only for the roots asked for.
//
// # Columns
//
// One row an element, in the order of the XSD; "." is the root itself.
//
//	element      path below the root
//	occurs       min..max, * for unbounded
//	type         row of types.csv; empty for an element with children; @X for the children of root X
//	attributes   "name kind value", all required: id, fixed, decimal (fixed, by value), oneof, uri
//	choice       yes: of the rows so marked below one parent only one may appear, as often as it may
//	rejects      yes: column (*) of Formato DTE, a document without it is refused
//	33, 34, …    obligatoriness: 0 must not appear, 1 required, 2 conditional, 3 optional; a code
//	             holds only if the parent is there; c? is doubtful (prose, XSD or real documents
//	             contradict it) and never decides alone
//	source       field: row of the field in the SII's text; zone: its table of zones; derived: the
//	             strongest code of the fields inside, ours; xsd: the schema alone
//
// # Sources
//
// Structure and types: DTE_v10.xsd and SiiTypes_v10.xsd (2026-02), EnvioDTE_v10.xsd (2010-07),
// EnvioBOLETA_v11.xsd (2025), RespuestaEnvioDTE_v10.xsd, EnvioRecibos_v10.xsd, xmldsignature_v10.xsd. Codes: Formato DTE v2.5 (2026-02), section 2,
// and Formato Boletas Electrónicas v4.2 (2025-09-08). Where text and XSD differ the XSD stands in
// the table, since it decides what is refused by schema. Names of types are the XSD's; types that
// have no name there are called by their facets (Text1to80, Code1to3).
package format
