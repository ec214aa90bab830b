package e2e_test

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
)

// hostileAttack is one request, as bytes.
type hostileAttack struct {
	name, function string
	head           string // request line and headers, without Host and the blank line
	body           io.WriterTo
	leave          bool // hang up after the last byte: less was sent than said
}

// send writes the request; a server that hangs up meanwhile has answered.
func (a hostileAttack) send(connection net.Conn, address string) {
	line, headers, _ := strings.Cut(a.head, "\r\n")
	if _, err := io.WriteString(connection, line+"\r\nHost: "+address+"\r\n"+headers+"\r\n"); err == nil && a.body != nil {
		_, _ = a.body.WriteTo(connection)
	}
	if half, ok := connection.(*net.TCPConn); ok && a.leave {
		_ = half.CloseWrite()
	}
}

// text is a body of some bytes; filler one of many that is not kept in memory.
type text string

func (s text) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, string(s))
	return int64(n), err
}

type filler struct {
	begin, repeat, end string
	times              int
}

func (f filler) size() int { return len(f.begin) + f.times*len(f.repeat) + len(f.end) }

func (f filler) WriteTo(w io.Writer) (int64, error) {
	const block = 64 << 10
	if _, err := io.WriteString(w, f.begin); err != nil {
		return 0, err
	}
	each := max(block/max(len(f.repeat), 1), 1)
	many := strings.Repeat(f.repeat, each)
	for left := f.times; left > 0; left -= each {
		if _, err := io.WriteString(w, many[:min(left, each)*len(f.repeat)]); err != nil {
			return 0, err
		}
	}
	_, err := io.WriteString(w, f.end)
	return 0, err
}

// Attacks that send less than they say.
const (
	lessThanSaid     = "less than said"
	lengthAndChunked = "length and chunked"
)

// hostileMaker makes attacks on the routes of a company.
type hostileMaker struct {
	key string
	all []hostileAttack
}

// hostileAttacks are all kinds on all routes, shuffled.
func hostileAttacks(company, key string) []hostileAttack {
	m := &hostileMaker{key: key}
	for _, r := range accessRoutes() {
		r.path, r.body = strings.ReplaceAll(r.path, accessA, company), strings.ReplaceAll(r.body, accessA, company)
		m.paths(r)
		m.heads(r)
		if r.method != "GET" && r.method != "DELETE" {
			m.bodies(r)
		}
	}
	m.orders(company)
	m.files(company)
	slices.SortFunc(m.all, func(a, b hostileAttack) int { return cmp.Or(cmp.Compare(a.head, b.head), cmp.Compare(a.name, b.name)) })
	order := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same attacks each time
	order.Shuffle(len(m.all), func(i, j int) { m.all[i], m.all[j] = m.all[j], m.all[i] })
	return m.all
}

// add makes an attack of a body of known size.
func (m *hostileMaker) add(name, function, method, path, headers string, body filler) {
	m.raw(name, function, fmt.Sprintf("%s %s HTTP/1.1\r\nAuthorization: Bearer %s\r\nIdempotency-Key: hostile\r\nContent-Length: %d\r\n%s",
		method, path, m.key, body.size(), headers), body)
}

func (m *hostileMaker) raw(name, function, head string, body io.WriterTo) {
	m.all = append(m.all, hostileAttack{name: name, function: function, head: head, body: body, leave: name == lessThanSaid || name == lengthAndChunked})
}

// once is a body as it stands.
func once(s string) filler { return filler{begin: s} }

// paths are tricks with the address of a route.
func (m *hostileMaker) paths(r accessRoute) {
	_, last, _ := strings.Cut(r.path[1:], "/")
	for name, path := range map[string]string{
		"double slash":    "/" + r.path,
		"double inside":   strings.ReplaceAll(r.path, "/", "//"),
		"dot dot":         "/x/.." + r.path,
		"escaped dot dot": "/..%2f.." + r.path,
		"escaped path":    "/v1%2f" + last,
		"twice escaped":   "/%252e%252e" + r.path,
		"out of keys":     "/v1/companies/..%2f..%2fkeys",
		"to the inside":   r.path + "/../../../_tick",
		"NUL":             r.path + "%00",
		"broken escape":   r.path + "%zz",
		"bad UTF-8":       r.path + "/%ff%fe",
		"raw bytes":       r.path + "/\xff\xc3",
		"semicolon":       r.path + ";a=b",
		"backslash":       strings.ReplaceAll(r.path, "/", `\`),
		"long":            r.path + strings.Repeat("/a", 20_000),
		"absolute":        "http://evil.example" + r.path,
		"asterisk":        "*",
		"query of bytes":  r.path + "?environment=%ff&cursor=%00&limit=1e9&type=-1&from=0000-00-00",
		"many parameters": r.path + "?" + strings.Repeat("a=b&", 10_000),
	} {
		m.add(name, r.function, r.method, path, "", once(r.body))
	}
}

// heads are floods and lies of headers.
func (m *hostileMaker) heads(r accessRoute) {
	begin := r.method + " " + r.path + " HTTP/1.1\r\n"
	authorized := begin + "Authorization: Bearer " + m.key + "\r\n"
	for name, head := range map[string]string{
		"thousand headers": authorized + strings.Repeat("X-Flood: aaaaaaaaaaaaaaaa\r\n", 1000),
		"megabyte header":  authorized + "X-Flood: " + strings.Repeat("a", 1<<20) + "\r\n",
		"bytes in headers": authorized + "X-Request-Id: \xff\xfe\r\nTraceparent: \x80\r\n",
		"two credentials":  authorized + "Authorization: Bearer x\r\n",
		"long credential":  begin + "Authorization: Bearer " + strings.Repeat("e30.", 10_000) + "\r\n",
		"ID token of air":  begin + "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n",
		"negative length":  authorized + "Content-Length: -1\r\n",
		"two lengths":      authorized + "Content-Length: 1\r\nContent-Length: 2\r\n",
		lengthAndChunked:   authorized + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"broken chunks":    authorized + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"upgrade":          authorized + "Connection: Upgrade\r\nUpgrade: websocket\r\n",
		"old version":      strings.Replace(authorized, "HTTP/1.1", "HTTP/0.9", 1),
		"long key":         authorized + "Idempotency-Key: " + strings.Repeat("k", 10_000) + "\r\n",
		"prefer for ever":  authorized + "Prefer: wait=99999999999999999999\r\n",
		"no such method":   strings.Replace(authorized, r.method, "BREW", 1),
	} {
		m.raw(name, r.function, head, nil)
	}
}

// bodies are what no route can read.
func (m *hostileMaker) bodies(r accessRoute) {
	company := "x"
	if _, rest, found := strings.Cut(r.body, `"company":"`); found {
		company, _, _ = strings.Cut(rest, `"`)
	}
	for name, body := range map[string]filler{
		"list":           once(`[]`),
		"text":           once(`"x"`),
		"null":           once(`null`),
		"number":         once(`1e400`),
		"wrong types":    once(`{"company":["a"],"document":"x","type":{},"ruts":1,"pfx":2,"documents":{},"lines":true,"move_id":[]}`),
		"no UTF-8":       once("{\"company\":\"\xff\xfe\",\"document\":{}}"),
		"surrogates":     once(`{"company":"\ud800","reference":"\udfff\u0000"}`),
		"twice the same": once(`{"company":"` + company + `","company":"1-9","company":null}`),
		"NULs":           once("\x00\x00\x00\x00"),
		"deep lists":     {repeat: "[", times: 500_000},
		"deep objects":   {repeat: `{"document":`, times: 50_000},
		"long number":    {begin: `{"type":`, repeat: "9", times: 500_000, end: "}"},
		"long name":      {begin: `{"`, repeat: "a", times: 500_000, end: `":1}`},
		"many names":     {begin: `{`, repeat: `"a":1,`, times: 100_000, end: `"b":1}`},
	} {
		m.add(name, r.function, r.method, r.path, "Content-Type: application/json\r\n", body)
	}
	m.add("50 MB", r.function, r.method, r.path, "", filler{begin: `{"company":"` + company + `","documents":["`, repeat: "a", times: 50 << 20, end: `"]}`})
	m.add("50 MB of rows", r.function, r.method, r.path, "", filler{begin: `{"company":"` + company + `","documents":[`, repeat: `{"idempotency_key":"k"},`, times: 2 << 20, end: `{}]}`})
	m.raw(lessThanSaid, r.function, r.method+" "+r.path+" HTTP/1.1\r\nConnection: close\r\nContent-Length: 10\r\n", text("{}"))
}

// orders are documents that no invoice is.
func (m *hostileMaker) orders(company string) {
	document := func(name, header, line string) {
		body := `{"company":"` + company + `","document":{"Encabezado":{"IdDoc":{"TipoDTE":33` + header + `},"Receptor":{"RUTRecep":"60803000-K",` +
			`"RznSocRecep":"x","GiroRecep":"x","DirRecep":"x","CmnaRecep":"x"}},"Detalle":[{"NmbItem":"x","QtyItem":1,"PrcItem":1` + line + `}]}}`
		m.add(name, "generate-sign", "POST", "/v1/documents?dry_run=true", "", once(body))
	}
	for _, number := range []string{"1e999999999", "-1e999999999", "1e-999999999", "9223372036854775808", "0.0000000000000000001", strings.Repeat("9", 10_000), `"1e9"`, `"NaN"`, "[]", "{}", "true"} {
		document("price "+number[:min(len(number), 20)], "", `,"PrcItem":`+number)
		document("quantity "+number[:min(len(number), 20)], "", `,"QtyItem":`+number)
		document("amount "+number[:min(len(number), 20)], "", `,"MontoItem":`+number)
		document("folio "+number[:min(len(number), 20)], `,"Folio":`+number, "")
		document("date "+number[:min(len(number), 20)], `,"FchEmis":`+number, "")
	}
	document("text of a megabyte", "", `,"DscItem":"`+strings.Repeat("ñ", 400_000)+`"`)
	document("text of controls", "", `,"DscItem":"\u0000\u0008\u001b\ufffe\ud83d\ude00]]>"`)
	document("many lines", "", `},`+strings.Repeat(`{"NmbItem":"x","QtyItem":1,"PrcItem":1},`, 20_000)+`{"NmbItem":"y"`)
	document("unknown fields", `,"`+strings.Repeat("x", 1000)+`":1`, `,"<script>":1`)
}

// files are CAFs and certificates that are none.
func (m *hostileMaker) files(company string) {
	path := "/v1/companies/" + company
	for name, body := range map[string]filler{
		"billion laughs": once(`<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><AUTORIZACION>&b;</AUTORIZACION>`),
		"outside entity": once(`<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><AUTORIZACION><CAF>&a;</CAF></AUTORIZACION>`),
		"deep XML":       {begin: "<AUTORIZACION>", repeat: "<a>", times: 10_000},
		"many tags":      {begin: "<AUTORIZACION>", repeat: "<a/>", times: 10_000, end: "</AUTORIZACION>"},
		"UTF-16":         once("\xff\xfe<\x00A\x00"),
	} {
		m.add(name, "onboard", "POST", path+"/cafs", "", body)
	}
	for name, pfx := range map[string]string{
		"PFX without end": "MIICgICAgICAgICA", "PFX of zeros": strings.Repeat("A", 200_000), "PFX of lengths": "MIT/////AgEDMIT/////",
		"PFX in itself": strings.Repeat("MIAwgDCAMIAwgDCA", 10_000),
	} {
		m.add(name, "onboard", "PUT", path+"/certificate", "", once(`{"pfx":"`+pfx+`","password":"x"}`))
	}
}
