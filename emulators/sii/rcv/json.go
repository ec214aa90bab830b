package rcv

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Summary is a row of getResumen (recorded in 2026, Exe from clients).
type Summary struct {
	Type   int    `json:"rsmnTipoDocInteger"`
	Name   string `json:"dcvNombreTipoDoc"`
	Count  int    `json:"rsmnTotDoc"`
	Exempt int64  `json:"rsmnMntExe"`
	Net    int64  `json:"rsmnMntNeto"`
	VAT    int64  `json:"rsmnMntIVA"`
	Total  int64  `json:"rsmnMntTotal"`
}

// Names of the document types in summaries.
var typeNames = map[int]string{
	33: "Factura Electrónica", 34: "Factura No Afecta o Exenta Electrónica", 43: "Liquidación-Factura Electrónica", 56: "Nota de Débito Electrónica",
	61: "Nota de Crédito Electrónica", 110: "Factura de Exportación Electrónica", 111: "Nota de Débito de Exportación Electrónica",
	112: "Nota de Crédito de Exportación Electrónica",
}

// Summarize adds up a book by document type.
func Summarize(rows []Row) []Summary {
	all := []Summary{}
	for _, r := range rows {
		i := slices.IndexFunc(all, func(s Summary) bool { return s.Type == r.Type })
		if i < 0 {
			i, all = len(all), append(all, Summary{Type: r.Type, Name: typeNames[r.Type]})
		}
		s := &all[i]
		s.Count, s.Exempt, s.Net, s.VAT, s.Total = s.Count+1, s.Exempt+r.Exempt, s.Net+r.Net, s.VAT+r.VAT, s.Total+r.Total
	}
	slices.SortFunc(all, func(a, b Summary) int { return cmp.Compare(a.Type, b.Type) })
	return all
}

// Detail is a row of getDetalleCompra or getDetalleVenta.
type Detail struct {
	Header      int64   `json:"dhdrCodigo"`
	Code        int64   `json:"detCodigo"`
	Type        int     `json:"detTipoDoc"`
	RUT         string  `json:"detRutDoc"`
	Digit       string  `json:"detDvDoc"`
	Name        string  `json:"detRznSoc"`
	Folio       int     `json:"detNroDoc"`
	Date        string  `json:"detFchDoc"`
	Received    *string `json:"detFecRecepcion"`
	Receipt     *string `json:"detFecAcuse"`
	Claimed     *string `json:"detFecReclamado"`
	Exempt      int64   `json:"detMntExe"`
	Net         int64   `json:"detMntNeto"`
	VAT         int64   `json:"detMntIVA"`
	Lost        int64   `json:"detMntIVANoRec"`
	LostCode    *int    `json:"detMntCodNoRec"`
	AssetNet    int64   `json:"detMntActFijo"`
	AssetVAT    int64   `json:"detMntIVAActFijo"`
	Common      int64   `json:"detIVAUsoComun"`
	NoCredit    int64   `json:"detMntSinCredito"`
	Total       int64   `json:"detMntTotal"`
	TaxCode     *int    `json:"detTpoImp"`
	TaxRate     *string `json:"detTasaImp"`
	Transaction int     `json:"detTipoTransaccion"`
	State       *string `json:"dcvEstadoContab"`
	By          *string `json:"detEventoReceptor"`
	ByText      *string `json:"detEventoReceptorLeyenda"`
}

// byTexts explain detEventoReceptor.
var byTexts = map[string]string{
	"A": "No reclamado en plazo (recepción automática)", "C": "Recibo otorgado por el receptor", "P": "Forma de Pago al Contado", "R": "Reclamado",
}

// Details are the rows of a book as the web application reads them.
func Details(rows []Row) []Detail {
	all := make([]Detail, len(rows))
	for i, r := range rows {
		all[i] = r.detail(int64(i + 1))
	}
	return all
}

func (r Row) detail(n int64) Detail {
	number, digit, _ := strings.Cut(r.RUT, "-")
	d := Detail{
		Header: 1, Code: n, Type: r.Type, RUT: number, Digit: digit, Name: r.Name, Folio: r.Folio, Date: day(r.Date),
		Received: moment(r.Received), Receipt: moment(r.Receipt), Claimed: moment(r.Claimed),
		Exempt: r.Exempt, Net: r.Net, VAT: r.VAT, Lost: r.lost(), AssetNet: r.asset(r.Net), AssetVAT: r.asset(r.VAT), Common: r.common(),
		Total: r.Total, Transaction: max(r.Transaction, 1), By: text(r.By), ByText: text(byTexts[r.By]),
	}
	if r.Book == Sales {
		d.Lost, d.AssetNet, d.AssetVAT, d.Common = 0, 0, 0, 0
		return d
	}
	d.State, d.VAT = text(string(r.Book)), r.recoverable()
	if code := r.lostCode(); code != 0 {
		d.LostCode = &code
	}
	if len(r.Taxes) > 0 {
		d.TaxCode, d.TaxRate = &r.Taxes[0].Code, text(r.Taxes[0].Rate)
	}
	return d
}

func moment(t time.Time) *string { return text(stamp(t)) }

// text is null where there is none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
