package party

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
)

func TestABudgetIsOfOnePartyAndComesBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	b := NewBudget(60, func() time.Time { return now })
	spend := func(party string, n int) (refused int) {
		for range n {
			if err := b.Spend(party); err != nil {
				refused++
				if f, ok := fault.As(err); !ok || f.Code != fault.Limited || f.Details["retry_after"] != "1" {
					t.Errorf("%v, want RATE_LIMITED for a second", err)
				}
			}
		}
		return refused
	}
	if n := spend("a", 100); n != 40 {
		t.Errorf("%d of 100 were refused", n)
	}
	if n := spend("b", 60); n != 0 {
		t.Errorf("another party was refused %d times", n)
	}
	now = now.Add(10 * time.Second)
	if n := spend("a", 20); n != 10 {
		t.Errorf("after ten seconds %d of 20 were refused", n)
	}
	now = now.Add(-time.Hour) // a clock that is set back locks no party out for longer
	spend("a", 1)
	now = now.Add(time.Minute)
	if n := spend("a", 60); n != 0 {
		t.Errorf("a minute after the clock was set back %d of 60 were refused", n)
	}
}

func TestStrangersDoNotFillABudget(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	b := NewBudget(2, func() time.Time { return now })
	var k Known
	k.Add("first")
	for i := range 3 * MaxParties {
		stranger := fmt.Sprint("stranger ", i)
		if err := b.Spend(stranger); err != nil {
			t.Fatalf("%s was refused: %v", stranger, err)
		}
		k.Add(stranger)
	}
	if len(b.of) != MaxParties || b.recent.Len() != MaxParties || len(k.of) != MaxParties || k.recent.Len() != MaxParties {
		t.Errorf("%d, %d, %d and %d parties are remembered", len(b.of), b.recent.Len(), len(k.of), k.recent.Len())
	}
	if k.Has("first") || !k.Has(fmt.Sprint("stranger ", 3*MaxParties-1)) {
		t.Error("not the latest are known")
	}
	if err := b.Spend("somebody new"); err != nil {
		t.Error(err)
	}
}

func TestTheClientIsWhomATrustedProxySays(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "127.0.0.1", "2001:db8:a::/48", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		remote       string
		x, forwarded []string
		want         string
	}{
		"no proxy":                        {"192.0.2.7:1234", nil, nil, "192.0.2.7"},
		"a stranger who claims":           {"192.0.2.7:1234", []string{"198.51.100.1"}, []string{"for=198.51.100.1"}, "192.0.2.7"},
		"a proxy":                         {"10.1.2.3:80", []string{"192.0.2.7"}, nil, "192.0.2.7"},
		"a client that claims another":    {"10.1.2.3:80", []string{"198.51.100.1, 192.0.2.7"}, nil, "192.0.2.7"},
		"in a line of its own":            {"10.1.2.3:80", []string{"198.51.100.1", "192.0.2.7"}, nil, "192.0.2.7"},
		"two proxies":                     {"127.0.0.1:80", []string{"198.51.100.1, 192.0.2.7, 10.9.9.9"}, nil, "192.0.2.7"},
		"a client that claims a proxy":    {"10.1.2.3:80", []string{"198.51.100.1, 10.0.0.1, 192.0.2.7"}, nil, "192.0.2.7"},
		"only proxies":                    {"10.1.2.3:80", []string{"10.0.0.1"}, nil, "10.0.0.1"},
		"with a port":                     {"10.1.2.3:80", []string{"192.0.2.7:4711"}, nil, "192.0.2.7"},
		"IPv6":                            {"[::1]:80", []string{"2001:db8::1"}, nil, "2001:db8::1"},
		"IPv6 with a port":                {"[::1]:80", []string{"[2001:db8::1]:4711"}, nil, "2001:db8::1"},
		"IPv6 in brackets":                {"[::1]:80", []string{"[2001:db8::1]"}, nil, "2001:db8::1"},
		"IPv4 in IPv6":                    {"[::ffff:10.1.2.3]:80", []string{"::ffff:192.0.2.7"}, nil, "192.0.2.7"},
		"rubbish at the right":            {"10.1.2.3:80", []string{"192.0.2.7, unknown"}, nil, "10.1.2.3"},
		"rubbish behind a proxy":          {"10.1.2.3:80", []string{"evil, 10.0.0.1"}, nil, "10.0.0.1"},
		"an empty element":                {"10.1.2.3:80", []string{"192.0.2.7,"}, nil, "10.1.2.3"},
		"an empty header":                 {"10.1.2.3:80", []string{""}, nil, "10.1.2.3"},
		"a zone":                          {"10.1.2.3:80", []string{"fe80::1%eth0"}, nil, "10.1.2.3"},
		"leading zeros":                   {"10.1.2.3:80", []string{"192.000.002.007"}, nil, "10.1.2.3"},
		"a name":                          {"10.1.2.3:80", []string{"client.example"}, nil, "10.1.2.3"},
		"Forwarded":                       {"10.1.2.3:80", nil, []string{`for=192.0.2.7;proto=https;by=10.1.2.3`}, "192.0.2.7"},
		"Forwarded, other case":           {"10.1.2.3:80", nil, []string{`Proto=http; For="192.0.2.7:80"`}, "192.0.2.7"},
		"Forwarded with IPv6":             {"10.1.2.3:80", nil, []string{`for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		"Forwarded, claimed":              {"10.1.2.3:80", nil, []string{`for=198.51.100.1, for=192.0.2.7`}, "192.0.2.7"},
		"Forwarded, a comma in quotes":    {"10.1.2.3:80", nil, []string{`for=192.0.2.7;x="a, for=198.51.100.1"`}, "192.0.2.7"},
		"Forwarded, quotes that are open": {"10.1.2.3:80", nil, []string{`for="198.51.100.1, for=192.0.2.7`}, "10.1.2.3"},
		"Forwarded, obfuscated":           {"10.1.2.3:80", nil, []string{`for=_hidden`}, "10.1.2.3"},
		"Forwarded, twice":                {"10.1.2.3:80", nil, []string{`for=192.0.2.7;for=198.51.100.1`}, "10.1.2.3"},
		"Forwarded, IPv6 without quotes":  {"10.1.2.3:80", nil, []string{`for=2001:db8::1`}, "10.1.2.3"},
		"both, agreed":                    {"10.1.2.3:80", []string{"192.0.2.7"}, []string{"for=192.0.2.7"}, "192.0.2.7"},
		"both, one of the client's":       {"10.1.2.3:80", []string{"192.0.2.7"}, []string{"for=198.51.100.1"}, "10.1.2.3"},
		"too many proxies":                {"10.1.2.3:80", []string{"192.0.2.7" + strings.Repeat(", 10.0.0.1", 40)}, nil, "10.0.0.1"},
		"not an address at all":           {"@", []string{"192.0.2.7"}, nil, "invalid IP"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		r.Header["X-Forwarded-For"], r.Header["Forwarded"] = c.x, c.forwarded
		if len(c.x) == 0 {
			r.Header.Del("X-Forwarded-For")
		}
		if len(c.forwarded) == 0 {
			r.Header.Del("Forwarded")
		}
		if got := proxies.Client(r).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAnAddressIsAPartyAndANetworkOfIPv6IsOne(t *testing.T) {
	t.Parallel()
	party := func(remote string) string {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		if a, b := Of(r), Of(Proxies{}.With(r)); a != b {
			t.Errorf("%s is %s and %s", remote, a, b)
		}
		return Of(r)
	}
	if party("192.0.2.1:1") != party("[::ffff:192.0.2.1]:2") || party("192.0.2.1:1") == party("192.0.2.2:1") {
		t.Error("IPv4 addresses are not told apart, or one is two")
	}
	if party("[2001:db8:0:1::1]:1") != party("[2001:db8:0:1:ffff::2]:1") || party("[2001:db8:0:1::1]:1") == party("[2001:db8:0:2::1]:1") {
		t.Error("IPv6 is not told apart by its networks of 64 bits")
	}
}

// TestIPv4ThroughATranslatorIsToldApart: the network of 64 bits holds everybody
// behind a translator, so the address of IPv4 in it is the party.
func TestIPv4ThroughATranslatorIsToldApart(t *testing.T) {
	t.Parallel()
	of := func(text string) string { return OfAddress(netip.MustParseAddr(text)) }
	for form, c := range map[string][2]string{
		"mapped":                 {"::ffff:192.0.2.7", "::ffff:198.51.100.1"},
		"compatible":             {"::192.0.2.7", "::198.51.100.1"},
		"SIIT":                   {"::ffff:0:192.0.2.7", "::ffff:0:198.51.100.1"},
		"NAT64":                  {"64:ff9b::192.0.2.7", "64:ff9b::198.51.100.1"},
		"6to4":                   {"2002:c000:207::1", "2002:c633:6401::1"},
		"6to4, another network":  {"2002:c000:207:8::1", "2002:c633:6401:8::1"},
		"Teredo":                 {"2001:0:4136:e378:8000:63bf:3fff:fdf8", "2001:0:4136:e378:8000:63bf:39cc:9bfe"},
		"Teredo, another server": {"2001:0:ffff:e378:0:1234:3fff:fdf8", "2001:0:ffff:e378:0:1234:39cc:9bfe"},
	} {
		if a, b := of(c[0]), of(c[1]); a != "192.0.2.7" || b != "198.51.100.1" {
			t.Errorf("%s: %s and %s", form, a, b)
		}
	}
	if of("64:ff9b:1::192.0.2.7") == of("64:ff9b:1::198.51.100.1") || of("64:ff9b:1:c000:2:700::") == of("64:ff9b:1:c000:2:800::") {
		t.Error("behind a NAT64 with a network's own prefix all are one party")
	}
	if of("::1") != "::1" || of("64:ff9b:2::1") != "64:ff9b:2::/64" || of("2001:1::1") != "2001:1::/64" {
		t.Error("an address that holds none of IPv4 is read as one that does")
	}
}

func TestNetworksOfProxiesAreWrittenExactly(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "10.0.0.1/8", "10.0.0.0/33", "proxy.example", "fe80::1%eth0", "10.0.0", "::ffff:10.0.0.1/104", "::ffff:10.0.0.0/80", "::ffff:0:0/95"} {
		if _, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestANetworkOfIPv4IsTheSameWhenItIsWrittenAsIPv6(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:a00:0/104": "10.0.0.0/8", "::ffff:10.0.0.1/128": "10.0.0.1/32", "::ffff:10.0.0.1": "10.0.0.1/32", "::ffff:0:0/96": "0.0.0.0/0",
	} {
		proxies, err := ParseProxies([]string{text})
		if err != nil || len(proxies) != 1 || proxies[0].String() != want {
			t.Errorf("%q: %v, %v; want %s", text, proxies, err, want)
			continue
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = "10.0.0.1:80", []string{"192.0.2.7"}
		if got := proxies.Client(r).String(); got != "192.0.2.7" {
			t.Errorf("%q does not trust 10.0.0.1: %s", text, got)
		}
	}
}

func FuzzClient(f *testing.F) {
	f.Add("192.0.2.7, 10.0.0.1", `for="[2001:db8::1]:80"`)
	proxies, _ := ParseProxies([]string{"10.0.0.0/8"})
	f.Fuzz(func(t *testing.T, x, forwarded string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "10.0.0.1:80"
		r.Header["X-Forwarded-For"] = []string{"evil", x + ", 192.0.2.7"}
		if got := proxies.Client(r).String(); got != "192.0.2.7" {
			t.Errorf("%q: %s", x, got)
		}
		r.Header["Forwarded"] = []string{forwarded}
		if got := proxies.Client(r).String(); got != "192.0.2.7" && got != "10.0.0.1" {
			t.Errorf("%q, %q: %s", x, forwarded, got)
		}
	})
}
