package exchange

import (
	"timbre/shared/format"
	"timbre/shared/xmldsig"
)

// Kind is what a file is, by the name of its root.
type Kind string

// The kinds that are read (WEBSERVICES 9.2).
const (
	EnvioDTE     Kind = "EnvioDTE"
	EnvioBOLETA  Kind = "EnvioBOLETA"
	DTE          Kind = "DTE" // without an envelope
	RespuestaDTE Kind = "RespuestaDTE"
	EnvioRecibos Kind = "EnvioRecibos"
	// ResultadoEnvio is the SII's mail on an upload: recognised here, read by shared/mailbox/result.
	ResultadoEnvio Kind = "RESULTADO_ENVIO"
	// AEC is a cession: its document is listed, its signatures are checked; there is no table of its schema.
	AEC Kind = "AEC"
)

// signedBy names the element that the outer signature of a kind covers; none in what has no outer signature.
var signedBy = map[Kind]string{
	EnvioDTE: "SetDTE", EnvioBOLETA: "SetDTE", RespuestaDTE: "Resultado", EnvioRecibos: "SetRecibos", AEC: "DocumentoAEC",
	DTE: "", ResultadoEnvio: "",
}

// kindOf is the kind of a root; false where it is none of them, or of a strange namespace.
func kindOf(root *xmldsig.Node) (Kind, bool) {
	k := Kind(root.Local)
	_, known := signedBy[k]
	return k, known && (root.Space == xmldsig.NamespaceSII || root.Space == "")
}

// IsEnvelope tells whether the kind carries documents under a Caratula.
func (k Kind) IsEnvelope() bool { return k == EnvioDTE || k == EnvioBOLETA }

// IsAnswer tells whether the kind answers documents that this company sent; answers are never answered.
func (k Kind) IsAnswer() bool { return k == RespuestaDTE || k == EnvioRecibos || k == ResultadoEnvio }

// schema is the table that the file must obey, nil where there is none.
func (f *File) schema() *format.Element {
	switch {
	case f.Kind == ResultadoEnvio || f.Kind == AEC:
		return nil
	case f.Kind == DTE && f.Documents[0].Type.IsBoleta():
		return format.Root("DTEBoleta")
	}
	return format.Root(string(f.Kind))
}
