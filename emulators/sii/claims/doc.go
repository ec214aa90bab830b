// Package claims is the SII's registro de aceptación o reclamo (Ley 20.956;
// service WSREGISTRORECLAMODTE): which events a document can still get, with
// which code each attempt is answered, and when a document counts as accepted.
//
// It is pure: who asks, and whether a document exists, is the caller's business.
// It follows WEBSERVICES §8, which sums up the SII's manual v1.2 of the service.
package claims
