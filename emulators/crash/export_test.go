package crash

// What the tests of taps use.
var (
	StorageCall = storageCall
	SIICall     = siiCall
)
