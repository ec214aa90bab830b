// Package authority makes throw-away worlds for the simulator: a certification
// authority, the SII's own CAF keys, companies, their signers and their CAFs.
//
// A world is a folder:
//
//	companies.json                who exists
//	certs/<id>-modern.pfx         the signer's certificate and key (also .pem, .key)
//	caf/<id>/<type>-<from>-<to>.xml
//	sii/100.pub, 300.pub          the keys that sign CAFs (IDK 100 certification, 300 production)
//	ca/root.pem, intermediate.pem the authority of the certificates
//
// Nothing in it is valid anywhere else: every key is made on the spot. The form
// of a CAF follows Formato DTE and the CAF files of real companies (512-bit RSA
// with exponent 3, Latin-1 bytes under a declaration that names no encoding).
package authority
