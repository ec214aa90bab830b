// Package rules is the table of rules beyond the schema: conditions that relate the fields of a tax
// document, with what the SII would answer where one is broken (code, level), how sure that is, and a
// Spanish text that says what to do. It is data (table/*.csv, our own layout) and the little that
// reads it; the fields themselves are package format's.
//
//	Check   a complete document and what is known beside it → the rules it breaks
//	Of      the row for a fault that the reader, the schema or the calculation found
//	All     every rule, for the reference page docs/problems.md
//	Others  what the SII also looks at and no rule of one document can: why not, or where it is done
//
// # Columns of a rule
//
//	id       our name of the rule, unique
//	rows     numbers of the rows of the reference folder's tables/rejections.csv that it stands for
//	sii      the SII's code, without a line number; empty where it is not known: none is invented
//	level    3 rejects, 2 remark, 1 slight remark, ? not known, 2? not known and taken for 2
//	sure     live (a real answer is quoted), official (a text of the SII), vendor, client-code (in a
//	         client's source, no answer seen), inferred; own where the rule is ours
//	types    document types, all if empty; !43 is all but 43
//	each     list whose elements are judged one by one; the other paths then begin there
//	when     the rule applies only where all of this holds: path, !path, path=values, path!=values,
//	         path>number; joined by &
//	check    present, absent, is, not, between, at-most, sum, product, special: see check.go; found:
//	         the reader, the schema or the calculation finds it, with the code that "with" names
//	at       where the fault is reported; for most checks also what is judged. Several are judged apart
//	with     argument of the check
//	code     code of the fault in the API
//	text     Spanish, what is wrong and what to do
//	source   F Formato DTE, B Formato Boletas, X XSD, R the project's catalogue of rejections, then
//	         the place in it
//
// Paths are written as in package format; /x begins at the document; [A=1,!B] keeps the elements of a
// list for which that holds, [.=1] those with that text. Values are joined by |: texts, @list (a row
// of lists.csv), @letters, @digits, $issuer, $acteco, $today, $earliest, or a path.
//
// # Levels
//
// The middle digit of the SII's codes decides (REJECTIONS section 2): 3 refuses, 2 refuses unless the
// caller allows remarks, 1 and unknown warn; package dte does that.
//
// # Sources
//
// Formato DTE v2.5 (2026-02), Formato Boletas Electrónicas v4.2 (2025-09-08), DTE_v10.xsd (2026-02),
// and the project's catalogue of rejections, which joins codes of real answers with the SII's texts.
package rules
