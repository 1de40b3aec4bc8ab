package amount

import (
	"strings"

	"countersign/shared/asset"
)

// Style is how numbers are written for a person.
type Style struct {
	Group string // between groups of three digits before the point
	Point string
}

// Spaced is the style of prompts: 1 234.50. A comma would be the decimal sign of
// half the world, and a prompt has ASCII and one language.
func Spaced() Style { return Style{Group: " ", Point: "."} }

// Plain is the style of English text: 1,234.50.
func Plain() Style { return Style{Group: ",", Point: "."} }

// Format writes a for people, every digit of it: nothing is rounded.
func (a Amount) Format(s Style) string {
	text, minus := strings.CutPrefix(a.String(), "-")
	whole, frac, point := strings.Cut(text, ".")
	var b strings.Builder
	if minus {
		b.WriteString("-")
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(s.Group)
		}
		b.WriteByte(whole[i])
	}
	if point {
		b.WriteString(s.Point + frac)
	}
	return b.String()
}

// Money writes an amount of a currency for people, with at least the
// currency's minor digits: "EUR 1,250.00".
func Money(a Amount, currency string) string {
	places, _ := asset.Currency(currency)
	if a.Places() < places {
		a = a.Rescale(places, Floor)
	}
	return currency + " " + a.Format(Plain())
}
