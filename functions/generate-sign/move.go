package generatesign

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/problem"
	"timbre/shared/serve"
)

const (
	// moveWait is how long POST /api/dte/generate waits for the SII's track id.
	moveWait = 20 * time.Second
	// taxIVA is Odoo's SII code of the value added tax; other codes are additional taxes.
	taxIVA = 14
)

// moveRequest is the body of POST /api/dte/generate: an accounting move as Odoo has it.
type moveRequest struct {
	MoveID        json.RawMessage  `json:"move_id"`
	CompanyVAT    string           `json:"company_vat"`
	PartnerVAT    string           `json:"partner_vat"`
	CertificateID *string          `json:"certificate_id"`
	DocumentType  *int             `json:"document_type"`
	Partner       movePartner      `json:"partner"`
	Lines         []moveLine       `json:"lines"`
	References    *json.RawMessage `json:"references"`
}

type movePartner struct {
	Name     string `json:"name"`
	Activity string `json:"activity"`
	Address  string `json:"address"`
	Comuna   string `json:"comuna"`
}

// moveLine is a line; a tax_code of null makes it exempt.
type moveLine struct {
	Description string      `json:"description"`
	Quantity    json.Number `json:"quantity"`
	Price       json.Number `json:"price"`
	Discount    json.Number `json:"discount"`
	TaxCode     *int        `json:"tax_code"`
}

// moveAnswer is its 200.
type moveAnswer struct {
	Success   bool    `json:"success"`
	TrackID   *string `json:"track_id"`
	Folio     string  `json:"folio"`
	Status    string  `json:"status"`
	Timestamp string  `json:"timestamp"`
}

// moveFailure is every other answer.
type moveFailure struct {
	Success bool         `json:"success"`
	Error   string       `json:"error"`
	Problem problem.Body `json:"problem"`
}

func (h *Handler) postMove(w http.ResponseWriter, r *http.Request) {
	answer, err := h.issueMove(w, r)
	w.Header().Set("Content-Type", "application/json")
	status, body := http.StatusOK, any(answer)
	if err != nil {
		p := problem.BodyOf(err, w.Header().Get(problem.RequestIDHeader))
		h.reportMove(r.Context(), p, err)
		if wait := problem.Of(err).RetryAfter; wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		}
		for i := range p.Errors {
			p.Errors[i].Path = movePath(p.Errors[i].Path)
		}
		status, body = p.Status, moveFailure{Error: p.Detail, Problem: p}
	}
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		h.log.InfoContext(r.Context(), "the caller went away", "error", err)
	}
}

// reportMove logs as problem.Write does: our own faults with their text, the caller's with the code.
func (h *Handler) reportMove(ctx context.Context, p problem.Body, err error) {
	if p.Status >= http.StatusInternalServerError {
		h.log.ErrorContext(ctx, "move failed", "problem", p.Type, "error", err)
		return
	}
	h.log.WarnContext(ctx, "move refused", "problem", p.Type)
}

func (h *Handler) issueMove(w http.ResponseWriter, r *http.Request) (*moveAnswer, error) {
	body, err := serve.ReadBody(w, r, maxDocument)
	if err != nil {
		return nil, err
	}
	var move moveRequest
	if err := serve.DecodeJSON(body, &move); err != nil {
		return nil, err
	}
	if err := allowed(r.Context(), move.CompanyVAT); err != nil {
		return nil, err
	}
	hash, err := hashBody(body)
	if err != nil {
		return nil, err
	}
	key, err := move.key()
	if err != nil {
		return nil, err
	}
	if err := h.checkCertificate(r.Context(), move); err != nil {
		return nil, err
	}
	document, err := move.document()
	if err != nil {
		return nil, err
	}
	done, err := h.service.issue(r.Context(), key, hash, &documentRequest{
		Company: move.CompanyVAT, Reference: "account.move," + trimQuotes(string(move.MoveID)), Document: document,
	})
	if err != nil {
		return nil, err
	}
	return h.moveState(r.Context(), done)
}

// moveState waits for the track id and shows where the document stands.
func (h *Handler) moveState(ctx context.Context, done issued) (*moveAnswer, error) {
	text, err := h.awaitTrack(ctx, done, moveWait)
	if err != nil {
		return nil, err
	}
	var state struct {
		TrackID *string `json:"track_id"`
		Status  string  `json:"status"`
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return nil, fmt.Errorf("read the state of %s: %w", done.DocumentID, err)
	}
	return &moveAnswer{
		Success: true, TrackID: state.TrackID, Status: state.Status, Folio: strconv.FormatInt(done.Folio, 10),
		Timestamp: h.service.now().In(h.service.chile).Format(time.RFC3339),
	}, nil
}

// checkCertificate refuses a certificate_id that names none of the company's.
func (h *Handler) checkCertificate(ctx context.Context, move moveRequest) error {
	c, who, err := h.service.company(ctx, move.CompanyVAT)
	if err != nil || move.CertificateID == nil || *move.CertificateID == "" {
		return err
	}
	if held := c.In(who.Env).Certificate; held != nil && slices.Contains(names(held), *move.CertificateID) {
		return nil
	}
	return problem.Invalid(problem.InvalidRequest, []problem.Field{{
		Path: "certificate_id", Code: "unknown-certificate", Detail: "certificate_id no es el certificado de la empresa; puede omitirlo.",
	}})
}

func names(c *company.Certificate) []string {
	return []string{c.SHA256, c.Secret.Name, c.Signer.String()}
}

// key is the idempotency key of a move: its id, within the company.
func (m moveRequest) key() (string, error) {
	id := trimQuotes(string(m.MoveID))
	if id == "" || id == "null" {
		return "", problem.Invalid(problem.InvalidRequest, []problem.Field{{
			Path: "move_id", Code: "missing-field", Detail: "Falta move_id, que identifica el asiento y evita emitirlo dos veces.",
		}})
	}
	key := "move " + id
	return key, checkKey(key)
}

// document is the move in the SII's names.
func (m moveRequest) document() (json.RawMessage, error) {
	type object = map[string]any
	lines := make([]object, 0, len(m.Lines))
	for _, l := range m.Lines {
		line := object{"NmbItem": l.Description, "QtyItem": optional(l.Quantity), "PrcItem": optional(l.Price), "DescuentoPct": given(l.Discount)}
		switch {
		case l.TaxCode == nil:
			line["IndExe"] = exemptMark(m.kind())
		case *l.TaxCode != taxIVA:
			line["CodImpAdic"] = *l.TaxCode
		}
		lines = append(lines, line)
	}
	text, err := json.Marshal(object{
		"Encabezado": object{
			"IdDoc": object{"TipoDTE": m.kind()},
			"Receptor": object{
				"RUTRecep": m.PartnerVAT, "RznSocRecep": m.Partner.Name, "GiroRecep": m.Partner.Activity,
				"DirRecep": m.Partner.Address, "CmnaRecep": m.Partner.Comuna,
			},
		},
		"Detalle": lines, "Referencia": m.References,
	})
	if err != nil {
		return nil, fmt.Errorf("write the move as a document: %w", err)
	}
	return text, nil
}

// kind is the type of document: 34 if every line is exempt, else 33, unless the move says which.
func (m moveRequest) kind() dte.Type {
	if m.DocumentType != nil {
		return dte.Type(*m.DocumentType)
	}
	if slices.ContainsFunc(m.Lines, func(l moveLine) bool { return l.TaxCode != nil }) {
		return dte.Factura
	}
	return dte.FacturaExenta
}

// exemptMark is IndExe of an exempt line; in an exempt document no line needs it.
func exemptMark(t dte.Type) any {
	if t == dte.FacturaExenta || t == dte.BoletaExenta {
		return nil
	}
	return 1
}

// optional is nil for a number that is absent.
func optional(n json.Number) any {
	if n == "" {
		return nil
	}
	return n
}

// given is nil for a number that is absent or zero: a discount of 0 is none.
func given(n json.Number) any {
	if n == "" || canonicalNumber(n.String()) == "0" {
		return nil
	}
	return n
}

// moveNames lead from the SII's fields back to the move's.
var moveNames = strings.NewReplacer(
	"document.Encabezado.Receptor.RUTRecep", "partner_vat", "document.Encabezado.Receptor.RznSocRecep", "partner.name",
	"document.Encabezado.Receptor.GiroRecep", "partner.activity", "document.Encabezado.Receptor.DirRecep", "partner.address",
	"document.Encabezado.Receptor.CmnaRecep", "partner.comuna", "document.Encabezado.IdDoc.TipoDTE", "document_type",
	"document.Detalle", "lines", ".NmbItem", ".description", ".QtyItem", ".quantity", ".PrcItem", ".price",
	".DescuentoPct", ".discount", ".CodImpAdic", ".tax_code", ".IndExe", ".tax_code", "document.Referencia", "references",
)

func movePath(path string) string { return moveNames.Replace(path) }

func trimQuotes(text string) string {
	var unquoted string
	if json.Unmarshal([]byte(text), &unquoted) == nil {
		return unquoted
	}
	return text
}
