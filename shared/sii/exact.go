package sii

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"timbre/shared/store"
)

// ExactState asks whether the SII holds the very document that a signature belongs to (QueryEstDteAv). Where
// QueryEstDte says that date, amount and receiver agree, this one tells a document of ours from another one
// under the same folio: a foreign signature is DNK. The person needs a permission in one of the companies;
// boletas that went to the service of their own are not known here.
func (s *Session) ExactState(ctx context.Context, q Question) (DocumentState, error) {
	return ask(ctx, s, func(token string) (DocumentState, error) {
		return s.client.exactState(ctx, s.env, token, q)
	})
}

func (c *Client) exactState(ctx context.Context, env store.Environment, token string, q Question) (DocumentState, error) {
	date, err := time.Parse(time.DateOnly, q.Date)
	if err != nil {
		return DocumentState{}, fmt.Errorf("date of the document: %w", err)
	}
	doc, err := c.query(ctx, env, pathEstDteAv, opEstDteAv,
		param{"RutEmpresa", strconv.Itoa(q.Issuer.Number())}, param{"DvEmpresa", q.Issuer.Digit()},
		param{"RutReceptor", strconv.Itoa(q.Receiver.Number())}, param{"DvReceptor", q.Receiver.Digit()},
		param{"TipoDte", strconv.Itoa(int(q.Type))}, param{"FolioDte", strconv.FormatInt(q.Folio, 10)},
		param{"FechaEmisionDte", date.Format("02012006")}, param{"MontoDte", q.Total},
		param{"FirmaDte", q.Signature}, param{"Token", token})
	if err != nil {
		return DocumentState{}, err
	}
	return parseExactState(doc)
}

// parseExactState reads an answer that has two ESTADO: that of the query in the header, 0 if it went well, and
// that of the document in the body; either may come first, and no answer was recorded (WEBSERVICES §5.2). The
// document's is the one that the table knows.
func parseExactState(doc inner) (DocumentState, error) {
	s := DocumentState{Answer: clip(doc.text, answerKept)}
	header := ""
	for _, l := range doc.leaves {
		switch {
		case l.name == "ESTADO" && documentStates[l.text] != Unknown && s.State == "":
			s.State = l.text
		case l.name == "ESTADO" && header == "":
			header = l.text
		case l.name == "GLOSA":
			s.Glosa = l.text // the body's, where there is one
		}
	}
	s.Code, _ = doc.first("ERR_CODE")
	received, _ := doc.first("RECIBIDO")
	switch {
	case header != "" && header != "0" && header != "00":
		return s, &StatusError{Op: opEstDteAv, Code: header, Glosa: clip(s.Glosa, 300)}
	case s.State == "" && s.Code != "" && s.Code != "0":
		return s, &StatusError{Op: opEstDteAv, Code: s.Code, Glosa: clip(s.Glosa, 300)}
	case s.State == "":
		return s, fmt.Errorf("%w: getEstDteAv without ESTADO of the document", ErrUnavailable)
	case s.Standing() == Registered && received == "NO":
		return s, fmt.Errorf("%w: getEstDteAv says %s of a document not received", ErrUnavailable, s.State)
	}
	return s, nil
}
