package onboard

import (
	"archive/zip"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/access"
	"timbre/shared/document"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// maxExport bounds the documents of an export: a ZIP's directory is kept in memory until its end.
const maxExport = 50_000

// Objects that are read at a time, and so in memory; an envelope has up to 5 MB.
const (
	documentsAtOnce = 16
	envelopesAtOnce = 4
)

// export is what a company takes along: all that is kept of it in one environment but its secrets.
type export struct {
	*service
	company  store.Company
	from, to string // dates of issue, "" for open
	answer   companyAnswer
	folios   foliosAnswer
	keys     keysAnswer
}

// prepareExport gathers what is small and refuses what is too large, so that a ZIP once begun is finished.
func (s *service) prepareExport(ctx context.Context, p access.Principal, r rut.RUT, environment, from, to string) (*export, error) {
	c, e, err := s.loadIn(ctx, r, environment)
	if err != nil {
		return nil, err
	}
	for _, date := range []string{from, to} {
		if _, err := time.Parse(time.DateOnly, date); date != "" && err != nil {
			return nil, problem.Wrap(problem.InvalidParameter, "from y to deben ser fechas AAAA-MM-DD.", err)
		}
	}
	x := &export{service: s, company: store.Company{Env: e, RUT: r}, from: from, to: to, answer: presentCompany(c)}
	if x.folios, err = s.folios(ctx, r, string(e)); err != nil {
		return nil, err
	}
	if x.keys, err = s.listKeys(ctx, p, r); err != nil {
		return nil, err
	}
	count := 0
	err = x.each(ctx, func(store.DocumentID, map[string]string) error {
		if count++; count > maxExport {
			return problem.New(problem.ExportTooLarge, fmt.Sprintf("Hay más de %d documentos. Acote el período con from y to.", maxExport))
		}
		return nil
	})
	return x, err
}

// each goes over the documents of the period by a listing.
func (x *export) each(ctx context.Context, do func(store.DocumentID, map[string]string) error) error {
	for o, err := range x.state.List(ctx, store.Query{Prefix: store.DocumentsPrefix(x.company)}) {
		if err != nil {
			return err
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return err
		}
		date := o.Meta[metaDate]
		if x.from != "" && date < x.from || x.to != "" && date > x.to {
			continue
		}
		if err := do(id, o.Meta); err != nil {
			return err
		}
	}
	return nil
}

// write streams the ZIP. After an error it has no directory at its end, so that nobody takes it for whole.
func (x *export) write(ctx context.Context, w io.Writer) error {
	out := zip.NewWriter(w)
	small := []struct {
		name    string
		content any
	}{{"empresa.json", x.answer}, {"folios.json", x.folios}, {"claves.json", x.keys}}
	for _, f := range small {
		text, err := json.MarshalIndent(f.content, "", "  ")
		if err != nil {
			return fmt.Errorf("encode %s: %w", f.name, err)
		}
		if err := x.add(out, f.name, text); err != nil {
			return err
		}
	}
	if err := x.writeIndex(ctx, out); err != nil {
		return err
	}
	if err := x.writeDocuments(ctx, out); err != nil {
		return err
	}
	return out.Close()
}

// writeIndex is a list of the documents that a spreadsheet can read.
func (x *export) writeIndex(ctx context.Context, out *zip.Writer) error {
	file, err := x.create(out, "documentos.csv")
	if err != nil {
		return err
	}
	rows := csv.NewWriter(file)
	if err := rows.Write([]string{"tipo", "folio", "fecha", "total", "estado", "archivo"}); err != nil {
		return err
	}
	err = x.each(ctx, func(id store.DocumentID, meta map[string]string) error {
		return rows.Write([]string{
			strconv.Itoa(int(id.Type)), strconv.FormatInt(id.Folio, 10), meta[metaDate], meta["total"], meta[metaStatus],
			store.SignedDTE(id, 1).String(),
		})
	})
	if err != nil {
		return err
	}
	rows.Flush()
	return rows.Error()
}

// writeDocuments copies every version of every document, then the envelopes that carried them.
func (x *export) writeDocuments(ctx context.Context, out *zip.Writer) error {
	envelopes := map[store.EnvelopeID]bool{}
	var waiting []store.DocumentID
	flush := func() error {
		names, err := x.namesOf(ctx, waiting, envelopes)
		if err != nil {
			return err
		}
		waiting = waiting[:0]
		return x.copyAll(ctx, out, names)
	}
	err := x.each(ctx, func(id store.DocumentID, _ map[string]string) error {
		if waiting = append(waiting, id); len(waiting) < documentsAtOnce {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	return x.writeEnvelopes(ctx, out, envelopes)
}

// namesOf reads the records of documents for their versions, and notes their envelopes.
func (x *export) namesOf(ctx context.Context, ids []store.DocumentID, envelopes map[store.EnvelopeID]bool) ([]store.Name, error) {
	records := make([]document.Record, len(ids))
	reading, ctx := errgroup.WithContext(ctx)
	for i, id := range ids {
		reading.Go(func() error {
			var err error
			records[i], err = document.Load(ctx, x.state, id)
			return err
		})
	}
	if err := reading.Wait(); err != nil {
		return nil, err
	}
	var names []store.Name
	for i, id := range ids {
		if n := records[i].Envelope; n != 0 {
			envelopes[store.EnvelopeID{Company: x.company, Channel: store.ChannelOf(id.Type), Number: n}] = true
		}
		for version := 1; version <= max(records[i].Version, 1); version++ {
			names = append(names, store.SignedDTE(id, version))
		}
	}
	return names, nil
}

func (x *export) writeEnvelopes(ctx context.Context, out *zip.Writer, envelopes map[store.EnvelopeID]bool) error {
	ids := slices.SortedFunc(maps.Keys(envelopes), func(a, b store.EnvelopeID) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Number, b.Number))
	})
	for some := range slices.Chunk(ids, envelopesAtOnce) {
		names := make([]store.Name, len(some))
		for i, id := range some {
			names[i] = store.SentEnvelope(id)
		}
		if err := x.copyAll(ctx, out, names); err != nil {
			return err
		}
	}
	return nil
}

// copyAll adds objects of the archive under their names there. One that is not there was not signed: a
// folio whose document was buried, or an envelope whose turn has not come.
func (x *export) copyAll(ctx context.Context, out *zip.Writer, names []store.Name) error {
	found := make([]store.Object, len(names))
	reading, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		reading.Go(func() error {
			var err error
			if found[i], err = x.archive.Read(ctx, name); errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		})
	}
	if err := reading.Wait(); err != nil {
		return err
	}
	for i, o := range found {
		if o.Data == nil {
			continue
		}
		if err := x.add(out, names[i].String(), o.Data); err != nil {
			return err
		}
	}
	return nil
}

func (x *export) add(out *zip.Writer, name string, content []byte) error {
	file, err := x.create(out, name)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return err
}

func (x *export) create(out *zip.Writer, name string) (io.Writer, error) {
	return out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: x.today()})
}
