// Package resultmail writes the mail in which the SII tells the result of an
// envelope, and hands it to a mail server.
//
// The mail carries RESULTADO_ENVIO twice: DTEMAIL<track>.xml after the SII's
// RespSII_v10.xsd, and DTEMAIL<track>.txt in prose (WEBSERVICES §6). It is the
// only machine-readable source of a DTE's reject reasons.
package resultmail
