package claims

// Code is a codResp of the service.
type Code int

// Codes of the service (manual v1.2; 27 is known from clients only). AlreadyClaimed,
// GoodsClaimed and Internal are never reached by the state machine: see package sii.
const (
	Internal       Code = -1
	Done           Code = 0
	BadIssuer      Code = 1
	BadFolio       Code = 2
	BadType        Code = 3
	BadAction      Code = 4
	AlreadyClaimed Code = 5
	NoReceipt      Code = 6
	Repeated       Code = 7
	TooLate        Code = 8
	NoRecords      Code = 9
	TooOld         Code = 10
	AcceptedBefore Code = 11
	ClaimedBefore  Code = 12
	ReceivedBefore Code = 13
	NotAParty      Code = 14
	Events         Code = 15
	NoEvents       Code = 16
	NotReceiver    Code = 17
	NotReceived    Code = 18
	GoodsClaimed   Code = 19
	NotAssignable  Code = 20
	Annulled       Code = 21
	Nothing        Code = 22
	Assignable     Code = 23
	Claimed        Code = 24
	Lapsed         Code = 25
	PaidOrFree     Code = 27
)

// Texts of the codes. 0, 15 and 23 are recorded, 7, 8 and 27 are quoted by
// clients; the others are ours: only codes may be relied on.
var texts = map[Code]string{
	Internal: "Error interno", Done: "Acción Completada OK", BadIssuer: "Error en RUT emisor", BadFolio: "Error en folio",
	BadType: "Tipo de documento no corresponde", BadAction: "Acción inválida", AlreadyClaimed: "Documento ya reclamado",
	NoReceipt: "No se puede dar acuse de recibo, documento reclamado", Repeated: "Evento registrado previamente",
	TooLate:   "Pasados 8 días después de la recepción no es posible registrar reclamos o eventos.",
	NoRecords: "No hay registros para los parámetros ingresados", TooOld: "Documento no emitido o no recibido en el SII desde el 14-01-2017",
	AcceptedBefore: "No se puede reclamar un documento aceptado", ClaimedBefore: "No se puede aceptar un documento reclamado",
	ReceivedBefore: "No se puede reclamar un documento con acuse de recibo", NotAParty: "Sólo el emisor o el receptor pueden consultar",
	Events: "Listado de eventos del documento", NoEvents: "Documento sin eventos", NotReceiver: "Sólo el receptor puede registrar eventos",
	NotReceived: "Documento no ha sido recibido", GoodsClaimed: "Reclamo de mercaderías ya registrado",
	NotAssignable: "Tipo de documento no cedible", Annulled: "DTE No Cedible, anulado por NC dentro de 8 días",
	Nothing: "DTE sin reclamo ni acuse de recibo", Assignable: "DTE Cedible, sin reclamos", Claimed: "DTE No Cedible, reclamado",
	Lapsed:     "DTE Cedible, pasados 8 días desde la recepción",
	PaidOrFree: "No se puede registrar un evento (acuse de recibo, reclamo o aceptación de contenido) de un DTE pagado al contado o gratuito",
}

// Text is the code's descResp.
func (c Code) Text() string {
	if text, known := texts[c]; known {
		return text
	}
	return "Código no documentado"
}
