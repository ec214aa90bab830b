package exchange

// Prove is Check without the amounts and rules: parse, schema, signature and TED, as the target of speed has it.
func (c *Checker) Prove(f *File) *Report { return c.prove(f) }
