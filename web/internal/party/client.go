package party

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose word is taken for whom a request comes from.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks: "127.0.0.1", "10.0.0.0/8", "::1". IPv4
// that is written as IPv6 (::ffff:10.0.0.0/104) stands for itself: the address of a
// connection is read so, too.
func ParseProxies(list []string) (Proxies, error) {
	var all Proxies
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if addr, aerr := netip.ParseAddr(text); aerr == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || p != p.Masked() {
			return nil, fmt.Errorf("trusted_proxies: %q is neither an address nor a network such as 10.0.0.0/8", text)
		}
		if p.Addr().Is4In6() { // with at least the 96 bits before the IPv4 address: it is masked
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
		}
		all = append(all, p)
	}
	return all, nil
}

// mappedBits are the bits before an IPv4 address in IPv6: ::ffff:0:0/96 (RFC 4291,
// section 2.5.5.2).
const mappedBits = 96

func (p Proxies) trust(addr netip.Addr) bool {
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// maxHops bounds how far a request is followed back.
const maxHops = 16

// Client is the address that a request comes from: its connection's, or as long as
// that is a trusted proxy's, the one that the proxy names, from the right to the
// left of X-Forwarded-For, or of Forwarded (RFC 7239) when only that is there.
// Anything that does not have the form of an address ends the search at the proxy
// that passed it on; what a client writes itself is to the left of that and never
// read. When both headers are there, one may be the client's: they must agree, or
// it is the proxy's own request.
func (p Proxies) Client(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	own := clean(ap.Addr())
	if !p.trust(own) {
		return own
	}
	x, forwarded := r.Header.Values("X-Forwarded-For"), r.Header.Values("Forwarded")
	byX := p.follow(own, strings.Split(strings.Join(x, ","), ","), node)
	byForwarded := p.follow(own, elements(strings.Join(forwarded, ",")), forwardedFor)
	switch {
	case len(forwarded) == 0:
		return byX
	case len(x) == 0 || byX == byForwarded:
		return byForwarded
	}
	return own
}

func (p Proxies) follow(from netip.Addr, hops []string, read func(string) (netip.Addr, bool)) netip.Addr {
	for n := 0; len(hops) > 0 && n < maxHops && p.trust(from); n++ {
		next, ok := read(strings.Trim(hops[len(hops)-1], " \t"))
		if !ok {
			break
		}
		from, hops = next, hops[:len(hops)-1]
	}
	return from
}

// node reads an address with or without a port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80.
func node(text string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return clean(addr), err == nil && addr.Is6() && addr.Zone() == ""
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return clean(ap.Addr()), ap.Addr().Zone() == ""
	}
	addr, err := netip.ParseAddr(text)
	return clean(addr), err == nil && addr.Zone() == ""
}

// elements splits a Forwarded header at its commas, but not in quotes. Quotes that
// do not close make one element of it all, which is not an address.
func elements(text string) []string {
	if text == "" {
		return nil
	}
	var all []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			all, start = append(all, text[start:i]), i+1
		}
	}
	if quoted {
		return []string{text}
	}
	return append(all, text[start:])
}

// forwardedFor reads the one for= of a forwarded-element. IPv6 addresses, and those
// with a port, are in quotes.
func forwardedFor(element string) (found netip.Addr, ok bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, has := strings.Cut(pair, "=")
		if !has || !strings.EqualFold(strings.Trim(name, " \t"), "for") {
			continue
		}
		if ok {
			return netip.Addr{}, false // two of them
		}
		inner, quoted := strings.CutPrefix(value, `"`)
		if quoted {
			if inner, ok = strings.CutSuffix(inner, `"`); !ok {
				return netip.Addr{}, false
			}
		}
		if !quoted && strings.ContainsAny(inner, ":[]") || strings.Contains(inner, ":") && !strings.HasPrefix(inner, "[") && strings.Count(inner, ":") > 1 {
			return netip.Addr{}, false
		}
		if found, ok = node(inner); !ok {
			return netip.Addr{}, false
		}
	}
	return found, ok
}

func clean(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// Networks of IPv6 whose addresses each hold one address of IPv4.
var (
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291, section 2.5.5.1
	siit       = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215: where in it is the network's own choice
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380
)

// OfAddress is the party at an address: IPv4 addresses are told apart, also those
// that a translator or a tunnel writes as IPv6; of other IPv6 the networks of 64
// bits, which one subscriber has all of.
func OfAddress(addr netip.Addr) string {
	addr = clean(addr)
	if !addr.Is6() || addr.IsLoopback() || addr.IsUnspecified() {
		return addr.String()
	}
	b := addr.As16()
	switch {
	case compatible.Contains(addr) || siit.Contains(addr) || nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:])).String()
	case localNAT64.Contains(addr):
		return addr.String()
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])).String()
	case teredo.Contains(addr):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}).String()
	}
	network, _ := addr.Prefix(64) // it has 128
	return network.String()
}

type contextKey struct{}

// With notes the client of a request in its context.
func (p Proxies) With(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, OfAddress(p.Client(r))))
}

// Of is the client that [Proxies.With] noted, or without it whoever is connected.
func Of(r *http.Request) string {
	if party, ok := r.Context().Value(contextKey{}).(string); ok {
		return party
	}
	return OfAddress(Proxies{}.Client(r))
}
