package dte

// NamespaceForm is which namespaces <DTE> declares, a setting of the company (FORMATS section 10.2).
type NamespaceForm string

// The forms. The zero value is FormBoth.
const (
	// FormBoth declares the SII's namespace and xsi, so that the signature verifies both where it
	// stands in an envelope and cut out of it.
	FormBoth NamespaceForm = "both"
	// FormSII declares the SII's namespace only, as most real software does.
	FormSII NamespaceForm = "sii"
)
