package judge

import (
	"slices"
	"strconv"
	"strings"
)

// Book is what the SII's register of purchases and sales keeps of a document, in
// whole pesos.
type Book struct {
	IssuerName   string    `json:"issuer_name"`
	ReceiverName string    `json:"receiver_name"`
	Payment      string    `json:"fma_pago"`        // FmaPago
	Purchase     string    `json:"tpo_tran_compra"` // TpoTranCompra
	Sale         string    `json:"tpo_tran_venta"`  // TpoTranVenta
	Exempt       int64     `json:"exempt"`
	Net          int64     `json:"net"`
	VAT          int64     `json:"vat"`
	NotWithheld  int64     `json:"vat_not_withheld"` // IVANoRet
	Total        int64     `json:"total"`
	Taxes        []BookTax `json:"taxes"`
	Reference    string    `json:"reference"` // type of the first document referred to
	Folios       []string  `json:"folios"`    // folios referred to of that type
}

// BookTax is one of the other taxes (Totales/ImptoReten).
type BookTax struct {
	Code   int    `json:"code"`
	Rate   string `json:"rate"`
	Amount int64  `json:"amount"`
}

// Book reads what the registers keep.
func (d *Document) Book() Book {
	const totals = "Encabezado/Totales/"
	b := Book{
		IssuerName: d.IssuerName, ReceiverName: d.ReceiverName, Payment: d.get("Encabezado/IdDoc/FmaPago"),
		Purchase: d.get("Encabezado/IdDoc/TpoTranCompra"), Sale: d.get("Encabezado/IdDoc/TpoTranVenta"),
		Exempt: wholeAmount(d.get(totals + "MntExe")), Net: wholeAmount(d.get(totals + "MntNeto")), VAT: wholeAmount(d.VAT),
		NotWithheld: wholeAmount(d.get(totals + "IVANoRet")), Total: wholeAmount(d.Total), Taxes: d.otherTaxes(),
	}
	for _, ref := range d.References {
		if _, err := strconv.Atoi(ref.Type); err != nil || b.Reference != "" && b.Reference != ref.Type {
			continue
		}
		b.Reference = ref.Type
		if !slices.Contains(b.Folios, ref.Folio) {
			b.Folios = append(b.Folios, ref.Folio)
		}
	}
	return b
}

func (d *Document) otherTaxes() []BookTax {
	var taxes []BookTax
	totals := find(d.content, "Encabezado/Totales")
	if totals == nil {
		return nil
	}
	for _, el := range totals.SelectElements("ImptoReten") {
		taxes = append(taxes, BookTax{Code: number(get(el, "TipoImp")), Rate: get(el, "TasaImp"), Amount: wholeAmount(get(el, "MontoImp"))})
	}
	return taxes
}

// wholeAmount reads an amount and drops the decimals that exports have; no amount is 0.
func wholeAmount(text string) int64 {
	whole, _, _ := strings.Cut(strings.TrimSpace(text), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
