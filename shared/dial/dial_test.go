package dial_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"timbre/shared/dial"
)

// hostile are addresses that no tenant may have us connect to, in every form that a dialer takes.
var hostile = []string{
	"127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1",
	"100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.0.1", "168.63.129.16", "192.0.0.192", "192.0.2.7",
	"192.88.99.1", "198.18.0.1", "198.51.100.9", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
	"::", "::1", "fe80::1", "fe80::1%lo", "fec0::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "ff02::1", "100::1",
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::127.0.0.1", "::ffff:0:169.254.169.254",
	"64:ff9b::169.254.169.254", "64:ff9b::8.8.8.8", "64:ff9b:1::10.0.0.1", "2002:a9fe:a9fe::1", "2002:7f00:1::1",
	"2001:0:a9fe:a9fe::1", "2001:db8::1", "3fff::1", "2001:20::1", "4000::1",
}

// TestHostileAddresses asks for each address as text, and as what a name resolves to.
func TestHostileAddresses(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			d := dial.New(dial.Options{Timeout: time.Second})
			refuse(t, d, net.JoinHostPort(text, "443"))
			a, err := netip.ParseAddr(text)
			if err != nil {
				t.Fatal(err)
			}
			named := dial.New(dial.Options{Timeout: time.Second, Resolver: resolver(a.WithZone(""))})
			refuse(t, named, "receiver.example:443")
		})
	}
	if len(hostile) < 25 {
		t.Errorf("only %d addresses", len(hostile))
	}
}

func refuse(t *testing.T, d *dial.Dialer, address string) {
	t.Helper()
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err == nil {
		conn.Close() //nolint:errcheck // it must not be there at all
		t.Errorf("%s was connected to", address)
		return
	}
	if !errors.Is(err, dial.ErrRefused) && !errors.Is(err, syscall.EAFNOSUPPORT) { // a machine without IPv6
		t.Errorf("%s: %v", address, err)
	}
}

// TestForms writes loopback in the ways that parsers of other languages take; a listener must hear nothing.
func TestForms(t *testing.T) {
	t.Parallel()
	l, port := listen(t)
	d := dial.New(dial.Options{Timeout: time.Second, Resolver: resolver(netip.MustParseAddr("127.0.0.1"))})
	for _, host := range []string{"localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "receiver.example", "receiver.example.", "[::ffff:127.0.0.1]", ""} {
		conn, err := d.DialContext(t.Context(), "tcp", host+":"+port)
		if err == nil {
			conn.Close() //nolint:errcheck // it must not be there at all
		}
		if err == nil || l.heard() {
			t.Errorf("%q was connected to", host)
		}
	}
	if _, err := d.DialContext(t.Context(), "unix", "/tmp/socket"); !errors.Is(err, dial.ErrRefused) {
		t.Errorf("unix: %v", err)
	}
}

// TestRebinding has a name that was public when it was looked at, and is the metadata server, or our own
// machine, when it is connected to.
func TestRebinding(t *testing.T) {
	t.Parallel()
	l, port := listen(t)
	for _, later := range []string{"169.254.169.254", "127.0.0.1"} {
		names := resolver(netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr(later))
		first, err := names.LookupNetIP(t.Context(), "ip4", "rebind.example")
		if err != nil || len(first) != 1 || first[0] != netip.MustParseAddr("93.184.216.34") {
			t.Fatalf("first look: %v %v", first, err)
		}
		d := dial.New(dial.Options{Timeout: time.Second, Resolver: names})
		if _, err := d.DialContext(t.Context(), "tcp", "rebind.example:"+port); !errors.Is(err, dial.ErrRefused) {
			t.Errorf("%s: %v", later, err)
		}
	}
	if l.heard() {
		t.Error("our own machine was connected to")
	}
}

// TestAllowed lets private addresses through where that is wanted, and never link-local ones.
func TestAllowed(t *testing.T) {
	t.Parallel()
	l, port := listen(t)
	d := dial.New(dial.Options{AllowPrivate: true, Timeout: time.Second, Resolver: resolver(netip.MustParseAddr("127.0.0.1"))})
	for _, host := range []string{"127.0.0.1", "receiver.example", "[::ffff:127.0.0.1]"} {
		conn, err := d.DialContext(t.Context(), "tcp", host+":"+port)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		conn.Close() //nolint:errcheck // nothing was written
		if !l.heard() {
			t.Errorf("%s was not connected to", host)
		}
	}
	for _, text := range []string{"169.254.169.254", "::ffff:169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "fd00:ec2::254", "64:ff9b::1.1.1.1"} {
		refuse(t, d, net.JoinHostPort(text, "80"))
	}
}

// listener tells whether anybody has connected since it was asked last.
type listener struct {
	first   chan byte // of each connection in order; 0 if it brought none
	address string
}

func listen(t *testing.T) (*listener, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := &listener{first: make(chan byte, 100), address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			brought := make([]byte, 1)
			conn.Read(brought) //nolint:errcheck // who brings nothing is no probe
			conn.Close()       //nolint:errcheck // nothing was written
			heard.first <- brought[0]
		}
	}()
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // the test is over
	_, port, err := net.SplitHostPort(heard.address)
	if err != nil {
		t.Fatal(err)
	}
	return heard, port
}

// heard connects itself, with a byte, and tells whether somebody came before: connections are accepted in order.
func (l *listener) heard() bool {
	const probe = 1
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		panic(err)
	}
	defer conn.Close() //nolint:errcheck // one byte was written
	if _, err := conn.Write([]byte{probe}); err != nil {
		panic(err)
	}
	others := false
	for <-l.first != probe {
		others = true
	}
	return others
}

// resolver answers the n-th question for an address with the n-th of answers, and the last one from then
// on. It speaks DNS over a pipe, so that net's own resolver and dialer are what is tested.
func resolver(answers ...netip.Addr) *net.Resolver {
	var mu sync.Mutex
	next := func(kind uint16) (netip.Addr, bool) {
		mu.Lock()
		defer mu.Unlock()
		a := answers[0]
		matches := kind == typeA && a.Is4() || kind == typeAAAA && a.Is6()
		if matches && len(answers) > 1 {
			answers = answers[1:]
		}
		return a, matches
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server, next)
		return client, nil
	}}
}

const (
	typeA    = 1
	typeAAAA = 28
)

// answer serves DNS messages with a length before each (RFC 1035 §4.2.2).
func answer(conn net.Conn, next func(uint16) (netip.Addr, bool)) {
	defer conn.Close() //nolint:errcheck // the pipe of a test
	for {
		size := make([]byte, 2)
		if _, err := conn.Read(size); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size))
		if _, err := conn.Read(query); err != nil {
			return
		}
		reply := respond(query, next)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// respond makes the answer to a query with one question.
func respond(query []byte, next func(uint16) (netip.Addr, bool)) []byte {
	end := 12 + strings.IndexByte(string(query[12:]), 0) + 1
	kind := binary.BigEndian.Uint16(query[end:])
	a, found := next(kind)
	count := byte(0)
	if found {
		count = 1
	}
	reply := append([]byte{}, query[:2]...)
	reply = append(reply, 0x84, 0x80, 0, 1, 0, count, 0, 0, 0, 0) // an authoritative answer without error
	reply = append(reply, query[12:end+4]...)
	if found {
		data := a.AsSlice()
		reply = append(reply, 0xC0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(data)))
		reply = append(reply, data...)
	}
	return reply
}
