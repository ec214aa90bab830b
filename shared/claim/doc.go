// Package claim is the registro de aceptación o reclamo of the SII (Ley 20.956, Ley 19.983): what the receiver of a
// factura can say about it, after which other word, until when, and what the SII's codes mean.
//
//	Parse        an Action of a request
//	Allows       the state machine: the Code that the SII would answer
//	TermOf       the eight days from the SII's reception, and when to remind
//	Standing     where a document stands: pending, accepted, claimed, accepted by silence
//	Code.Meaning what to do about an answer
//
// The package decides nothing on its own: a claim is a legal act of the company, so that nobody but a person's
// request enters one. It is pure; package sii asks the service.
//
// Source: SII, "Web Service de Consulta y Registro de Aceptación/Reclamo" v1.2 (2017-08-06), summed up in
// WEBSERVICES §8.
package claim
