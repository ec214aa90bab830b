package supplier_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/supplier"
)

const (
	namespaces  = ` xmlns="http://www.sii.cl/SiiDte" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	declaration = "El acuse de recibo que se declara en este acto, de acuerdo a lo dispuesto en la letra b) del Art. 4, y la letra c) del Art. 5 de la Ley 19.983, acredita que la entrega de mercaderias o servicio(s) prestado(s) ha(n) sido recibido(s)."
)

// customer writes answers by hand, as company a of the world.
type customer struct {
	testing.TB
	world  string
	a, b   authority.Company
	letter supplier.Letter
	// before changes the text that is signed, after what was signed, mail the whole mail.
	before, after, mail []string
}

func (c customer) sign(element, id, inner string) string {
	c.Helper()
	inner = strings.NewReplacer(c.before...).Replace(inner)
	start := "<" + element + namespaces + ` ID="` + id + `">`
	signature, err := supplier.SignAs(c.world, c.a.ID, c.a.Signer.RUT, "#"+id, start+strings.ReplaceAll(inner, "<Recibo"+namespaces, "<Recibo")+"</"+element+">")
	if err != nil {
		c.Fatal(err)
	}
	return "<" + element + ` ID="` + id + `">` + inner + "</" + element + ">" + signature
}

func (c customer) named(kind string, d supplier.Document) string {
	return fmt.Sprintf("<%s>%d</%s><Folio>%d</Folio><FchEmis>%s</FchEmis><RUTEmisor>%s</RUTEmisor><RUTRecep>%s</RUTRecep><MntTotal>%d</MntTotal>",
		kind, d.Type, kind, d.Folio, d.Date, d.Issuer, d.Receiver, d.Total)
}

func (c customer) response(details string) string {
	inner := fmt.Sprintf(`<Caratula version="1.0"><RutResponde>%s</RutResponde><RutRecibe>%s</RutRecibe><IdRespuesta>7</IdRespuesta><NroDetalles>1</NroDetalles><TmstFirmaResp>2026-11-20T12:00:00</TmstFirmaResp></Caratula>`, c.a.RUT, c.b.RUT) + details
	return "<RespuestaDTE" + namespaces + ` xsi:schemaLocation="http://www.sii.cl/SiiDte RespuestaEnvioDTE_v10.xsd" version="1.0">` + c.sign("Resultado", "R7", inner) + "</RespuestaDTE>"
}

func (c customer) reception() string {
	e := c.letter.Envelopes[0]
	d := e.Documents[0]
	return c.response(fmt.Sprintf(`<RecepcionEnvio><NmbEnvio>EnvioDTE.xml</NmbEnvio><FchRecep>2026-11-20T12:00:00</FchRecep><CodEnvio>3</CodEnvio><EnvioDTEID>%s</EnvioDTEID><Digest>%s</Digest><RutEmisor>%s</RutEmisor><RutReceptor>%s</RutReceptor><EstadoRecepEnv>0</EstadoRecepEnv><RecepEnvGlosa>Envío Recibido Conforme</RecepEnvGlosa><NroDTE>1</NroDTE><RecepcionDTE>%s<EstadoRecepDTE>0</EstadoRecepDTE><RecepDTEGlosa>DTE Recibido OK</RecepDTEGlosa></RecepcionDTE></RecepcionEnvio>`,
		e.ID, e.Digest, c.b.RUT, c.a.RUT, c.named("TipoDTE", d)))
}

func (c customer) result() string {
	return c.response("<ResultadoDTE>" + c.named("TipoDTE", c.letter.Documents[0]) + "<CodEnvio>3</CodEnvio><EstadoDTE>2</EstadoDTE><EstadoDTEGlosa>Ley 19.983: no se entregó</EstadoDTEGlosa></ResultadoDTE>")
}

func (c customer) receipts() string {
	one := "<Recibo" + namespaces + ` version="1.0">` + c.sign("DocumentoRecibo", "T33", c.named("TipoDoc", c.letter.Documents[0])+"<Recinto>Bodega</Recinto><RutFirma>"+c.a.Signer.RUT+"</RutFirma><Declaracion>"+declaration+"</Declaracion><TmstFirmaRecibo>2026-11-20T12:00:00</TmstFirmaRecibo>") + "</Recibo>"
	head := fmt.Sprintf(`<Caratula version="1.0"><RutResponde>%s</RutResponde><RutRecibe>%s</RutRecibe><TmstFirmaEnv>2026-11-20T12:00:00</TmstFirmaEnv></Caratula>`, c.a.RUT, c.b.RUT)
	return "<EnvioRecibos" + namespaces + ` xsi:schemaLocation="http://www.sii.cl/SiiDte EnvioRecibos_v10.xsd" version="1.0">` + c.sign("SetRecibos", "SetRecibos", head+one) + "</EnvioRecibos>"
}

// post wraps an answer in a mail.
func (c customer) post(id, xml string) []byte {
	c.Helper()
	text := strings.NewReplacer(c.after...).Replace(`<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n" + xml)
	latin, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(text))
	if err != nil {
		c.Fatal(err)
	}
	mail := "Return-Path: <x>\r\nFrom: dte@empresa.example\r\nTo: envios@proveedor.example\r\nSubject: Acuse\r\nDate: Fri, 20 Nov 2026 12:00:00 -0300\r\nMessage-ID: <" + id + ">\r\n" +
		"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nhola\r\n--x\r\n" +
		"Content-Type: text/xml\r\nContent-Disposition: attachment; filename=\"r.xml\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(latin) + "\r\n--x--\r\n"
	return []byte(strings.NewReplacer(c.mail...).Replace(mail))
}

// TestOffice shares one world, whose keys take long to make.
func TestOffice(t *testing.T) {
	t.Parallel()
	dir, _, order := made(t)
	for name, test := range map[string]func(*testing.T, string, supplier.Order){
		"accepts": testAccepts, "complains": testComplains, "exactly once": testExactlyOnce, "unreadable": testUnreadable,
	} {
		t.Run(name, func(t *testing.T) { test(t, dir, order) })
	}
}

// openOffice is an office that has sent one letter, and its customer.
func openOffice(t *testing.T, dir string, order supplier.Order, oddity string) (*supplier.Office, customer) {
	t.Helper()
	office, err := supplier.NewOffice(dir, "b")
	if err != nil {
		t.Fatal(err)
	}
	odds := supplier.Oddities()
	odd := odds[slices.IndexFunc(odds, func(o supplier.Oddity) bool { return o.Name == oddity })]
	letter, err := office.Write(odd, order)
	if err != nil {
		t.Fatal(err)
	}
	companies := authority.DefaultCompanies()
	return office, customer{TB: t, world: dir, a: companies[0], b: companies[1], letter: letter}
}

// Right answers are accepted: the technical one, a commercial one, a receipt, and mails that are none.
func testAccepts(t *testing.T, dir string, order supplier.Order) {
	t.Helper()
	office, c := openOffice(t, dir, order, "plain")
	other := c
	other.before = []string{"<IdRespuesta>7<", "<IdRespuesta>8<"}
	first := c.post("1@a", c.reception())
	report := office.Judge([][]byte{[]byte("Subject: hola\r\n\r\nhola"), first, other.post("2@a", other.result()), c.post("3@a", c.receipts()), first})
	if !report.Accepted() || len(report.Answers) != 3 || report.Answers[0].Copies != 2 {
		t.Errorf("report %+v", report)
	}
	kinds := []string{report.Answers[0].Kind, report.Answers[1].Kind, report.Answers[2].Kind}
	if !slices.Equal(kinds, []string{"RecepcionEnvio", "ResultadoDTE", "EnvioRecibos"}) {
		t.Errorf("kinds %v", kinds)
	}
	if office.Judge(nil).Accepted() {
		t.Error("an envelope without answer is accepted")
	}
}

// Each fault of an answer is told.
func testComplains(t *testing.T, dir string, order supplier.Order) {
	t.Helper()
	reception, result, receipts := customer.reception, customer.result, customer.receipts
	tests := map[string]struct {
		write               func(customer) string
		before, after, mail []string
		want                string
	}{
		"changed after signing":     {reception, nil, []string{"DTE Recibido OK", "DTE recibido"}, nil, "signature"},
		"schema":                    {reception, []string{"<CodEnvio>3</CodEnvio>", ""}, nil, nil, "CodEnvio"},
		"encoding":                  {reception, nil, []string{"ISO-8859-1", "UTF-8"}, nil, "CHR-00001"},
		"another's envelope":        {reception, []string{"<Digest>", "<Digest>AAAA"}, nil, nil, "no envelope of ours"},
		"no digest":                 {reception, []string{"<Digest>", "<!--", "</Digest>", "-->"}, nil, nil, "no envelope of ours"},
		"wrong ID":                  {reception, []string{"SetDoc", "Set"}, nil, nil, "EnvioDTEID"},
		"wrong state":               {reception, []string{"<EstadoRecepEnv>0", "<EstadoRecepEnv>2"}, nil, nil, "expected [0]"},
		"refused, with documents":   {reception, []string{"<EstadoRecepEnv>0", "<EstadoRecepEnv>2"}, nil, nil, "not received"},
		"wrong state of a document": {reception, []string{"<EstadoRecepDTE>0", "<EstadoRecepDTE>3"}, nil, nil, "EstadoRecepDTE 3"},
		"wrong amount":              {reception, []string{"<MntTotal>1190", "<MntTotal>1191"}, nil, nil, "no RecepcionDTE of"},
		"wrong count":               {reception, []string{"<NroDTE>1", "<NroDTE>2"}, nil, nil, "NroDTE"},
		"details":                   {reception, []string{"<NroDetalles>1", "<NroDetalles>2"}, nil, nil, "NroDetalles"},
		"no glosa":                  {reception, []string{"Envío Recibido Conforme", ""}, nil, nil, "RecepEnvGlosa"},
		"to somebody else":          {reception, []string{"<RutRecibe>", "<RutRecibe>1"}, nil, nil, "RutRecibe"},
		"another answers":           {reception, []string{"<RutResponde>7", "<RutResponde>"}, nil, nil, "does not sign for"},
		"not marked automatic":      {reception, nil, nil, []string{"Auto-Submitted: auto-generated\r\n", ""}, "Auto-Submitted"},
		"two attachments":           {reception, nil, nil, []string{"--x--", "--x\r\nContent-Disposition: attachment; filename=\"b.pdf\"\r\n\r\nb\r\n--x--"}, "2 attachments"},
		"expired":                   {reception, []string{"Resp>2026", "Resp>2019"}, nil, nil, "certificate at 2019"},
		"no law":                    {result, []string{"Ley 19.983: ", ""}, nil, nil, "19.983"},
		"no document of ours":       {result, []string{"<Folio>1<", "<Folio>99<"}, nil, nil, "no document of ours"},
		"declaration":               {receipts, []string{"mercaderias", "mercaderías"}, nil, nil, "enumeration"},
		"receipt changed":           {receipts, nil, []string{"Bodega", "Bodegas"}, nil, "signature"},
		"another signer":            {receipts, []string{"<RutFirma>", "<RutFirma>1"}, nil, nil, "RutFirma"},
		"no place":                  {receipts, []string{"Bodega", ""}, nil, nil, "Recinto"},
		"receipt of nothing":        {receipts, []string{"<Folio>1<", "<Folio>99<"}, nil, nil, "no document of ours"},
	}
	office, c := openOffice(t, dir, order, "plain")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := c
			c.TB, c.before, c.after, c.mail = t, tt.before, tt.after, tt.mail
			report := office.Judge([][]byte{c.post("1@a", tt.write(c))})
			if all := fmt.Sprint(report); report.Accepted() || !strings.Contains(all, tt.want) {
				t.Errorf("no complaint about %q in %s", tt.want, all)
			}
		})
	}
}

// One envelope is answered once: a second answer, a second use of a number, other bytes under one Message-ID.
func testExactlyOnce(t *testing.T, dir string, order supplier.Order) {
	t.Helper()
	office, c := openOffice(t, dir, order, "plain")
	other := c
	other.before = []string{"<IdRespuesta>7<", "<IdRespuesta>8<"}
	result := func(c customer) string { return c.result() }
	tests := map[string]struct {
		mails [][]byte
		want  string
	}{
		"answered twice":      {[][]byte{c.post("1@a", c.reception()), other.post("2@a", other.reception())}, "[0 0], expected [0]"},
		"number used twice":   {[][]byte{c.post("1@a", c.reception()), c.post("2@a", result(c))}, "IdRespuesta 7 was that of 1@a"},
		"other bytes":         {[][]byte{c.post("1@a", c.reception()), other.post("1@a", other.reception())}, "other bytes"},
		"decided twice":       {[][]byte{c.post("1@a", result(c)), other.post("2@a", result(other))}, "was said in 1@a"},
		"another CodEnvio":    {[][]byte{c.post("1@a", c.reception()), customer{c.TB, c.world, c.a, c.b, c.letter, []string{"<CodEnvio>3", "<CodEnvio>4", "<IdRespuesta>7<", "<IdRespuesta>8<"}, nil, nil}.post("2@a", customer{c.TB, c.world, c.a, c.b, c.letter, []string{"<CodEnvio>3", "<CodEnvio>4", "<IdRespuesta>7<", "<IdRespuesta>8<"}, nil, nil}.result())}, "CodEnvio 4, before it was 3"},
		"a receipt twice":     {[][]byte{c.post("1@a", c.receipts()), c.post("2@a", c.receipts())}, "was said in 1@a"},
		"nothing":             {nil, "[], expected [0]"},
		"only something else": {[][]byte{[]byte("x")}, "[], expected [0]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := office.Judge(tt.mails)
			if all := fmt.Sprint(report); report.Accepted() || !strings.Contains(all, tt.want) {
				t.Errorf("no complaint about %q in %s", tt.want, all)
			}
		})
	}
}

// What could not be read is answered by the mail that brought it.
func testUnreadable(t *testing.T, dir string, order supplier.Order) {
	t.Helper()
	office, c := openOffice(t, dir, order, "cut short")
	e := c.letter.Envelopes[0]
	xml := c.response(`<RecepcionEnvio><NmbEnvio>envio.xml</NmbEnvio><FchRecep>2026-11-20T12:00:00</FchRecep><CodEnvio>3</CodEnvio><EnvioDTEID></EnvioDTEID><EstadoRecepEnv>91</EstadoRecepEnv><RecepEnvGlosa>Archivo Ilegible</RecepEnvGlosa></RecepcionEnvio>`)
	c.mail = []string{"Auto-Submitted", "In-Reply-To: <1.0@proveedor.example>\r\nAuto-Submitted"}
	if report := office.Judge([][]byte{c.post("1@a", xml)}); !report.Accepted() {
		t.Errorf("report %+v of %+v", report, e)
	}
	c.mail = nil
	if report := office.Judge([][]byte{c.post("1@a", xml)}); report.Accepted() {
		t.Error("an answer to nothing is accepted")
	}
}
