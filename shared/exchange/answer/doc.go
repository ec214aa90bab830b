// Package answer writes what a receiver answers a supplier: the RespuestaDTE that acknowledges envelopes or accepts and
// rejects documents, and the EnvioRecibos that declares goods received. Package exchange reads such answers, and says by
// what was found in an envelope which Reception it deserves.
//
//	WriteReceptions   RespuestaDTE with RecepcionEnvio
//	WriteDecisions    RespuestaDTE with ResultadoDTE
//	WriteReceipts     EnvioRecibos
//
// What is written was read back before it is handed out: its schema and its signatures hold.
//
// Sources: SII, Instructivo técnico de emisión (2021-10-28), intercambio; RespuestaEnvioDTE_v10.xsd,
// EnvioRecibos_v10.xsd; Ley 19.983. FORMATS in comments is the project's digest of these.
package answer
