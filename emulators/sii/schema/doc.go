// Package schema judges the form of an envelope, and of an answer to one, as the SII's schemas do: which
// elements, in which order, how often, with which values.
//
// It reads table.txt, a list of facts drawn from EnvioDTE_v10, DTE_v10,
// SiiTypes_v10, xmldsignature_v10 (2026-02), EnvioBOLETA_v11, RespuestaEnvioDTE_v10 and EnvioRecibos_v10 by the command
// in gen. The texts follow the messages of the SII's own (Oracle) parser where
// one was seen (LSX-00213, LSX-00265, LSX-00290, LSX-00291); others carry no
// number, since none may be invented.
package schema
