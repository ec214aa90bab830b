// Package cert turns the PKCS#12 file (PFX) that a person bought from a certification authority into
// an Identity: a crypto.Signer, a certificate, and the RUT that the SII knows the signer by.
//
// ReadPFX reads what Windows, Firefox, Java and OpenSSL export; Identity.Check says whether it may sign
// at a given time. ReadCertificate reads certificates of others, also such as crypto/x509 refuses: a
// received invoice is not void because its certificate has a negative serial number.
//
// It judges no chains: whether an authority is accredited is the SII's to say.
//
// Because go.mod sets rsa1024min=0 for the SII's 512-bit CAF keys, it is this package that refuses RSA
// below 1024 bits for signers.
//
// Sources: RFC 7292 (PKCS#12), RFC 5280 (certificates); SII, Instructivo Técnico de Emisión
// (2021-10-28): the signer's RUT is in the subject alternative name, otherName 1.3.6.1.4.1.8321.1.
package cert
