// Package faults decides when the simulator lies, stalls or falls silent.
//
// A Rule names a fault and whom it strikes, always or with a probability; a
// profile is a list of rules. Each decision comes from the seed, the operation
// and the number of its call, so a run repeats itself as far as its calls come
// in the same order within each operation.
//
// Mercy: of the rules of a profile at most four in a row spoil calls of one
// operation, or attempts with one file; so a patient client always gets through.
//
// The faults are those of WEBSERVICES §11.1 and §13.
package faults
