package buy

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

const base58 = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"

// hardest are addresses that each make one reading work hardest: what stands behind |
// is repeated up to the 4,096 bytes that an address may have.
var hardest = []string{
	"/?x=|a+b+", "/?x=|ab:c+", "/?x=|" + base58 + "+", "/?x=|" + base58 + "-", "/|" + base58 + "/", "/?x=|(", "/?|walletaddressamount", "/?|a_", "/?|walletaddressamountcurrencyasse=1&", "/?|amount=250&", `/?x=|"a":`, "/?x=|/*", "/?x=<a>|<b/>", "/?x=|<a>",
	"/?x=|B", "/?x=|1", "/?x=|61", "/?x=|" + ours + ":base+", "/?x=|amount:250;", "/?x=|%2525", "/?x=|YWFhYWFh-", "/?x=|eyJh", "/?x=|eyJhIjoxfQ-", "/?x=|YW1vdW50OjI1MA.", "/?x=|http://a/b?c=d+", "/?x=|https://", "/?x=|the+amount+is+250+", "/?x=|amount,", "/?x=|usdtbtceur", "/?x=|usdt-",
	"/|a/", "/|amount/250/", "/|amount-250-", `/?x=|\u0061`, `/?x={|"eyJhIjoxfQ":1,`, "/?x=|616161616161,", "/?|a&", "/?|a[b]", "/?x=|a@", "/?x=|a.eth+", "/?x=a1|q", "/?x=[|" + `"` + base58 + `",`,
}

func longest(part string) (*url.URL, error) {
	before, repeated, _ := strings.Cut(part, "|")
	return url.Parse("https://pay.alpha.example" + before + strings.Repeat(repeated, (maxAddress-40)/len(repeated)))
}

// BenchmarkLongestAddress compares an address of 4,096 bytes that is the slowest of
// many; worst-ms is what it takes.
func BenchmarkLongestAddress(b *testing.B) {
	var worst time.Duration
	for b.Loop() {
		worst = 0
		for _, part := range hardest {
			u, err := longest(part)
			if err != nil {
				b.Fatal(err)
			}
			at := time.Now()
			_, _ = contradictions(u, anOrder(), nil)
			worst = max(worst, time.Since(at))
		}
	}
	b.ReportMetric(float64(worst)/1e6, "worst-ms")
}

// TestTheLongestAddressesAreJudged has the same to their end: none is too much for the
// reader to say so or to compare it.
func TestTheLongestAddressesAreJudged(t *testing.T) {
	t.Parallel()
	for _, part := range hardest {
		u, err := longest(part)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := contradictions(u, anOrder(), nil); err != nil && err != errTooMuch && err != errUnread {
			t.Errorf("%s: %v", part, err)
		}
	}
}
