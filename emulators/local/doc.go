// Package local runs the whole product on one machine: the emulators, the functions' own binaries,
// each a process of its own, and a gateway that serves every public path on one address.
//
// Start loads a world (a folder of companies, certificates, CAFs and the fake SII's keys), starts all
// processes, and onboards the world's companies through the product's own API. What dies is started
// again; Close ends everything in order. Nothing here is product code, and nothing of the product is
// imported: the functions are reached as a caller reaches them.
//
// A function has an address that stays; its processes take turns behind it (backend). Restart puts a new
// one in the place of the old while requests come: none is lost, none half answered.
//
// Parts are the same in pieces, for docker-compose.yml, where every function and emulator is a container.
package local
