// Package result reads the SII's result mail: the XML RESULTADO_ENVIO (attachment DTEMAIL<trackid>.xml)
// that says what became of an envelope, with the only machine-readable reasons of rejections.
//
// Anybody can send a mail that looks like it. So a Result gives reasons; whether the SII holds a
// document, QueryEstDte says. And a later envelope with the same document ends in a rejection (DTE-3-100)
// while the first one stays accepted (WEBSERVICES §11.2).
//
// Start with Parse, and ParseSubject for the mail's subject. Sources: SII, RespSII_v10.xsd; sii/WEBSERVICES §6.
// The texts are free in the schema, so everything but the track id may be missing or odd.
package result
