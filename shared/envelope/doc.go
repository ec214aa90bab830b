// Package envelope puts signed documents into the file that the SII and customers take, EnvioDTE, or
// EnvioBOLETA for boletas.
//
// Start with Write: it copies the bytes of each <DTE> as they are, writes the Caratula around them, signs
// SetDTE and answers only bytes that Verify has read back. Verify is also for envelopes of this product that
// were stored: it answers what the signatures cover. Documents cuts the documents out of any envelope,
// a stranger's too, and believes nothing.
//
// A <DTE> is never re-serialised, not even to drop the namespaces that the envelope declares already: cut out
// of the envelope it must verify (FORMATS 10.2). The digest of SetDTE is fed while the text is written.
//
// Sources: SII, Instructivo técnico de emisión (2021-10-28); EnvioDTE_v10.xsd, EnvioBOLETA_v11.xsd;
// Formato Boletas Electrónicas v4.2 (2025-09-08).
package envelope
