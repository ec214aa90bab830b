package downloadreceived

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"timbre/shared/access"
	"timbre/shared/dte"
	"timbre/shared/exchange"
	"timbre/shared/problem"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// record reads the document that a path names, for a caller with the scope.
func (h *Handler) record(r *http.Request, scope access.Scope) (received.Record, error) {
	c, err := h.company(r, r.PathValue("company"), scope)
	if err != nil {
		return received.Record{}, err
	}
	issuer, issuerErr := rut.Parse(r.PathValue("issuer"))
	t, typeErr := dte.ParseType(r.PathValue("type"))
	folio, folioErr := strconv.ParseInt(r.PathValue("folio"), 10, 64)
	if issuerErr != nil || typeErr != nil || folioErr != nil || folio < 1 || folio > maxFolio {
		return received.Record{}, problem.New(problem.NotFound, "")
	}
	record, err := received.Load(r.Context(), h.State, store.ReceivedID{Company: c, Issuer: issuer, Type: t, Folio: folio})
	if errors.Is(err, store.ErrNotFound) {
		return record, problem.Wrap(problem.NotFound, "El documento no se ha recibido.", err)
	}
	return record, err
}

// show answers all that is known of a document.
func (h *Handler) show(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	record, err := h.record(r, access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	main := record.Main()
	view := View{
		Item: h.item(&record), SIIAnswer: main.SII, Signature: main.Signature,
		Claims: append([]received.Claim{}, record.Claims...), Responses: append([]received.Response{}, record.Responses...),
		Answers: append([]received.RequestedAnswer{}, record.RequestedAnswers...),
	}
	for i := range record.Variants {
		view.All = append(view.All, h.variant(&record, &record.Variants[i]))
	}
	f, err := received.LoadFile(r.Context(), h.State, record.Company, main.File)
	switch {
	case err == nil:
		file := h.fileView(record.Company, &f)
		view.File = &file
	case !errors.Is(err, store.ErrNotFound): // its intake is not through
		return serve.Reply{}, err
	}
	return serve.JSON(view)
}

// xml answers a document's bytes as its issuer wrote them, behind a declaration of their encoding.
func (h *Handler) xml(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	record, err := h.record(r, access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	v := record.Main()
	if asked := r.URL.Query().Get("variant"); asked != "" {
		if v = record.Variant(asked); v == nil {
			return serve.Reply{}, problem.New(problem.NotFound, "El documento no tiene esa variante.")
		}
	}
	digest, err := received.Digest(v.SHA256)
	if err != nil {
		return serve.Reply{}, err
	}
	o, err := h.Archive.Read(r.Context(), store.ReceivedXML(record.ReceivedID, digest))
	if err != nil {
		return serve.Reply{}, err
	}
	prolog := fmt.Sprintf("<?xml version=\"1.0\" encoding=\"%s\"?>\n", v.Encoding)
	return serve.Reply{ContentType: "application/xml; charset=" + v.Encoding, Body: append([]byte(prolog), o.Data...)}, nil
}

// file answers a file as it was sent.
func (h *Handler) file(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	return h.archived(r, store.ReceivedFile)
}

// mail answers a mail, or an XML that was posted, as it came.
func (h *Handler) mail(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	return h.archived(r, store.Mail)
}

func (h *Handler) archived(r *http.Request, name func(store.Company, [32]byte) store.Name) (serve.Reply, error) {
	c, err := h.company(r, r.PathValue("company"), access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	o, err := h.read(r.Context(), c, r.PathValue("sha256"), name)
	if errors.Is(err, store.ErrNotFound) {
		return serve.Reply{}, problem.Wrap(problem.NotFound, "", err)
	}
	return serve.Reply{ContentType: "application/octet-stream", Body: o.Data}, err
}

func (h *Handler) read(ctx context.Context, c store.Company, sum string, name func(store.Company, [32]byte) store.Name) (store.Object, error) {
	digest, err := received.Digest(sum)
	if err != nil {
		return store.Object{}, err
	}
	return h.Archive.Read(ctx, name(c, digest))
}

// item is a document as lists show it.
func (h *Handler) item(r *received.Record) Item {
	v := r.Main()
	return Item{
		ID: r.ReceivedID.String(), Company: r.RUT.String(), Environment: string(r.Env), Issuer: r.Issuer.String(), IssuerName: v.IssuerName,
		Type: int(r.Type), Folio: r.Folio, IssueDate: v.IssueDate, Total: number(v.Total), ReceivedAt: h.at(r.ReceivedAt),
		SIIReceivedAt: h.orNull(r.SIIReceivedAt), ClaimDeadline: h.orNull(r.ClaimDeadline),
		Strict: v.Checks.Strict(), SII: v.Standing(), Checks: checks(r.Checks(v)), State: r.State, Variants: len(r.Variants),
		Links: links(r, v, ""),
	}
}

func (h *Handler) variant(r *received.Record, v *received.Variant) VariantView {
	return VariantView{
		SHA256: v.SHA256, ReceivedAt: h.at(v.At), Again: v.Again, IssueDate: v.IssueDate, Total: number(v.Total),
		Strict: v.Checks.Strict(), SII: v.Standing(), Checks: checks(r.Checks(v)), Links: links(r, v, "?variant="+v.SHA256),
	}
}

func (h *Handler) fileView(c store.Company, f *received.File) FileView {
	view := FileView{
		SHA256: f.SHA256, Kind: f.Kind, Name: f.Name, ReceivedAt: h.at(f.At), Envelope: f.Envelope, Checks: checks(f.Checks),
		Documents: append([]received.Brought{}, f.Documents...), Links: fileLinks(c, f.SHA256, f.Mail),
	}
	if !f.From.IsZero() {
		view.From = &f.From
	}
	return view
}

func checks(all exchange.Checks) []Check {
	out := make([]Check, len(all))
	for i, c := range all {
		out[i] = Check{c.Code, c.Result, c.Reason, c.Path}
	}
	return out
}

func links(r *received.Record, v *received.Variant, query string) Links {
	self, files := "/v1/received/"+r.ReceivedID.String(), fileLinks(r.Company, v.File, v.Mail)
	return Links{Self: self, XML: self + "/xml" + query, File: files.File, Mail: files.Mail}
}

func fileLinks(c store.Company, file, mail string) FileLinks {
	under := "/v1/received/" + c.RUT.String()
	out := FileLinks{Mail: under + "/mails/" + mail}
	if file != "" {
		out.File = under + "/files/" + file
	}
	return out
}

// decimal is what JSON takes for a number.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?$`)

func number(text string) *json.Number {
	if !decimal.MatchString(text) {
		return nil
	}
	n := json.Number(text)
	return &n
}

// at shows a time as people in Chile read it.
func (h *Handler) at(t time.Time) string { return t.In(h.chile).Format(time.RFC3339) }

func (h *Handler) orNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := h.at(t)
	return &text
}
