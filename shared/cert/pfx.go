package cert

// ReadPFX reads a PKCS#12 file. Errors wrap ErrPassword, ErrUnreadable, ErrNoKey, ErrNotRSA or
// ErrKeyTooSmall; dates and RUT are for Check to judge.
func ReadPFX(pfx []byte, password string) (*Identity, error) {
	bags, err := open(pfx, password)
	if err != nil {
		return nil, err
	}
	return choose(bags)
}
