package onboard

import (
	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/store"
)

func presentCompany(c *company.Company) companyAnswer {
	return companyAnswer{
		RUT: c.RUT, RznSoc: c.RznSoc, GiroEmis: c.GiroEmis, Acteco: c.Acteco,
		DirOrigen: c.DirOrigen, CmnaOrigen: c.CmnaOrigen, CiudadOrigen: c.CiudadOrigen,
		Active:        c.Active,
		Certificacion: presentBlock(c, store.Certificacion),
		Produccion:    presentBlock(c, store.Produccion),
		WebhookURL:    c.WebhookURL, NamespaceForm: c.NamespaceForm, StrictRemarks: c.StrictRemarks, BoletasREST: c.BoletasREST, Intercambio: c.Intercambio,
		IMAPPassword: c.IMAPPassword != nil, SMTPPassword: c.SMTPPassword != nil, Leaving: c.Leaving,
	}
}

func presentBlock(c *company.Company, e store.Environment) *blockAnswer {
	b := c.Blocks[e]
	if b == nil {
		return nil
	}
	return &blockAnswer{
		FchResol: b.FchResol, NroResol: b.NroResol, CAFs: presentCAFs(e, b.CAFs),
		Certificate: presentIf(e, b.Certificate), Standby: presentIf(e, b.Standby),
	}
}

// presentIf shows an absent certificate as null.
func presentIf(e store.Environment, c *company.Certificate) *certificateAnswer {
	if c == nil {
		return nil
	}
	answer := presentCertificate(e, c)
	return &answer
}

func presentCertificate(e store.Environment, c *company.Certificate) certificateAnswer {
	return certificateAnswer{
		Environment: e, Subject: c.Subject, SignerRUT: c.Signer,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, SHA256: c.SHA256,
	}
}

func presentCAFs(e store.Environment, cafs []company.CAF) []cafAnswer {
	all := make([]cafAnswer, len(cafs))
	for i, c := range cafs {
		all[i] = presentCAF(e, c)
	}
	return all
}

func presentCAF(e store.Environment, c company.CAF) cafAnswer {
	return cafAnswer{
		Environment: e, Type: int(c.Type), From: c.From, To: c.To, First: c.First,
		Authorized: c.Authorized, Expires: optional(c.Expires), SHA256: c.SHA256,
	}
}

func presentKey(k access.Key) keyAnswer {
	return keyAnswer{ID: k.ID, RUTs: k.RUTs, Scopes: k.Scopes, Label: k.Label, Created: k.Created}
}

// optional shows an absent value as null.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
