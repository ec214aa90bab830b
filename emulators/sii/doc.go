// Package sii simulates the Chilean SII's machine services for issuing: seed and
// token, DTEUpload, QueryEstUp, QueryEstDte(Av), wsDTECorreo and the result mails,
// and the boletas' own service; and for receiving: the registro de aceptación o
// reclamo (package claims) and the register of purchases and sales (package rcv);
// in certification and production.
//
// It is a stern stranger to the product: it shares no code with it, verifies
// every signature, stamp and CAF for real, and answers with the bytes that
// public projects recorded from the real servers.
//
//	srv, err := sii.Start(sii.Options{World: dir, Speed: 100})
//	defer srv.Close()
//	base := srv.URL // base + "/maullin.sii.cl/DTEWS/CrSeed.jws", …
//
// A world (package world) says who exists; package authority makes throw-away
// ones. The control API on its own port shows what arrived and scripts answers;
// README.md lists it, and what the simulator does not do.
//
// Time: documents are judged on a timeline (REC 0 s, SOK 5, FOK 10, CRT 15,
// PDR 20, EPR 60) divided by Options.Speed. Each request first does what has
// become due; only mails and the end of an outage come by themselves.
//
// Faults (package faults) stand between an honest SII and its clients: see
// liar.go. Profiles and rules are set by Options.Faults and the control API.
package sii
