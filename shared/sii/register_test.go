package sii_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/shared/rcv"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const (
	summaryPath = "/www4c.sii.cl/consdcvinternetui/services/data/facadeService/getResumen"
	exportPath  = "/www4c.sii.cl/consdcvinternetui/services/data/facadeService/getDetalleCompraExport"
	bookHeader  = "Nro;Tipo Doc;Tipo Compra;RUT Proveedor;Razon Social;Folio;Fecha Docto;Fecha Recepcion;Monto Exento;Monto Neto;Monto IVA Recuperable;Monto Total"
)

var november = rcv.Period{Year: 2026, Month: 11}

// summary answers how many documents of which types a book has.
func summary(kinds ...[2]int) http.HandlerFunc {
	rows := make([]map[string]int, len(kinds))
	for i, k := range kinds {
		rows[i] = map[string]int{"rsmnTipoDocInteger": k[0], "rsmnTotDoc": k[1]}
	}
	return bookData(rows)
}

func bookData(data any) http.HandlerFunc {
	text, err := json.Marshal(map[string]any{"data": data, "respEstado": map[string]any{"codRespuesta": 0}})
	if err != nil {
		panic(err)
	}
	return says(http.StatusOK, string(text))
}

// export answers lines of the asked type and checks the call as the real server does.
func export(t *testing.T, count int) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			MetaData struct{ Namespace, ConversationID, TransactionID string }
			Data     map[string]any
		}
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		if !strings.Contains(r.Header.Get("Accept"), "*/*") || !strings.HasSuffix(call.MetaData.Namespace, "FacadeService/getDetalleCompraExport") ||
			"TOKEN="+call.MetaData.ConversationID != r.Header.Get("Cookie") || len(call.MetaData.TransactionID) != 36 {
			t.Errorf("call %+v, header %v", call, r.Header)
		}
		if call.Data["rutEmisor"] != "76192083" || call.Data["dvEmisor"] != "9" || call.Data["ptributario"] != "202611" || call.Data["estadoContab"] != "PENDIENTE" {
			t.Errorf("data %v", call.Data)
		}
		lines := []string{bookHeader}
		for i := range count {
			lines = append(lines, fmt.Sprintf("%d;%v;Del Giro;45000065-5;Proveedor;%d;19/11/2026;20/11/2026 10:00:00;0;1000;190;1190;", i+1, call.Data["codTipoDoc"], i+1))
		}
		bookData(lines)(w, r)
	}
}

func purchases(t *testing.T, f *fakeSII) ([]rcv.Row, error) {
	t.Helper()
	session := sii.New(memory(), func() time.Time { return noon }, options(f)).As(store.Certificacion, someone())
	return session.Purchases(t.Context(), company, november, rcv.Pendiente)
}

func TestPurchases(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	f.set(summaryPath, summary([2]int{33, 2}, [2]int{61, 0}, [2]int{34, 2}))
	f.set(exportPath, export(t, 2))
	rows, err := purchases(t, f)
	if err != nil || len(rows) != 4 || rows[3].Type != 34 || rows[0].Total != 1190 {
		t.Errorf("got %v, %v", rows, err)
	}
	f.set(summaryPath, says(http.StatusOK, fixture(t, "rcv", "getResumen.live-2026-08-25.excerpt.json")))
	f.set(exportPath, export(t, 4))
	if rows, err := purchases(t, f); err != nil || len(rows) != 4 || rows[0].Type != 43 {
		t.Errorf("live summary: got %v, %v", rows, err)
	}
	f.set(summaryPath, bookData(nil))
	if rows, err := purchases(t, f); err != nil || len(rows) != 0 {
		t.Errorf("empty book: got %v, %v", rows, err)
	}
}

// What is not the whole book is an error, never a shorter book.
func TestPurchasesRefused(t *testing.T) {
	t.Parallel()
	one := summary([2]int{33, 2})
	tests := map[string]struct {
		summary, export http.HandlerFunc
		want            error
	}{
		"fewer lines":         {one, export(t, 1), sii.ErrIncomplete},
		"more lines":          {one, export(t, 3), sii.ErrIncomplete},
		"a bad line":          {one, bookData([]string{bookHeader, "1;33;;45000065-5;P;1;ayer;;0;0;0;1", "2;33;;45000065-5;P;2;19/11/2026;;0;0;0;1"}), sii.ErrIncomplete},
		"no book":             {one, bookData([]string{"hola"}), sii.ErrUnavailable},
		"no JSON":             {says(http.StatusOK, "<html>mantención</html>"), nil, sii.ErrUnavailable},
		"500":                 {says(http.StatusInternalServerError, "RESTEASY001530"), nil, sii.ErrUnavailable},
		"refused":             {says(http.StatusOK, `{"data":null,"respEstado":{"codRespuesta":99,"msgeRespuesta":"Usuario no autorizado"}}`), nil, sii.ErrUnavailable},
		"other data":          {bookData("x"), nil, sii.ErrUnavailable},
		"the session is lost": {says(http.StatusUnauthorized, "<html>JBWEB000065</html>"), nil, sii.ErrTokenDead},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.set(summaryPath, tt.summary)
			f.set(exportPath, tt.export)
			rows, err := purchases(t, f)
			if !errors.Is(err, tt.want) || rows != nil {
				t.Errorf("got %v, %v", rows, err)
			}
			if logins := f.count(tokenPath); tt.want == sii.ErrTokenDead && logins != 2 {
				t.Errorf("%d logins, want one anew", logins)
			}
		})
	}
}
