// Package amount holds the numbers of tax documents: exact decimals of at most 18 significant
// digits. Money, quantities, prices, percentages and rates of exchange are all a Decimal; what they
// differ in is the number of places, which the SII's types state:
//
//	pesos             0 places   MontoType, ValorType (SiiTypes_v10.xsd)
//	percentages       2 places   PctType
//	export amounts    4 places   Dec14_4Type
//	quantity, price   6 places   Dec12_6Type
//
// There is no binary floating point here, and there must be none in what uses it. Results that do
// not fit are errors (ErrRange), never wrapped numbers.
//
// Rounding is half away from zero, as the SII computes: 1,350 × 19 % = 256.5 is 257 pesos
// (FORMATS of the reference folder, section 6; Formato DTE v2.5 (2026-02), field IVA). Common
// decimal libraries round half to even and give 256.
package amount
