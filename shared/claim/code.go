package claim

// Code is a codResp of the service.
type Code int

// The codes of the service (manual v1.2; 27 is known from clients only).
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
	ReceiptBefore  Code = 13
	NotAParty      Code = 14
	Listed         Code = 15
	NoEvents       Code = 16
	NotReceiver    Code = 17
	NotReceived    Code = 18
	GoodsClaimed   Code = 19
	NotAssignable  Code = 20
	Annulled       Code = 21
	Nothing        Code = 22
	Assignable     Code = 23
	ClaimedSo      Code = 24 // not assignable for that
	Lapsed         Code = 25
	PaidOrFree     Code = 27
)

// Meaning says what to do about an answer.
type Meaning int

// The meanings.
const (
	// Undocumented: 26, 28 and above. Only the list of events tells what became of it.
	Undocumented Meaning = iota
	// Recorded: the event is in the register, now or before.
	Recorded
	// Told: the answer to a question.
	Told
	// Refused: for what was entered before, or since the document or the action is none for the register.
	Refused
	// Closed: nothing can be entered any more, or ever.
	Closed
	// Forbidden: the person has no permission in the company at the SII.
	Forbidden
	// Later: the SII does not know the document yet, or failed.
	Later
)

// entry is a row of the table.
type entry struct {
	meaning Meaning
	text    string // for the user
}

// table is that of WEBSERVICES §8. The texts are ours: the SII's glosas come with broken accents and are shown as
// they are beside them.
var table = map[Code]entry{
	Internal:       {Later, "El SII tuvo un error interno."},
	Done:           {Recorded, "El SII registró la respuesta."},
	BadIssuer:      {Refused, "El SII no reconoce el RUT del emisor."},
	BadFolio:       {Refused, "El SII no reconoce el folio."},
	BadType:        {Refused, "El registro de aceptación o reclamo no admite este tipo de documento: solo 33, 34 y 43."},
	BadAction:      {Refused, "El SII no reconoce la acción."},
	AlreadyClaimed: {Refused, "El documento ya fue reclamado."},
	NoReceipt:      {Refused, "El documento fue reclamado, por lo que no se puede dar acuse de recibo."},
	Repeated:       {Recorded, "La respuesta ya estaba registrada en el SII."},
	TooLate:        {Closed, "Pasaron los ocho días desde la recepción en el SII: el documento se da por aceptado."},
	NoRecords:      {Later, "El SII no tiene registros de este documento: no lo ha recibido todavía o los datos son otros."},
	TooOld:         {Refused, "El documento es anterior al registro de aceptación o reclamo (14-01-2017)."},
	AcceptedBefore: {Refused, "El contenido del documento ya fue aceptado, por lo que no se puede reclamar."},
	ClaimedBefore:  {Refused, "El documento fue reclamado, por lo que no se puede aceptar su contenido."},
	ReceiptBefore:  {Refused, "Ya se dio acuse de recibo del documento, por lo que no se puede reclamar."},
	NotAParty:      {Forbidden, "Solo el emisor, el receptor o el tenedor vigente pueden consultar el documento: el titular del certificado no tiene permiso en la empresa."},
	Listed:         {Told, "El documento tiene eventos."},
	NoEvents:       {Told, "El documento no tiene eventos."},
	NotReceiver:    {Forbidden, "Solo el receptor puede responder: el titular del certificado no tiene permiso en la empresa receptora."},
	NotReceived:    {Later, "El SII todavía no ha recibido el documento."},
	GoodsClaimed:   {Recorded, "El reclamo por falta de mercaderías ya estaba registrado en el SII."},
	NotAssignable:  {Told, "El tipo de documento no es cedible."},
	Annulled:       {Told, "No es cedible: una nota de crédito lo anuló dentro de los ocho días."},
	Nothing:        {Told, "No tiene reclamos ni acuse de recibo."},
	Assignable:     {Told, "Es cedible: no tiene reclamos."},
	ClaimedSo:      {Told, "No es cedible: fue reclamado."},
	Lapsed:         {Told, "Es cedible: pasaron los ocho días desde la recepción."},
	PaidOrFree:     {Closed, "El documento fue pagado al contado o es gratuito: el SII no admite respuestas."},
}

// Meaning tells what to do about the answer. GoodsClaimed speaks of a claim of goods: see Of.
func (c Code) Meaning() Meaning { return table[c].meaning }

// Text explains the answer in Spanish.
func (c Code) Text() string {
	if e, known := table[c]; known {
		return e.text
	}
	return "El SII respondió con un código que no está documentado."
}

// Of is the meaning for the action that was entered: that a claim of goods is registered answers only a claim of
// goods.
func (c Code) Of(a Action) Meaning {
	if c == GoodsClaimed && a != RFP && a != RFT {
		return Refused
	}
	return c.Meaning()
}
