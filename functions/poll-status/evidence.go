package pollstatus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/folio"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// evidence answers every request, answer and decision about a document.
func (h *Handler) evidence(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	record, err := h.record(r)
	if err != nil {
		return serve.Reply{}, err
	}
	kept, err := dispatch.Kept(r.Context(), h.Archive, record.DocumentID)
	if err != nil {
		return serve.Reply{}, err
	}
	view, err := record.View(h.chile)
	if err != nil {
		return serve.Reply{}, err
	}
	list := EvidenceList{
		ID: record.DocumentID.String(), Company: record.RUT.String(), Environment: string(record.Env),
		Issues: []EvidenceIssue{}, History: view.History, Evidence: kept,
	}
	for _, v := range versions(&record) {
		issue, err := h.issued(r.Context(), &record, v)
		if err != nil {
			return serve.Reply{}, err
		}
		list.Issues = append(list.Issues, issue)
	}
	return serve.JSON(list)
}

// versions are those of a document in order, with the requests that they answer.
func versions(r *document.Record) []document.Replaced {
	return append(r.Replaced[:len(r.Replaced):len(r.Replaced)], document.Replaced{Version: r.Version, Key: r.Key})
}

// issued tells of one version; what a request or a file that is not there would tell stays empty.
func (h *Handler) issued(ctx context.Context, r *document.Record, v document.Replaced) (EvidenceIssue, error) {
	issue := EvidenceIssue{Version: v.Version, KeySHA256: string(v.Key)}
	var request folio.Request
	_, err := h.State.ReadJSON(ctx, store.Request(r.Company, v.Key), &request)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return issue, err
	}
	if o := request.Order; o != nil {
		issue.BodySHA256 = o.BodyHash
		issue.CAF = &EvidenceCAF{From: o.CAF.From, To: o.CAF.To, Authorized: o.CAF.Authorized, SHA256: o.CAF.SHA256}
	}
	signed, err := h.Archive.Read(ctx, store.SignedDTE(r.DocumentID, v.Version))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return issue, err
	}
	if err == nil {
		issue.SHA256, issue.Bytes = fmt.Sprintf("%x", sha256.Sum256(signed.Data)), len(signed.Data)
	}
	return issue, nil
}
