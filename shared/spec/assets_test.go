package spec

import (
	"fmt"
	"strings"
	"testing"

	"countersign/shared/asset"
)

func TestThePageOfAssetsShowsTheTable(t *testing.T) {
	t.Parallel()
	page := read(t, "assets.md")
	var chains, assets strings.Builder
	for _, n := range asset.Chains() {
		fmt.Fprintf(&chains, "| `%s` | %s | `%s` |\n", n.ID, n.Name, n.Coin)
	}
	for _, a := range asset.All() {
		fmt.Fprintf(&assets, "| `%s` | `%s` | %s | %s | %d | %s |\n", a.ID, a.CAIP19(), a.Name, a.Ticker, a.Places, a.Seen)
	}
	for _, table := range []struct{ head, rows string }{
		{"| chain (CAIP-2) | name | own coin |\n|---|---|---|\n", chains.String()},
		{"| LedgerId | CAIP-19 | name | ticker | decimals | deposits seen by |\n|---|---|---|---|---|---|\n", assets.String()},
	} {
		_, rest, found := strings.Cut(page, table.head)
		shown, _, _ := strings.Cut(rest, "\n\n")
		if !found || strings.TrimSuffix(shown, "\n")+"\n" != table.rows {
			t.Errorf("the page shows\n%s\nand the code has\n%s", shown, table.rows)
		}
	}
	_, rest, _ := strings.Cut(page, "```currencies\n")
	list, _, found := strings.Cut(rest, "```")
	if !found || strings.Join(strings.Fields(list), " ") != strings.Join(currencies(), " ") {
		t.Errorf("the page has the currencies\n%s\nand the code has\n%s", list, strings.Join(currencies(), " "))
	}
}

// currencies are all that the table knows, as CODE:DIGITS.
func currencies() (all []string) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, a := range letters {
		for _, b := range letters {
			for _, c := range letters {
				if digits, ok := asset.Currency(string([]rune{a, b, c})); ok {
					all = append(all, fmt.Sprintf("%c%c%c:%d", a, b, c, digits))
				}
			}
		}
	}
	return all
}
