package dial

import "net/netip"

// refused are the ranges of IPv4 that are not public, and addresses of cloud providers' own services.
var refused = prefixes(
	"0.0.0.0/8",        // this network
	"100.64.0.0/10",    // shared by carriers' NAT; also a provider's metadata (100.100.100.200)
	"169.254.0.0/16",   // link-local; metadata servers
	"192.0.0.0/24",     // protocol assignments; also a provider's metadata (192.0.0.192)
	"192.0.2.0/24",     // documentation
	"192.31.196.0/24",  // AS112
	"192.52.193.0/24",  // AMT
	"192.88.99.0/24",   // 6to4 relays
	"192.175.48.0/24",  // AS112
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
	"168.63.129.16/32", // a provider's own services on a public address
)

// private are the ranges that a local run may allow.
var private = prefixes("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")

// metadata are addresses within private that nobody may have.
var metadata = prefixes("fd00:ec2::/32", "fd20:ce::/32")

// global is what IANA gives out of IPv6; refused6 are the parts of it that are not public hosts.
var (
	global   = netip.MustParsePrefix("2000::/3")
	refused6 = prefixes(
		"2001::/23",         // protocol assignments: Teredo, ORCHID, benchmarks
		"2001:db8::/32",     // documentation
		"2002::/16",         // 6to4
		"2620:4f:8000::/48", // AS112
		"3fff::/20",         // documentation
	)
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, r := range ranges {
		if r.Contains(a) {
			return true
		}
	}
	return false
}

// public tells whether an address is that of a host on the Internet. An IPv4 address in the form of an
// IPv6 one is what it is as IPv4.
func public(a netip.Addr) bool {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.Zone() != "" || within(a, private):
		return false
	case a.Is4():
		return !within(a, refused)
	}
	return global.Contains(a) && !within(a, refused6)
}

// local tells whether an address is one that a local run may allow.
func local(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && a.Zone() == "" && within(a, private) && !within(a, metadata)
}
