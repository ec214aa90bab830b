package dte

import (
	"fmt"
	"strconv"
)

// Type is a kind of document (TipoDTE).
type Type int

// The types of Formato DTE v2.5 (2026-02) and Formato Boletas Electrónicas v4.2 (2025-09-08).
const (
	Factura                Type = 33
	FacturaExenta          Type = 34
	Boleta                 Type = 39
	BoletaExenta           Type = 41
	LiquidacionFactura     Type = 43
	FacturaCompra          Type = 46
	GuiaDespacho           Type = 52
	NotaDebito             Type = 56
	NotaCredito            Type = 61
	FacturaExportacion     Type = 110
	NotaDebitoExportacion  Type = 111
	NotaCreditoExportacion Type = 112
)

// Types lists every type, in the order of their codes.
func Types() []Type {
	return []Type{
		Factura, FacturaExenta, Boleta, BoletaExenta, LiquidacionFactura, FacturaCompra, GuiaDespacho,
		NotaDebito, NotaCredito, FacturaExportacion, NotaDebitoExportacion, NotaCreditoExportacion,
	}
}

// ParseType reads a code such as "33".
func ParseType(s string) (Type, error) {
	n, err := strconv.Atoi(s)
	if err != nil || !Type(n).Valid() {
		return 0, fmt.Errorf("dte: unknown document type %.10q", s)
	}
	return Type(n), nil
}

// Valid tells whether the type is one of Types.
func (t Type) Valid() bool { return kinds[t] != nil }

// Name is the name on paper (Manual de Muestras Impresas v4.0), empty for an unknown type.
func (t Type) Name() string {
	if k := kinds[t]; k != nil {
		return k.name
	}
	return ""
}

// String is the code.
func (t Type) String() string { return strconv.Itoa(int(t)) }

// IsBoleta tells whether the type travels in EnvioBOLETA, on the channel of boletas.
func (t Type) IsBoleta() bool { return t == Boleta || t == BoletaExenta }

// IsNote tells whether the type corrects another document, which it must name (Referencia).
func (t Type) IsNote() bool { return kinds[t] != nil && kinds[t].note }

// kind is what sets the types apart: data, not code.
type kind struct {
	name string
	root string // Root in the format table.
	// places of the amounts: 0 in pesos, 4 in exports (FORMATS 6.7).
	places int
	// exempt: every line is exempt whatever its IndExe (FORMATS 6.2, 6.7).
	exempt bool
	// boleta: gross lines, IVA by subtraction, no TasaIVA (FORMATS 6.4, 12).
	boleta bool
	// signed: lines and totals may be negative (FORMATS 6.9).
	signed bool
	note   bool
}

var kinds = map[Type]*kind{
	Factura:                {name: "FACTURA ELECTRÓNICA", root: "Documento"},
	FacturaExenta:          {name: "FACTURA NO AFECTA O EXENTA ELECTRÓNICA", root: "Documento", exempt: true},
	Boleta:                 {name: "BOLETA ELECTRÓNICA", root: "Boleta", boleta: true},
	BoletaExenta:           {name: "BOLETA NO AFECTA O EXENTA ELECTRÓNICA", root: "Boleta", boleta: true, exempt: true},
	LiquidacionFactura:     {name: "LIQUIDACIÓN FACTURA ELECTRÓNICA", root: "Liquidacion", signed: true},
	FacturaCompra:          {name: "FACTURA DE COMPRA ELECTRÓNICA", root: "Documento"},
	GuiaDespacho:           {name: "GUÍA DE DESPACHO ELECTRÓNICA", root: "Documento"},
	NotaDebito:             {name: "NOTA DE DÉBITO ELECTRÓNICA", root: "Documento", note: true},
	NotaCredito:            {name: "NOTA DE CRÉDITO ELECTRÓNICA", root: "Documento", note: true},
	FacturaExportacion:     {name: "FACTURA DE EXPORTACIÓN ELECTRÓNICA", root: "Exportaciones", places: 4, exempt: true},
	NotaDebitoExportacion:  {name: "NOTA DE DÉBITO DE EXPORTACIÓN ELECTRÓNICA", root: "Exportaciones", places: 4, exempt: true, note: true},
	NotaCreditoExportacion: {name: "NOTA DE CRÉDITO DE EXPORTACIÓN ELECTRÓNICA", root: "Exportaciones", places: 4, exempt: true, note: true},
}
