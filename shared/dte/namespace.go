package dte

import "timbre/shared/xmldsig"

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

// Valid tells whether f is a form that a company may choose.
func (f NamespaceForm) Valid() bool { return f == "" || f == FormBoth || f == FormSII }

// namespaces is the one place where the choice takes effect: the start tag of <DTE>, the digest and
// SignedInfo all follow it.
func (f NamespaceForm) namespaces() xmldsig.Namespaces {
	if f == FormSII {
		return xmldsig.SII
	}
	return xmldsig.Both
}
