// Package caf reads the Código de Autorización de Folios (CAF): the file by which the SII authorizes a
// company to use a range of folios of one document type, with the key that stamps them.
//
// Start with Parse, which reads the file as the SII delivers it (or as mail and editors leave it) and
// answers a CAF only if all that the file itself can prove holds: the SII's signature (FRMA), the type,
// the range and the pair of keys. CheckFor then says whether it may serve a company in an environment,
// ExpiredAt whether it may still sign on a day. An Authorization is the public half, as it stands in
// the TED of every document; the private key of a CAF leaves it only as signatures.
//
// The package does not store CAFs, does not choose folios and does not write stamps: see folio and ted.
//
// Sources: SII, Instructivo técnico de emisión, annexes CAF and timbre; DTE_v10.xsd, TED/DD/CAF;
// Res. Ex. SII 58 of 2017 (expiry). Keys of 512 bits and SHA-1 are the SII's choice; go.mod says
// godebug rsa1024min=0 for them.
package caf
