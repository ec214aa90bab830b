// Package local runs the whole product on one machine: the emulators, the functions' own binaries,
// each a process of its own, and a gateway that serves every public path on one address.
//
// Start loads a world (a folder of companies, certificates, CAFs and the fake SII's keys), starts all
// processes, and onboards the world's companies through the product's own API. What dies is started
// again; Close ends everything in order. Nothing here is product code, and nothing of the product is
// imported: the functions are reached as a caller reaches them.
package local
