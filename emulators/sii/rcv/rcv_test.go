package rcv_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii/rcv"
)

// recorded is a file of the reference material, or skips.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	base := os.Getenv("REFERENCE_DIR")
	if base == "" {
		base = filepath.Join("..", "..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(base, "sii", "responses", "rcv", name))
	if err != nil {
		t.Skipf("reference folder has no %s here; set REFERENCE_DIR", name)
	}
	return data
}

func at(t *testing.T, s string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.DateTime, s)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// Headers and rows of all five column sets, as files of real exports have them.
func TestColumnsAsRecorded(t *testing.T) {
	t.Parallel()
	base := rcv.Row{Type: 33, RUT: "12345678-5", Name: "Fake Company S.A. "}
	tests := []struct {
		file string
		line int // 1 is the first behind the header
		row  func(r *rcv.Row)
	}{
		{"RCV-compra-registro-rz_leading_trailing_whitespace.csv", 1, func(r *rcv.Row) {
			r.Book, r.Folio, r.Date, r.Received = rcv.Registered, 23084, "2019-06-21", at(t, "2019-06-24 09:55:53")
			r.Net, r.VAT, r.Total = 240169, 45632, 285801
		}},
		{"RCV-compra-no_incluir-rz_leading_trailing_whitespace.csv", 1, func(r *rcv.Row) {
			r.Book, r.Folio, r.Date, r.Received = rcv.NotIncluded, 19000035, "2019-12-13", at(t, "2019-12-14 15:56:27")
			r.Net, r.VAT, r.Total, r.Transaction = 87699, 16663, 104362, 7
		}},
		{"RCV-compra-pendiente-rz_leading_trailing_whitespace.csv", 1, func(r *rcv.Row) {
			r.Book, r.Folio, r.Date, r.Received = rcv.Pending, 9800042, "2019-06-28", at(t, "2019-07-01 13:21:32")
			r.Net, r.VAT, r.Total = 41838, 7949, 49787
		}},
		{"RCV-compra-reclamado-rz_leading_trailing_whitespace.csv", 1, func(r *rcv.Row) {
			r.Book, r.Folio, r.Date, r.Received, r.Claimed = rcv.Refused, 1000055, "2019-06-05", at(t, "2019-06-05 21:58:49"), at(t, "2019-06-12 09:47:23")
			r.Net, r.VAT, r.Total = 970894, 184470, 1155364
		}},
		{"RCV-compra-reclamado.csv", 1, func(r *rcv.Row) {
			r.Book, r.Folio, r.Date, r.Received, r.Claimed = rcv.Refused, 1000055, "2019-06-05", at(t, "2019-06-05 21:58:49"), at(t, "2019-06-12 09:47:23")
			r.Net, r.VAT, r.Total, r.Taxes = 970894, 184470, 1155364, []rcv.Tax{{Code: 23, Amount: 12000, Rate: "2.967999999"}}
		}},
		{"RCV-venta-multiple-dte-referencias.csv", 2, func(r *rcv.Row) {
			r.Book, r.RUT, r.Name, r.Folio, r.Date = rcv.Sales, "77697060-3", "DIRECT LTDA", 14239, "2025-12-09"
			r.Received, r.Receipt = at(t, "2025-12-09 08:50:45"), at(t, "2025-12-10 13:14:17")
			r.Net, r.VAT, r.Total, r.Reference, r.Folios = 553180, 105104, 658284, "52", "10370-10371"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			lines := strings.Split(strings.ReplaceAll(string(recorded(t, tt.file)), "\r", ""), "\n")
			row := base
			tt.row(&row)
			rows := slices.Repeat([]rcv.Row{row}, tt.line)
			got := rcv.Lines(row.Book, rows)
			if diff := cmp.Diff(lines[0], got[0]); diff != "" {
				t.Errorf("header:\n%s", diff)
			}
			if diff := cmp.Diff(normal(lines[tt.line]), normal(got[tt.line])); diff != "" {
				t.Errorf("row:\n%s", diff)
			}
		})
	}
}

// normal blanks a field in which recorded rows of sales differ among themselves:
// "IVA fuera de plazo" is 0 in some files and empty in others.
func normal(line string) string {
	fields := strings.Split(line, ";")
	if len(fields) < 43 {
		return line
	}
	fields[23] = ""
	return strings.Join(fields, ";")
}

// A sale with two other taxes has two lines of 49 fields, as recorded.
func TestFurtherLines(t *testing.T) {
	t.Parallel()
	lines := strings.Split(string(recorded(t, "RCV-venta-extra-empty-impuestos-rows.csv")), "\n")
	row := rcv.Row{
		Book: rcv.Sales, Type: 33, RUT: "54213736-3", Name: "CHILE SPA", Folio: 6541, Date: "2025-09-01",
		Received: at(t, "2025-09-01 10:09:00"), Receipt: at(t, "2025-09-08 14:15:23"), Net: 7217280, VAT: 1371283, Total: 9565862,
		Taxes: []rcv.Tax{{27, 275904, "10"}, {271, 701395, "18"}},
	}
	got := rcv.Lines(rcv.Sales, []rcv.Row{row})
	if diff := cmp.Diff(strings.TrimSpace(lines[2]), got[2]); diff != "" {
		t.Errorf("further line of a sale:\n%s", diff)
	}
	if n := len(strings.Split(got[1], ";")); n != 49 {
		t.Errorf("first line: %d fields, want 49", n)
	}
	row.Book = rcv.Registered
	got = rcv.Lines(rcv.Registered, []rcv.Row{row, row})
	if len(got) != 5 || !strings.HasPrefix(got[2], "1;33;Del Giro;54213736-3;") || !strings.HasSuffix(got[2], ";271;701395;18;") || !strings.HasPrefix(got[3], "2;") {
		t.Errorf("further line of a purchase: %q", got)
	}
}

// The VAT of a purchase stands in one column, by its transaction.
func TestTransactions(t *testing.T) {
	t.Parallel()
	for transaction, want := range map[int]string{
		0: "Del Giro 190    ", 1: "Del Giro 190    ", 2: "Supermercado 190    ", 3: "Bienes Raíces 190    ", 4: "Activo Fijo 190   190 ",
		5: "IVA Uso Común     190", 6: "IVA no Recuperable  190 1  ", 7: "No Corresp. Incluir  190 9  ", 8: "Del Giro 190    ",
	} {
		lines := rcv.Lines(rcv.Registered, []rcv.Row{{Book: rcv.Registered, Type: 33, Transaction: transaction, Net: 1000, VAT: 190, Total: 1190}})
		f := strings.Split(lines[1], ";")
		if got := strings.Join([]string{f[2], f[11], f[12], f[13], f[16], f[17]}, " "); got != want {
			t.Errorf("%d: got %q, want %q", transaction, got, want)
		}
	}
}

// A summary has every field of the recorded one, and its sums are right.
func TestSummaryAsRecorded(t *testing.T) {
	t.Parallel()
	var file struct {
		Data []map[string]any `json:"data"`
	}
	if err := json.Unmarshal(recorded(t, "getResumen.live-2026-08-25.excerpt.json"), &file); err != nil {
		t.Fatal(err)
	}
	rows := []rcv.Row{{Type: 61, Total: 5}}
	for range 4 {
		rows = append(rows, rcv.Row{Type: 43, Net: 127636, VAT: 24249, Total: 151885})
	}
	data, err := json.Marshal(rcv.Summarize(rows)[0])
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := file.Data[0]
	want["rsmnMntNeto"], want["rsmnMntIVA"], want["rsmnMntTotal"] = 4*127636.0, 4*24249.0, 4*151885.0
	delete(got, "rsmnMntExe") // left out of the excerpt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What did not happen is null, and a name with a semicolon stays one field.
func TestDetails(t *testing.T) {
	t.Parallel()
	d := rcv.Details([]rcv.Row{{Book: rcv.Pending, Type: 33, RUT: "12345678-5", Date: "2026-11-20", Received: at(t, "2026-11-20 12:00:00")}})[0]
	if d.Digit != "5" || d.Date != "20/11/2026" || *d.Received != "20/11/2026 12:00:00" || d.Receipt != nil || d.By != nil || *d.State != "PENDIENTE" || d.Transaction != 1 {
		t.Errorf("got %+v", d)
	}
	lines := rcv.Lines(rcv.Pending, []rcv.Row{{Book: rcv.Pending, Type: 33, Name: "A; B\nC"}})
	if n := strings.Count(lines[1], ";") - strings.Count(lines[0], ";"); n != 1 {
		t.Errorf("row has %d semicolons more than the header, want 1", n)
	}
}
