package generatesign

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"timbre/shared/dte"
	"timbre/shared/problem"
	"timbre/shared/serve"
)

const (
	// maxBatch bounds the body of a batch, maxRows and maxBoletas its rows.
	maxBatch   = 30 << 20
	maxRows    = 2000
	maxBoletas = 500
	// batchWorkers is how many rows are issued at a time: each waits for a handful of storage calls.
	batchWorkers = 16
)

// postBatch issues many documents (POST /v1/batches). Rows are read, issued and answered one by one, so
// that memory does not grow with their number; each stands alone, also when a later one is unreadable.
func (h *Handler) postBatch(w http.ResponseWriter, r *http.Request) error {
	if err := serve.CheckJSON(r); err != nil {
		return err
	}
	reader := newBatchReader(http.MaxBytesReader(w, r.Body, maxBatch))
	company, err := reader.open()
	if err != nil {
		return err
	}
	if err := allowed(r.Context(), company); err != nil {
		return err
	}
	if _, _, err := h.service.company(r.Context(), company); err != nil {
		return err
	}
	// Without it a server of HTTP/1 throws away what is left of a short body when the answer begins.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	out := &batchWriter{w: w, requestID: w.Header().Get(problem.RequestIDHeader)}
	defer reader.rest()
	out.begin(rand.Text())
	h.issueRows(r.Context(), company, reader, out)
	return out.end()
}

// row is a row that has been read.
type row struct {
	index int
	text  json.RawMessage
}

// issueRows issues rows side by side until there are no more or one cannot be read.
func (h *Handler) issueRows(ctx context.Context, company string, reader *batchReader, out *batchWriter) {
	rows := make(chan row)
	var workers sync.WaitGroup
	for range batchWorkers {
		workers.Go(func() {
			for r := range rows {
				done, err := h.issueRow(ctx, company, r.text)
				h.reportRow(ctx, r.index, err)
				out.write(r.index, done, err)
			}
		})
	}
	for index := 0; ; index++ {
		text, err := reader.next(index)
		if errors.Is(err, errEnd) {
			break
		}
		if err != nil {
			out.write(index, issued{}, err)
			break
		}
		rows <- row{index, text}
	}
	close(rows)
	workers.Wait()
}

// reportRow logs our own faults; the caller is told of his in the row.
func (h *Handler) reportRow(ctx context.Context, index int, err error) {
	if e := problem.Of(err); err != nil && e.Code.Status() >= http.StatusInternalServerError {
		h.log.ErrorContext(ctx, "row of a batch failed", "index", index, "problem", e.Code, "error", err)
	}
}

func (h *Handler) issueRow(ctx context.Context, company string, text json.RawMessage) (issued, error) {
	var item batchItem
	if err := serve.DecodeJSON(text, &item); err != nil {
		return issued{}, err
	}
	if err := checkKey(item.IdempotencyKey); err != nil {
		return issued{}, err
	}
	hash, err := hashRow(company, text)
	if err != nil {
		return issued{}, err
	}
	return h.service.issue(ctx, item.IdempotencyKey, hash, &documentRequest{
		Company: company, Reference: item.Reference, Document: item.Document, ExpectedTotals: item.ExpectedTotals,
		TotalsPolicy: item.TotalsPolicy, AllowRemarks: item.AllowRemarks, Replaces: item.Replaces,
	})
}

// batchReader reads {"company": …, "documents": [ … ]} row by row.
type batchReader struct {
	body    *rowReader
	decoder *json.Decoder
	boletas bool
}

func newBatchReader(body io.Reader) *batchReader {
	bounded := &rowReader{body: body, left: maxDocument}
	return &batchReader{body: bounded, decoder: json.NewDecoder(bounded)}
}

// rowReader ends a body of which one row takes too much: the decoder keeps a row in memory.
type rowReader struct {
	body io.Reader
	left int
}

// Read implements io.Reader.
func (r *rowReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errRowTooLarge
	}
	n, err := r.body.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// maxRest is how much of a body is read only to be done with it.
const maxRest = 256 << 10

// rest reads what a caller sends behind the batch, if only a line's end: in full duplex a body that ends after
// its handler makes net/http panic, and the connection is cut under the next request.
func (b *batchReader) rest() {
	_, _ = io.CopyN(io.Discard, b.body.body, maxRest) // what cannot be read is not missed
}

var errRowTooLarge = errors.New("row of a batch is too large")

// open reads up to the first row and tells the company.
func (b *batchReader) open() (string, error) {
	var company string
	for _, want := range []any{json.Delim('{'), "company"} {
		if err := b.expect(want); err != nil {
			return "", err
		}
	}
	if err := b.decoder.Decode(&company); err != nil {
		return "", unreadableBatch(err)
	}
	for _, want := range []any{"documents", json.Delim('[')} {
		if err := b.expect(want); err != nil {
			return "", err
		}
	}
	return company, nil
}

func (b *batchReader) expect(want any) error {
	got, err := b.decoder.Token()
	if err != nil {
		return unreadableBatch(err)
	}
	if got != want {
		return problem.New(problem.UnreadableBody, fmt.Sprintf(
			`El lote debe ser {"company": …, "documents": […]}, en ese orden: se esperaba %v y llegó %v.`, want, got))
	}
	return nil
}

// errEnd says that a batch has been read to its end.
var errEnd = errors.New("no more rows")

// next is the text of a row; errEnd after the last.
func (b *batchReader) next(index int) (json.RawMessage, error) {
	b.body.left = maxDocument
	if !b.decoder.More() {
		return nil, b.close()
	}
	var text json.RawMessage
	if err := b.decoder.Decode(&text); err != nil {
		return nil, unreadableBatch(err)
	}
	boleta := isBoleta(text)
	if index == 0 {
		b.boletas = boleta
	}
	switch {
	case boleta != b.boletas:
		return nil, problem.New(problem.InvalidRequest, "Un lote no puede mezclar boletas con otros documentos; esta fila y las siguientes no se procesaron.")
	case boleta && index >= maxBoletas, index >= maxRows:
		return nil, problem.New(problem.BodyTooLarge, fmt.Sprintf("Un lote admite %d documentos o %d boletas; esta fila y las siguientes no se procesaron.", maxRows, maxBoletas))
	}
	return text, nil
}

// close reads the end of the batch: errEnd if it is as it should be.
func (b *batchReader) close() error {
	for _, want := range []any{json.Delim(']'), json.Delim('}')} {
		if err := b.expect(want); err != nil {
			return err
		}
	}
	if _, err := b.decoder.Token(); !errors.Is(err, io.EOF) {
		return problem.New(problem.UnreadableBody, "Hay texto después del lote.")
	}
	return errEnd
}

func unreadableBatch(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return problem.Wrap(problem.UnreadableBody, "El lote termina antes de tiempo.", err)
	}
	if errors.Is(err, errRowTooLarge) {
		return problem.Wrap(problem.BodyTooLarge, "Una fila del lote es demasiado grande; ésta y las siguientes no se procesaron.", err)
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return serve.BodyError(err)
	}
	return problem.Wrap(problem.UnreadableBody, "", err)
}

// isBoleta peeks at the type of a row; whatever cannot be read is refused later, by its own row.
func isBoleta(text json.RawMessage) bool {
	var peek struct {
		Document struct {
			Encabezado struct {
				IdDoc struct { //nolint:revive // the SII's name
					TipoDTE json.RawMessage
				}
			}
		} `json:"document"`
	}
	if json.Unmarshal(text, &peek) != nil {
		return false
	}
	t, err := dte.ParseType(trimQuotes(string(peek.Document.Encabezado.IdDoc.TipoDTE)))
	return err == nil && t.IsBoleta()
}

// batchWriter writes results as they come.
type batchWriter struct {
	w         http.ResponseWriter
	requestID string

	mu      sync.Mutex
	started bool
	failed  error
}

func (b *batchWriter) begin(id string) {
	b.w.Header().Set("Content-Type", "application/json")
	b.w.WriteHeader(http.StatusOK)
	b.print(fmt.Appendf(nil, `{"batch_id":%q,"results":[
`, id))
}

func (b *batchWriter) write(index int, done issued, err error) {
	result := batchResult{Index: index, Status: http.StatusCreated, Document: done.answer}
	switch {
	case err != nil:
		body := problem.BodyOf(err, b.requestID)
		result = batchResult{Index: index, Status: body.Status, Problem: &body}
	case done.replay:
		result.Status = http.StatusOK
	}
	var text bytes.Buffer // ends in a line feed
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(result)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.failed = errors.Join(b.failed, err)
		return
	}
	if b.started {
		b.print([]byte(","))
	}
	b.started = true
	b.print(text.Bytes())
	if err := http.NewResponseController(b.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		b.failed = errors.Join(b.failed, err)
	}
}

func (b *batchWriter) print(text []byte) {
	if _, err := b.w.Write(text); err != nil {
		b.failed = errors.Join(b.failed, err) // the caller went away; what was issued stands
	}
}

// end closes the answer. It has begun, so that a fault can only be logged.
func (b *batchWriter) end() error {
	b.print([]byte("]}\n"))
	return b.failed
}
