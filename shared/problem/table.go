package problem

import "net/http"

// Code names a problem, the last part of its type URN. Clients branch on it.
type Code string

// The codes of the API.
const (
	UnreadableBody        Code = "unreadable-body"
	InvalidParameter      Code = "invalid-parameter"
	IdempotencyKeyMissing Code = "idempotency-key-missing"
	IdempotencyKeyInvalid Code = "idempotency-key-invalid"
	Unauthorized          Code = "unauthorized"
	Forbidden             Code = "forbidden"
	NotFound              Code = "not-found"
	CompanyUnknown        Code = "company-unknown"
	MethodNotAllowed      Code = "method-not-allowed"
	FolioUsed             Code = "folio-used"
	FolioExhausted        Code = "folio-exhausted"
	FolioOutOfRange       Code = "folio-out-of-range"
	RequestInProgress     Code = "request-in-progress"
	ReservationExpired    Code = "reservation-expired"
	NotReplaceable        Code = "not-replaceable"
	CertificateMissing    Code = "certificate-missing"
	ResolutionMissing     Code = "resolution-missing"
	BodyTooLarge          Code = "body-too-large"
	UnsupportedMediaType  Code = "unsupported-media-type"
	InvalidDocument       Code = "invalid-document"
	InvalidRequest        Code = "invalid-request"
	TotalsDiffer          Code = "totals-differ"
	IdempotencyMismatch   Code = "idempotency-mismatch"
	RateLimited           Code = "rate-limited"
	Internal              Code = "internal"
	Unavailable           Code = "unavailable"

	MailboxMissing     Code = "mailbox-missing"
	MailboxUnusable    Code = "mailbox-unusable"
	MailServerMissing  Code = "mail-server-missing"
	ReceivedUnreadable Code = "received-unreadable"

	NotAtSII        Code = "not-at-sii"
	ClaimImpossible Code = "claim-impossible"
	ClaimClosed     Code = "claim-closed"
	SIIPermission   Code = "sii-permission"

	OutboxNotEmpty Code = "outbox-not-empty"
	StandbyMissing Code = "standby-missing"
	FolioForeign   Code = "folio-foreign"
	ExportTooLarge Code = "export-too-large"

	CAFMissing          Code = "caf-missing"
	CAFExpired          Code = "caf-expired"
	CAFOverlap          Code = "caf-overlap"
	CAFMalformed        Code = "caf-malformed"
	CAFTooLarge         Code = "caf-too-large"
	CAFUnknownIDK       Code = "caf-unknown-idk"
	CAFBadSignature     Code = "caf-bad-signature"
	CAFUnsupportedType  Code = "caf-unsupported-type"
	CAFBadRange         Code = "caf-bad-range"
	CAFNoPrivateKey     Code = "caf-no-private-key"
	CAFKeyMismatch      Code = "caf-key-mismatch"
	CAFOtherCompany     Code = "caf-other-company"
	CAFOtherEnvironment Code = "caf-other-environment"

	CertificateMalformed   Code = "certificate-malformed"
	CertificatePassword    Code = "certificate-password"
	CertificateWithoutKey  Code = "certificate-without-key"
	CertificateNotRSA      Code = "certificate-not-rsa"
	CertificateKeyTooSmall Code = "certificate-key-too-small"
	CertificateExpired     Code = "certificate-expired"
	CertificateNotYetValid Code = "certificate-not-yet-valid"
	CertificateWithoutRUT  Code = "certificate-without-rut"
	CertificateOtherSigner Code = "certificate-other-signer"
)

// entry is what a code stands for; detail serves where the fault itself gives none.
type entry struct {
	status        int
	title, detail string
}

// table is the only place that ties a code to its status and its words.
var table = map[Code]entry{
	UnreadableBody:        {http.StatusBadRequest, "Solicitud ilegible", "El cuerpo de la solicitud no es JSON válido en UTF-8."},
	InvalidParameter:      {http.StatusBadRequest, "Parámetro inválido", "Un parámetro de la solicitud no es válido."},
	IdempotencyKeyMissing: {http.StatusBadRequest, "Falta Idempotency-Key", "Envíe el encabezado Idempotency-Key con una clave propia de este documento."},
	IdempotencyKeyInvalid: {http.StatusBadRequest, "Idempotency-Key inválida", "La clave debe tener entre 1 y 200 caracteres ASCII imprimibles."},
	Unauthorized:          {http.StatusUnauthorized, "Credencial ausente o inválida", "Envíe una clave válida en el encabezado Authorization: Bearer."},
	Forbidden:             {http.StatusForbidden, "Sin permiso", "La credencial no permite esta operación."},
	NotFound:              {http.StatusNotFound, "No encontrado", "No existe lo que se pide."},
	CompanyUnknown:        {http.StatusNotFound, "Empresa no registrada", "La empresa no está registrada en este servicio."},
	MethodNotAllowed:      {http.StatusMethodNotAllowed, "Método no permitido", "La dirección no acepta este método."},
	FolioUsed:             {http.StatusConflict, "Folio ya usado", "El folio pedido ya fue usado."},
	FolioExhausted:        {http.StatusConflict, "Sin folios disponibles", "No quedan folios disponibles. Cargue un nuevo CAF."},
	FolioOutOfRange:       {http.StatusConflict, "Folio fuera de rango", "Ningún CAF vigente de la empresa autoriza el folio pedido."},
	RequestInProgress:     {http.StatusConflict, "Solicitud en curso", "Otra solicitud con la misma clave aún está en curso. Repita en unos segundos."},
	ReservationExpired:    {http.StatusConflict, "Reserva vencida", "La reserva del folio venció y el folio quedó libre."},
	NotReplaceable:        {http.StatusConflict, "Documento no reemplazable", "Sólo se reemplaza un documento que el SII rechazó antes de consumir su folio."},
	CertificateMissing:    {http.StatusConflict, "Sin certificado digital", "La empresa no tiene certificado digital en este ambiente."},
	ResolutionMissing:     {http.StatusConflict, "Sin resolución", "La empresa no tiene fecha y número de resolución en este ambiente."},
	BodyTooLarge:          {http.StatusRequestEntityTooLarge, "Solicitud demasiado grande", "El cuerpo de la solicitud excede el máximo permitido."},
	UnsupportedMediaType:  {http.StatusUnsupportedMediaType, "Tipo de contenido no admitido", "El encabezado Content-Type no corresponde a esta operación."},
	InvalidDocument:       {http.StatusUnprocessableEntity, "Documento inválido", "El documento tiene errores; ninguno de ellos usó un folio."},
	InvalidRequest:        {http.StatusUnprocessableEntity, "Solicitud inválida", "La solicitud tiene errores."},
	TotalsDiffer:          {http.StatusUnprocessableEntity, "Los totales difieren", "Los totales esperados no coinciden con los calculados."},
	IdempotencyMismatch:   {http.StatusUnprocessableEntity, "Clave usada con otro contenido", "La clave Idempotency-Key ya se usó con otra solicitud."},
	RateLimited:           {http.StatusTooManyRequests, "Demasiadas solicitudes", "Espere el tiempo indicado en Retry-After y repita."},
	Internal:              {http.StatusInternalServerError, "Error interno", "Ocurrió un error imprevisto. Repita la misma solicitud; si persiste, informe el request_id."},
	Unavailable:           {http.StatusServiceUnavailable, "Servicio no disponible", "El servicio no está disponible por el momento. Repita la misma solicitud."},

	MailboxMissing:     {http.StatusConflict, "Sin casilla de intercambio", "La empresa no tiene casilla de intercambio (intercambio.imap) o falta su clave."},
	MailServerMissing:  {http.StatusConflict, "Sin servidor de correo", "La empresa no tiene servidor de envío (intercambio.smtp) o casilla (intercambio.email)."},
	MailboxUnusable:    {http.StatusConflict, "Casilla inaccesible", "No se puede leer la casilla de intercambio con la configuración actual."},
	ReceivedUnreadable: {http.StatusUnprocessableEntity, "Archivo ilegible", "Lo enviado no es un XML de intercambio ni un correo."},

	NotAtSII:        {http.StatusConflict, "El SII no tiene este documento", "No se acepta ni se reclama un documento que el SII no tiene, o que tiene con otros datos."},
	ClaimImpossible: {http.StatusConflict, "Respuesta imposible", "El registro de aceptación o reclamo del SII no admite esta respuesta para el documento."},
	ClaimClosed:     {http.StatusConflict, "Plazo cerrado", "El SII ya no admite respuestas para el documento."},
	SIIPermission:   {http.StatusConflict, "Sin permiso en el SII", "El SII no acepta al titular del certificado de la empresa para esta operación."},

	OutboxNotEmpty: {http.StatusConflict, "Quedan documentos por enviar", "Hay documentos firmados que aún no salen al SII. Repita cuando se hayan enviado."},
	StandbyMissing: {http.StatusConflict, "Sin certificado de reserva", "La empresa no tiene certificado de reserva en este ambiente."},
	FolioForeign:   {http.StatusConflict, "Folio ajeno", "El folio no es de los CAF cargados de la empresa, o ya lleva otro documento."},
	ExportTooLarge: {http.StatusUnprocessableEntity, "Exportación demasiado grande", "Acote el período con from y to."},

	CAFMissing:          {http.StatusConflict, "Sin CAF", "La empresa no tiene un CAF para este tipo de documento en este ambiente."},
	CAFExpired:          {http.StatusConflict, "CAF vencido", "El CAF venció a los seis meses de su autorización (Res. Ex. SII 58 de 2017). Solicite uno nuevo al SII."},
	CAFOverlap:          {http.StatusConflict, "Folios ya cargados", "El rango de folios se cruza con el de otro CAF de la empresa."},
	CAFMalformed:        {http.StatusUnprocessableEntity, "CAF ilegible", "El archivo no es un CAF completo. Descárguelo otra vez del SII y cárguelo sin modificarlo."},
	CAFTooLarge:         {http.StatusRequestEntityTooLarge, "CAF demasiado grande", "El archivo es más grande que cualquier CAF."},
	CAFUnknownIDK:       {http.StatusUnprocessableEntity, "CAF de origen desconocido", "El CAF no está firmado con una clave conocida del SII (IDK)."},
	CAFBadSignature:     {http.StatusUnprocessableEntity, "Firma del CAF inválida", "La firma del SII (FRMA) no corresponde al contenido: el archivo fue modificado."},
	CAFUnsupportedType:  {http.StatusUnprocessableEntity, "Tipo de documento no admitido", "El CAF es de un tipo de documento que este servicio no emite."},
	CAFBadRange:         {http.StatusUnprocessableEntity, "Rango de folios inválido", "El rango de folios del CAF no es válido."},
	CAFNoPrivateKey:     {http.StatusUnprocessableEntity, "CAF sin clave privada", "El archivo no trae la clave privada (RSASK)."},
	CAFKeyMismatch:      {http.StatusUnprocessableEntity, "Claves del CAF no corresponden", "La clave privada del archivo no es la del CAF."},
	CAFOtherCompany:     {http.StatusUnprocessableEntity, "CAF de otra empresa", "El CAF fue autorizado a otro RUT."},
	CAFOtherEnvironment: {http.StatusUnprocessableEntity, "CAF de otro ambiente", "El CAF es de otro ambiente del SII (IDK 100: certificación; IDK 300: producción)."},

	CertificateMalformed:   {http.StatusUnprocessableEntity, "Certificado ilegible", "El archivo no es un PFX (PKCS#12) que se pueda leer."},
	CertificatePassword:    {http.StatusUnprocessableEntity, "Clave del certificado incorrecta", "La clave no abre el archivo PFX."},
	CertificateWithoutKey:  {http.StatusUnprocessableEntity, "Certificado sin clave privada", "El archivo PFX no trae clave privada. Expórtelo otra vez incluyéndola."},
	CertificateNotRSA:      {http.StatusUnprocessableEntity, "Certificado que no es RSA", "El SII sólo acepta firmas RSA."},
	CertificateKeyTooSmall: {http.StatusUnprocessableEntity, "Clave demasiado corta", "La clave RSA del certificado debe tener al menos 1024 bits."},
	CertificateExpired:     {http.StatusUnprocessableEntity, "Certificado vencido", "El certificado digital venció."},
	CertificateNotYetValid: {http.StatusUnprocessableEntity, "Certificado aún no vigente", "La vigencia del certificado digital no ha comenzado."},
	CertificateWithoutRUT:  {http.StatusUnprocessableEntity, "Certificado sin RUT", "El certificado no indica el RUT del firmante; indíquelo en signer_rut."},
	CertificateOtherSigner: {http.StatusUnprocessableEntity, "Certificado de otro firmante", "El RUT del certificado no es el indicado en signer_rut."},
}

// Codes lists every code that the API may answer, for its reference page.
func Codes() []Code {
	codes := make([]Code, 0, len(table))
	for code := range table {
		codes = append(codes, code)
	}
	return codes
}

// Status is the HTTP status of a code, 500 if the table does not know it.
func (c Code) Status() int { return c.entry().status }

// Title is the Spanish title of a code.
func (c Code) Title() string { return c.entry().title }

func (c Code) entry() entry {
	if e, found := table[c]; found {
		return e
	}
	return table[Internal]
}
