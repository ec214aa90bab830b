package sii

// What the fuzz targets reach.
var (
	ParseUpload        = parseUpload
	ParseSOAP          = parseSOAP
	ParseEnvelopeState = parseEnvelopeState
	ParseDocumentState = parseDocumentState
	ParseExactState    = parseExactState
	ReadClaimSOAP      = readClaimSOAP
	ReadEvents         = readEvents
)
