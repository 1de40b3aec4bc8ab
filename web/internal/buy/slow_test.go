package buy

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestTheLongestAddressIsComparedAtOnce has addresses of 4,096 bytes that each make
// one reading work hardest. They take a few milliseconds; the bound is for a machine that is busy.
func TestTheLongestAddressIsComparedAtOnce(t *testing.T) {
	const base58, bound = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", 250 * time.Millisecond
	for _, part := range []string{
		"/?x=|a+b+", "/?x=|ab:c+", "/?x=|" + base58 + "+", "/?x=|" + base58 + "-", "/|" + base58 + "/", "/?x=|(", "/?|walletaddressamount", "/?|a_", "/?|walletaddressamountcurrencyasse=1&", "/?|amount=250&", `/?x=|"a":`, "/?x=|/*", "/?x=<a>|<b/>", "/?x=|<a>",
		"/?x=|B", "/?x=|1", "/?x=|61", "/?x=|" + ours + ":base+", "/?x=|amount:250;", "/?x=|%2525", "/?x=|YWFhYWFh-", "/?x=|eyJh", "/?x=|eyJhIjoxfQ-", "/?x=|YW1vdW50OjI1MA.", "/?x=|http://a/b?c=d+", "/?x=|https://", "/?x=|the+amount+is+250+", "/?x=|amount,", "/?x=|usdtbtceur", "/?x=|usdt-",
		"/|a/", "/|amount/250/", "/|amount-250-", `/?x=|\u0061`, `/?x={|"eyJhIjoxfQ":1,`, "/?x=|616161616161,", "/?|a&", "/?|a[b]", "/?x=|a@", "/?x=|a.eth+", "/?x=a1|q", "/?x=[|" + `"` + base58 + `",`,
	} {
		before, repeated, _ := strings.Cut(part, "|")
		u, err := url.Parse("https://pay.alpha.example" + before + strings.Repeat(repeated, (maxAddress-40)/len(repeated)))
		if err != nil {
			t.Fatal(err)
		}
		took := time.Hour
		for range 3 {
			at := time.Now()
			_, _ = contradictions(u, anOrder(), nil)
			if took = min(took, time.Since(at)); took < bound {
				break
			}
		}
		if took > bound {
			t.Errorf("%s takes %v", part, took)
		}
	}
}
