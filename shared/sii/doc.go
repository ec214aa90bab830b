// Package sii asks the SII (Servicio de Impuestos Internos) over its web services: CrSeed and
// GetTokenFromSeed for a token, DTEUpload for an envelope, QueryEstUp for the state of an upload and
// QueryEstDte and QueryEstDteAv for the state of one document; or, for boletas, the service of their own that does
// the same; and WSREGISTRORECLAMODTE for what receivers accept and claim (Claims).
//
// Start with New, then As or AsBoletas for a person and an environment; the Session renews tokens by itself. The
// package decides nothing about documents: an answer of the SII, also a refusal, is a result. Errors are
// ErrUnavailable (nothing was received, ask again later), ErrIndeterminate (an upload whose answer was
// lost) and *StatusError (the SII refused the token or the seed).
//
// Sources: SII, "Autenticación automática" v1.9 (2007-11-18); "Envío automático de DTE" OI2003_UPDTE_MDE
// 1.5; "Web Service de Consulta y Registro de Aceptación/Reclamo" v1.2 (2017-08-06); WSDLs of maullin and palena
// (2026). What was only seen live is said where it is used.
package sii
