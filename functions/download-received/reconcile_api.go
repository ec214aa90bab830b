package downloadreceived

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"timbre/shared/access"
	"timbre/shared/dte"
	"timbre/shared/exchange"
	"timbre/shared/mailbox"
	"timbre/shared/outmail"
	"timbre/shared/problem"
	"timbre/shared/rcv"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// Reconciliation says where the SII's register of purchases and the stored XML differ.
type Reconciliation struct {
	Company     string        `json:"company"`
	Environment string        `json:"environment"`
	Periods     []PeriodState `json:"periods"`
	// Agreeing counts the documents that are in both with one amount.
	Agreeing int `json:"agreeing"`
	// MissingXML are in the register and no XML of them came.
	MissingXML []Missing `json:"missing_xml"`
	// UnknownToSII came as XML, and two days later are not in the register: perhaps rejected, or never sent there.
	UnknownToSII []Unknown `json:"unknown_to_sii"`
	// Differing are in both with other amounts.
	Differing []Differing `json:"differing"`
}

// PeriodState says which books of a month were read.
type PeriodState struct {
	Period string      `json:"period"`
	Books  []BookState `json:"books"`
	// Complete says that REGISTRO and PENDIENTE were read; until then nothing of the month is called unknown.
	Complete bool `json:"complete"`
}

// BookState is a book as it was read last.
type BookState struct {
	Book      rcv.Book `json:"book"`
	Source    string   `json:"source"` // upload or sii
	ReadAt    string   `json:"read_at"`
	Documents int      `json:"documents"`
	// Faults are lines that could not be read: documents may hide there.
	Faults []rcv.Fault `json:"faults"`
}

// Listed is a document of the register.
type Listed struct {
	Period        string   `json:"period"`
	Book          rcv.Book `json:"book"`
	Issuer        string   `json:"issuer"`
	IssuerName    string   `json:"issuer_name"`
	Type          int      `json:"type"`
	Folio         int64    `json:"folio"`
	IssueDate     string   `json:"issue_date"`
	Total         int64    `json:"total"`
	SIIReceivedAt string   `json:"sii_received_at,omitempty"`
}

// Missing is a document of which no XML came, with the mail that would ask for it.
type Missing struct {
	Listed
	Request RequestMail `json:"request"`
}

// RequestMail asks a supplier for an XML.
type RequestMail struct {
	// To is the supplier's exchange address; empty where nobody has told it.
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Unknown is a stored document that the register does not list.
type Unknown struct {
	ID         string            `json:"id"`
	Issuer     string            `json:"issuer"`
	Type       int               `json:"type"`
	Folio      int64             `json:"folio"`
	IssueDate  string            `json:"issue_date"`
	Total      int64             `json:"total"`
	ReceivedAt string            `json:"received_at"`
	SII        exchange.Standing `json:"sii"` // what the SII said when it was asked for the document
}

// Differing is a document with two amounts.
type Differing struct {
	Listed
	ID       string `json:"id"`
	TotalXML int64  `json:"total_xml"`
}

// BookAnswer says what was read of a book that was uploaded.
type BookAnswer struct {
	Period string `json:"period"`
	BookState
}

// XMLRequest has a mail sent that asks for an XML.
type XMLRequest struct {
	Issuer rut.RUT `json:"issuer"`
	Type   int     `json:"type"`
	Folio  int64   `json:"folio"`
	To     string  `json:"to,omitempty"`
}

// reconciliation answers for a month, or for this one and the last.
func (h *Handler) reconciliation(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, err := h.company(r, r.PathValue("company"), access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	months := h.recent()
	if text := r.URL.Query().Get("period"); text != "" {
		month, err := readPeriod(text)
		if err != nil {
			return serve.Reply{}, err
		}
		months = []rcv.Period{month}
	}
	all, err := h.compare(r.Context(), c, months...)
	if err != nil {
		return serve.Reply{}, err
	}
	answer := Reconciliation{
		Company: c.RUT.String(), Environment: string(c.Env), Periods: []PeriodState{}, MissingXML: []Missing{}, UnknownToSII: []Unknown{}, Differing: []Differing{},
	}
	for i := range all {
		if err := h.add(r.Context(), c, &answer, &all[i]); err != nil {
			return serve.Reply{}, err
		}
	}
	return serve.JSON(answer)
}

func readPeriod(text string) (rcv.Period, error) {
	month, err := rcv.ParsePeriod(text)
	if err != nil {
		err = problem.Invalid(problem.InvalidParameter, []problem.Field{{Path: "period", Code: "invalid-parameter", Detail: "Debe ser un mes, AAAA-MM."}})
	}
	return month, err
}

// add shows a month.
func (h *Handler) add(ctx context.Context, c store.Company, a *Reconciliation, m *compared) error {
	state := PeriodState{Period: m.month.String(), Books: []BookState{}, Complete: m.whole()}
	for i := range m.books {
		state.Books = append(state.Books, h.bookState(&m.books[i]))
	}
	a.Periods = append(a.Periods, state)
	a.Agreeing += m.Agreeing
	ask := h.asker(c)
	for _, e := range m.Missing {
		request, err := ask.mail(ctx, e)
		if err != nil {
			return err
		}
		a.MissingXML = append(a.MissingXML, Missing{listedOf(e), request})
	}
	for _, d := range m.Differing {
		a.Differing = append(a.Differing, Differing{listedOf(d.Entry), heldID(c, d.Held).String(), d.Held.Total})
	}
	for _, u := range m.Unknown {
		record, err := h.details(ctx, c, u)
		if err != nil {
			return err
		}
		if record.ReceivedAt.Add(rcv.Grace).After(h.Now()) {
			continue // it may still be on its way
		}
		a.UnknownToSII = append(a.UnknownToSII, Unknown{
			ID: record.ReceivedID.String(), Issuer: u.Issuer.String(), Type: u.Type, Folio: u.Folio, IssueDate: u.Date, Total: u.Total,
			ReceivedAt: h.at(record.ReceivedAt), SII: record.Main().Standing(),
		})
	}
	return nil
}

func (h *Handler) bookState(b *book) BookState {
	return BookState{Book: b.Book, Source: b.Source, ReadAt: h.at(b.At), Documents: len(b.Rows), Faults: append([]rcv.Fault{}, b.Faults...)}
}

func listedOf(e rcv.Entry) Listed {
	return Listed{
		Period: e.Period.String(), Book: e.Book, Issuer: e.Issuer.String(), IssuerName: e.Name, Type: e.Type, Folio: e.Folio, IssueDate: e.Date,
		Total: e.Total, SIIReceivedAt: e.Received,
	}
}

func heldID(c store.Company, h rcv.Held) store.ReceivedID {
	return store.ReceivedID{Company: c, Issuer: h.Issuer, Type: dte.Type(h.Type), Folio: h.Folio}
}

// maxBook bounds an uploaded book.
const maxBook = 32 << 20

// putBook takes a book as the SII's web page gives it out (CSV). It replaces the one that was read before.
func (h *Handler) putBook(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, err := h.company(r, r.PathValue("company"), access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	month, err := readPeriod(r.URL.Query().Get("period"))
	if err != nil {
		return serve.Reply{}, err
	}
	text, err := serve.ReadBody(w, r, maxBook)
	if err != nil {
		return serve.Reply{}, err
	}
	sheet, err := rcv.Read(text)
	if err != nil {
		return serve.Reply{}, problem.Wrap(problem.ReceivedUnreadable, "El archivo no es un CSV del Registro de Compras y Ventas del SII.", err)
	}
	if sheet.Book == rcv.Ventas {
		return serve.Reply{}, problem.New(problem.ReceivedUnreadable, "El archivo es del registro de ventas; se espera uno de compras.")
	}
	b := book{Period: month, Book: sheet.Book, Source: fromUpload, At: h.Now().UTC(), Rows: sheet.Rows, Faults: sheet.Faults}
	if err := h.keepBook(r.Context(), c, b); err != nil {
		return serve.Reply{}, err
	}
	return serve.JSON(BookAnswer{month.String(), h.bookState(&b)})
}

// asker writes mails that ask suppliers for documents.
type asker struct {
	*service
	company   store.Company
	addresses map[rut.RUT]string
}

func (s *service) asker(c store.Company) *asker {
	return &asker{service: s, company: c, addresses: map[rut.RUT]string{}}
}

// address is where a supplier takes mail: as somebody told, or as his last mail says; empty if neither is known.
func (a *asker) address(ctx context.Context, supplier rut.RUT) (string, error) {
	if known, looked := a.addresses[supplier]; looked {
		return known, nil
	}
	m, err := a.mailOf(ctx, a.company, supplier)
	if err != nil {
		return "", err
	}
	found, err := a.addressOf(ctx, a.company, supplier, m)
	if err != nil && !errors.Is(err, errNoAddress) {
		return "", err
	}
	a.addresses[supplier] = found
	return found, nil
}

// mail is the mail that would ask a supplier for a document.
func (a *asker) mail(ctx context.Context, e rcv.Entry) (RequestMail, error) {
	c := a.company
	config, err := a.Companies.Load(ctx, c.RUT)
	if err != nil {
		return RequestMail{}, err
	}
	to, err := a.address(ctx, e.Issuer)
	if err != nil {
		return RequestMail{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Señores %s:\r\n\r\n", e.Name)
	fmt.Fprintf(&b, "El Registro de Compras y Ventas del SII muestra este documento, emitido a %s (RUT %s), cuyo XML no hemos recibido:\r\n\r\n", config.RznSoc, c.RUT)
	fmt.Fprintf(&b, "  RUT emisor: %s\r\n  Tipo de documento: %d\r\n  Folio: %d\r\n  Fecha: %s\r\n  Monto total: %d\r\n\r\n", e.Issuer, e.Type, e.Folio, e.Date, e.Total)
	b.WriteString("Les pedimos enviar el archivo XML (EnvioDTE) a nuestra casilla de intercambio")
	if config.Intercambio != nil && config.Intercambio.Email != "" {
		b.WriteString(": " + config.Intercambio.Email)
	}
	b.WriteString(".\r\n")
	return RequestMail{To: to, Subject: fmt.Sprintf("Solicitud de XML: documento tipo %d, folio %d, de %s", e.Type, e.Folio, e.Issuer), Text: b.String()}, nil
}

// requestXML sends the mail that asks for a missing XML, at most once a day.
func (h *Handler) requestXML(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	var request XMLRequest
	if err := serve.ReadJSON(w, r, maxRequest, &request); err != nil {
		return serve.Reply{}, err
	}
	c, err := h.company(r, r.PathValue("company"), access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	months := h.recent()
	if text := r.URL.Query().Get("period"); text != "" {
		month, err := readPeriod(text)
		if err != nil {
			return serve.Reply{}, err
		}
		months = []rcv.Period{month}
	}
	entry, err := h.missingEntry(r.Context(), c, months, rcv.Key{Issuer: request.Issuer, Type: request.Type, Folio: request.Folio})
	if err != nil {
		return serve.Reply{}, err
	}
	sent, err := h.askForXML(r.Context(), c, entry, request.To)
	if err != nil {
		return serve.Reply{}, mailingProblem(err)
	}
	return serve.JSON(h.outgoing(c, sent))
}

// missingEntry finds a document among those of which no XML came.
func (h *Handler) missingEntry(ctx context.Context, c store.Company, months []rcv.Period, key rcv.Key) (rcv.Entry, error) {
	all, err := h.compare(ctx, c, months...)
	if err != nil {
		return rcv.Entry{}, err
	}
	for _, m := range all {
		for _, e := range m.Missing {
			if e.Key == key {
				return e, nil
			}
		}
	}
	return rcv.Entry{}, problem.New(problem.NotFound, "El documento no está entre los que faltan según el registro del SII.")
}

func (h *Handler) askForXML(ctx context.Context, c store.Company, e rcv.Entry, to string) (*outmail.Record, error) {
	box, err := h.box()
	if err != nil {
		return nil, err
	}
	m, err := h.asker(c).mail(ctx, e)
	if err != nil {
		return nil, err
	}
	if to != "" {
		m.To = to
	}
	if !plausible(m.To) {
		return nil, errNoAddress
	}
	return box.Put(ctx, c, outmail.Letter{
		ID: store.RequestLetter(e.Issuer, dte.Type(e.Type), e.Folio, h.wallClock()), Kind: outmail.Request, About: e.Key.String(),
		Mail: mailbox.Letter{To: m.To, Subject: m.Subject, Text: m.Text},
	})
}
