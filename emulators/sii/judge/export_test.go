package judge

// ReadAlone reads a bare DTE from decoded text, without an envelope.
func ReadAlone(text string) (*Document, error) {
	el, err := parse(text)
	if err != nil {
		return nil, err
	}
	return readDocument(text, el, el), nil
}

// StampVerifies says whether FRMT fits the CAF's key.
func (d *Document) StampVerifies() bool {
	return d.cafErr == nil && verifySHA1(d.caf.Key, latin1(d.flat("DD")), decode64(d.get("TED/FRMT")))
}

// Flat is the flattened text of an element of the TED.
func (d *Document) Flat(name string) []byte { return latin1(d.flat(name)) }

// Statements runs the rules that are data.
func (c Court) Statements(d *Document) []Finding { return c.statements(d) }
