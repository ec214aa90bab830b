package supplier

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/authority"
)

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// latin1 is the encoding of DTEs.
func latin1(text string) ([]byte, error) { return charmap.ISO8859_1.NewEncoder().Bytes([]byte(text)) }

// caf is an authorization with its private key.
type caf struct {
	element string
	key     *rsa.PrivateKey
	last    int // folio
}

var (
	cafElement = regexp.MustCompile(`(?s)<CAF.*</CAF>`)
	cafLast    = regexp.MustCompile(`<H>([0-9]+)</H>`)
	cafKey     = regexp.MustCompile(`(?s)<RSASK>(.*)</RSASK>`)
	gaps       = regexp.MustCompile(`>\s+<`)
)

// loadCAF reads the first CAF of a type in a world.
func loadCAF(world, company string, kind int) (caf, error) {
	paths, err := filepath.Glob(filepath.Join(world, "caf", company, fmt.Sprintf("%d-1-*.xml", kind)))
	if err != nil || len(paths) == 0 {
		return caf{}, errors.Join(err, fmt.Errorf("no CAF of type %d for %s", kind, company))
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		return caf{}, err
	}
	text, err := charmap.ISO8859_1.NewDecoder().String(string(data))
	if err != nil {
		return caf{}, err
	}
	private := cafKey.FindStringSubmatch(text)
	if private == nil {
		return caf{}, fmt.Errorf("%s has no RSASK", paths[0])
	}
	key, err := parseKey([]byte(private[1]))
	c := caf{element: cafElement.FindString(text), key: key}
	if last := cafLast.FindStringSubmatch(c.element); last != nil && err == nil {
		c.last, err = strconv.Atoi(last[1])
	}
	return c, err
}

// Document is what a letter brings, so that tests can plant it at the SII.
type Document struct {
	Issuer    string `json:"issuer"`
	Receiver  string `json:"receiver"`
	Type      int    `json:"type"`
	Folio     int    `json:"folio"`
	Date      string `json:"date"`
	Net       int    `json:"net"`
	VAT       int    `json:"vat"`
	Total     int    `json:"total"`
	Signature string `json:"signature"` // SignatureValue
}

// header is Emisor and Receptor of an invoice of this company.
func (b *Bot) header(to authority.Company, d Document) string {
	return fmt.Sprintf("<Encabezado>\n<IdDoc><TipoDTE>%d</TipoDTE><Folio>%d</Folio><FchEmis>%s</FchEmis></IdDoc>\n", d.Type, d.Folio, d.Date) +
		fmt.Sprintf("<Emisor><RUTEmisor>%s</RUTEmisor><RznSoc>%s</RznSoc><GiroEmis>%s</GiroEmis><Acteco>%d</Acteco><DirOrigen>%s</DirOrigen><CmnaOrigen>Ñuñoa</CmnaOrigen></Emisor>\n",
			b.company.RUT, escape.Replace(b.company.Name), escape.Replace(b.company.Activity), b.company.Acteco, escape.Replace(b.company.Address)) +
		fmt.Sprintf("<Receptor><RUTRecep>%s</RUTRecep><RznSocRecep>%s</RznSocRecep><GiroRecep>%s</GiroRecep><DirRecep>%s</DirRecep><CmnaRecep>Ñuñoa</CmnaRecep></Receptor>\n",
			to.RUT, escape.Replace(to.Name), escape.Replace(to.Activity), escape.Replace(to.Address)) +
		fmt.Sprintf("<Totales><MntNeto>%d</MntNeto><TasaIVA>19</TasaIVA><IVA>%d</IVA><MntTotal>%d</MntTotal></Totales>\n</Encabezado>\n", d.Net, d.VAT, d.Total) +
		fmt.Sprintf("<Detalle><NroLinDet>1</NroLinDet><NmbItem>Pan de ñandú</NmbItem><QtyItem>1</QtyItem><PrcItem>%d</PrcItem><MontoItem>%d</MontoItem></Detalle>\n", d.Net, d.Net)
}

// dte signs and stamps an invoice over 1,000 pesos.
func (b *Bot) dte(to authority.Company, o Order, folio int) (string, Document, error) {
	d := Document{Issuer: b.company.RUT, Receiver: to.RUT, Type: 33, Folio: folio, Date: o.At.Format("2006-01-02"), Net: 1000, VAT: 190, Total: 1190}
	now := o.At.Format("2006-01-02T15:04:05")
	name := []rune(to.Name)
	dd := fmt.Sprintf("<DD><RE>%s</RE><TD>33</TD><F>%d</F><FE>%s</FE><RR>%s</RR><RSR>%s</RSR><MNT>%d</MNT><IT1>Pan de ñandú</IT1>%s<TSTED>%s</TSTED></DD>",
		d.Issuer, folio, d.Date, d.Receiver, escape.Replace(string(name[:min(len(name), 40)])), d.Total, b.caf.element, now)
	stamped, err := latin1(gaps.ReplaceAllString(dd, "><"))
	if err != nil {
		return "", d, fmt.Errorf("stamp: %w", err)
	}
	frmt, err := sign(b.caf.key, stamped)
	if err != nil {
		return "", d, fmt.Errorf("stamp: %w", err)
	}
	id := fmt.Sprintf("F%dT33", folio)
	inner := ` ID="` + id + "\">\n" + b.header(to, d) + `<TED version="1.0">` + dd + `<FRMT algoritmo="SHA1withRSA">` + frmt + "</FRMT></TED>\n<TmstFirma>" + now + "</TmstFirma>\n</Documento>"
	signature, err := b.signer.signature("#"+id, "<Documento "+nsSII+" "+nsXSI+inner)
	if value := signatureValue.FindStringSubmatch(signature); value != nil {
		d.Signature = strings.Join(strings.Fields(value[1]), "")
	}
	return "<DTE " + nsSII + " " + nsXSI + ` version="1.0">` + "\n<Documento" + inner + "\n" + signature + "\n</DTE>", d, err
}

var signatureValue = regexp.MustCompile(`<SignatureValue>([^<]*)</SignatureValue>`)

const rootTag = `<EnvioDTE ` + nsSII + ` ` + nsXSI + ` xsi:schemaLocation="http://www.sii.cl/SiiDte EnvioDTE_v10.xsd" version="1.0">`

// envelope signs DTEs together; receiver is the carátula's.
func (b *Bot) envelope(receiver string, o Order, dtes ...string) (string, error) {
	inner := fmt.Sprintf(` ID="SetDoc">
<Caratula version="1.0">
<RutEmisor>%s</RutEmisor><RutEnvia>%s</RutEnvia><RutReceptor>%s</RutReceptor><FchResol>%s</FchResol><NroResol>0</NroResol><TmstFirmaEnv>%s</TmstFirmaEnv>
<SubTotDTE><TpoDTE>33</TpoDTE><NroDTE>%d</NroDTE></SubTotDTE>
</Caratula>
%s
</SetDTE>`, b.company.RUT, b.signer.rut, receiver, b.company.FchResol, o.At.Format("2006-01-02T15:04:05"), len(dtes), strings.Join(dtes, "\n"))
	// Inside SetDTE both namespaces are in scope: a DTE prints without them.
	canonical := "<SetDTE " + nsSII + " " + nsXSI + strings.ReplaceAll(inner, "<DTE "+nsSII+" "+nsXSI+" ", "<DTE ")
	signature, err := b.signer.signature("#SetDoc", canonical)
	return prolog + rootTag + "\n<SetDTE" + inner + "\n" + signature + "\n</EnvioDTE>", err
}

const prolog = `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n"
