package app

import (
	"regexp"
	"strings"
	"testing"
)

// apart is an amount of money that a line may part from its currency. The lines of the
// prompt are the bridge's own, in columns.
var apart = regexp.MustCompile(`\S ?\d (?:EUR|USD|GBP|CHF)\b`)

func TestAnAmountOfMoneyStaysInOneLineWithItsCurrency(t *testing.T) {
	t.Parallel()
	for name := range scenes() {
		words := strings.ReplaceAll(scene(t, name).View().Tree.Words(), "You pay       250 EUR", "")
		for _, found := range apart.FindAllString(words, -1) {
			t.Errorf("%s: %q can be parted", name, found)
		}
	}
}
