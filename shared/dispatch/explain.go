package dispatch

import (
	"strconv"

	"timbre/shared/document"
	"timbre/shared/event"
)

// meaning says in Spanish what a refusal of the whole envelope means and what mends it, by the STATUS of
// the upload (OI2003_UPDTE_MDE 1.5) or the ESTADO of QueryEstUp.
type meaning struct{ text, cure string }

var meanings = map[string]meaning{
	"1":   {"El firmante no tiene permiso para enviar por la empresa", "En el SII, Mantención de usuarios (facturación de mercado): otorgar «Enviar documentos» y «Firmar documentos» al firmante; luego liberar los envíos"},
	"2":   {"El SII rechazó el archivo por su tamaño", "Revisar el documento"},
	"3":   {"El SII recibió el archivo truncado más de una vez", "Informar a soporte; luego liberar los envíos"},
	"4":   {"El SII dice que faltan parámetros en el envío", "Informar a soporte; luego liberar los envíos"},
	"5":   {"El SII no reconoce la autenticación del firmante", "Revisar el certificado y los permisos del firmante en el SII; luego liberar los envíos"},
	"6":   {"La empresa no está autorizada a enviar documentos en este ambiente", "Completar la autorización de la empresa en el SII; luego liberar los envíos"},
	"7":   {"El SII rechazó el archivo por su esquema", "Corregir el documento y reemplazarlo con el mismo folio"},
	"8":   {"El SII rechazó la firma del archivo", "Reemplazar el documento con el mismo folio"},
	"RSC": {"Envío rechazado por error de esquema", "Corregir el documento y reemplazarlo con el mismo folio"},
	"RFR": {"Envío rechazado por error de firma", "Reemplazar el documento con el mismo folio"},
	"RCO": {"Envío rechazado por consistencia", "Corregir el documento y reemplazarlo con el mismo folio"},
	"RCT": {"Envío rechazado por error en la carátula", "Corregir la fecha o el número de resolución de la empresa en este ambiente; el envío se repite solo"},
	"106": {"El firmante no tiene permiso de envío", "En el SII, Mantención de usuarios (facturación de mercado): otorgar «Enviar documentos» al firmante; luego liberar los envíos"},

	CodeLogin:       {"El SII no acepta el certificado del firmante", "Registrar el certificado en el SII o cargar otro; el envío se repite solo con un certificado nuevo"},
	CodeCertificate: {"El certificado de la empresa no puede firmar", "Cargar un certificado vigente; el envío se repite solo"},
	CodeLocal:       {"El documento guardado no se puede enviar", "Informar a soporte"},
}

// Codes of refusals that are our own, before anything was uploaded.
const (
	CodeLogin       = "LOGIN"
	CodeCertificate = "CERTIFICADO"
	CodeLocal       = "ARCHIVO"
)

func explain(r Refusal) document.Detail {
	m := meanings[r.Code]
	text := m.text
	if r.Glosa != "" {
		text += ": " + r.Glosa
	}
	return document.Detail{Code: r.Code, Level: 3, Text: text, Cause: m.text, Cure: m.cure}
}

// Note says a refusal in one line of a document's history.
func (r Refusal) Note() string {
	if text := meanings[r.Code].text; text != "" {
		return text + " (" + r.Code + ")"
	}
	return "Envío rechazado (" + r.Code + ")"
}

// uploads tells of the attempts that have ended, as evidence.
func (p *Plan) uploads() []Evidence {
	var all []Evidence
	for _, a := range p.Attempts {
		if a.Result == "" {
			continue
		}
		e := Evidence{
			At: a.At, Kind: KindUpload, Envelope: p.Number, Attempt: a.ID, SHA256: a.SHA256, Track: a.Track,
			Answer: a.Answer, AnswerSHA256: a.AnswerSHA256, Note: string(a.Result),
		}
		if a.Status != nil {
			e.Code = strconv.Itoa(*a.Status)
		}
		all = append(all, e)
	}
	return all
}

// refusal tells of the refusal of the whole envelope and of what is done about it, as evidence.
func (p *Plan) refusal(next event.Status) Evidence {
	return Evidence{
		At: p.Refusal.At, Kind: KindDecision, Envelope: p.Number, Code: p.Refusal.Code,
		Track: p.Refusal.Track, Answer: p.Refusal.Answer, AnswerSHA256: hash(p.Refusal.Answer),
		Note: p.Refusal.Note() + " → " + string(next),
	}
}
