// Package rcv writes the SII's register of purchases and sales (registro de
// compras y ventas): the rows of its web application's JSON and the lines of the
// CSV files that people download from it.
//
// There is no official description: columns follow the exported files that public
// projects keep, fields what their clients read (WEBSERVICES §10). Which document
// stands in which book is the caller's business.
package rcv
