package downloadreceived

import (
	"context"
	"errors"
	"net/http"
	"net/mail"
	"strings"

	"timbre/shared/access"
	"timbre/shared/dte"
	"timbre/shared/problem"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// supplierEntry is what is known of a supplier's exchange address. The SII's own list of them is behind its portal
// (WEBSERVICES §9.1), so that a person tells it here.
type supplierEntry struct {
	Email string `json:"email"`
}

// errNoAddress says that nobody has told where a supplier takes mail.
var errNoAddress = errors.New("download-received: no exchange address of the supplier")

// addressOf is where a supplier takes answers: the address that a person gave, else the one that his mail asks to be
// answered at. The SII's register of addresses would be the right source; who sends is often a bulk mailer.
func (s *service) addressOf(ctx context.Context, c store.Company, supplier rut.RUT, m *received.Mail) (string, error) {
	var known supplierEntry
	_, err := s.State.ReadJSON(ctx, store.Supplier(c, supplier), &known)
	if err == nil && known.Email != "" {
		return known.Email, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	if m != nil {
		for _, address := range []string{m.ReplyTo, m.From} {
			if plausible(address) {
				return address, nil
			}
		}
	}
	return "", errNoAddress
}

// mailOf is a mail by which a supplier brought a document; nil if there is none.
func (s *service) mailOf(ctx context.Context, c store.Company, supplier rut.RUT) (*received.Mail, error) {
	prefix := store.ReceivedPrefix(c)
	for o, err := range s.State.List(ctx, store.Query{Prefix: prefix + supplier.String() + "/", Limit: 1}) {
		if err != nil {
			return nil, err
		}
		key, ok := keyOf(strings.TrimPrefix(o.Name, prefix))
		if !ok {
			return nil, nil //nolint:nilnil // there is none
		}
		r, err := received.Load(ctx, s.State, store.ReceivedID{Company: c, Issuer: key.Issuer, Type: dte.Type(key.Type), Folio: key.Folio})
		if err != nil {
			return nil, err
		}
		m, err := received.LoadMail(ctx, s.State, c, r.Main().Mail)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil //nolint:nilnil // as above
		}
		return &m, err
	}
	return nil, nil //nolint:nilnil // as above
}

// plausible tells whether an address can be written to.
func plausible(address string) bool {
	a, err := mail.ParseAddress(address)
	return err == nil && a.Address == address && len(address) <= 254 && !strings.ContainsAny(address, " \r\n\t,;\"")
}

// SupplierView is a supplier's exchange address.
type SupplierView struct {
	Company string `json:"company"`
	Issuer  string `json:"issuer"`
	Email   string `json:"email"`
}

// SupplierRequest tells it.
type SupplierRequest struct {
	Email string `json:"email"`
}

// supplier shows the address that was told; 404 if none was.
func (h *Handler) supplier(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	c, issuer, err := h.supplierOf(r, access.Read)
	if err != nil {
		return serve.Reply{}, err
	}
	var known supplierEntry
	_, err = h.State.ReadJSON(r.Context(), store.Supplier(c, issuer), &known)
	if errors.Is(err, store.ErrNotFound) {
		return serve.Reply{}, problem.Wrap(problem.NotFound, "No se ha indicado la casilla de intercambio de este proveedor.", err)
	}
	if err != nil {
		return serve.Reply{}, err
	}
	return serve.JSON(SupplierView{c.RUT.String(), issuer.String(), known.Email})
}

// putSupplier takes a supplier's exchange address, to which answers go from now on.
func (h *Handler) putSupplier(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	var request SupplierRequest
	if err := serve.ReadJSON(w, r, maxRequest, &request); err != nil {
		return serve.Reply{}, err
	}
	c, issuer, err := h.supplierOf(r, access.Receive)
	if err != nil {
		return serve.Reply{}, err
	}
	if !plausible(request.Email) {
		return serve.Reply{}, problem.Invalid(problem.InvalidRequest, []problem.Field{{Path: "email", Code: "invalid-address", Detail: "No es una dirección de correo."}})
	}
	name, entry := store.Supplier(c, issuer), supplierEntry(request)
	_, err = h.State.CreateJSON(r.Context(), name, entry, nil)
	if errors.Is(err, store.ErrExists) {
		_, err = store.Update(r.Context(), h.State, name, func(e *supplierEntry) error {
			*e = entry
			return nil
		}, nil)
	}
	if err != nil {
		return serve.Reply{}, err
	}
	return serve.JSON(SupplierView{c.RUT.String(), issuer.String(), request.Email})
}

func (h *Handler) supplierOf(r *http.Request, scope access.Scope) (store.Company, rut.RUT, error) {
	c, err := h.company(r, r.PathValue("company"), scope)
	if err != nil {
		return c, rut.RUT{}, err
	}
	issuer, err := rut.Parse(r.PathValue("issuer"))
	if err != nil {
		return c, issuer, problem.Wrap(problem.InvalidParameter, "El RUT del proveedor no es válido.", err)
	}
	return c, issuer, nil
}
