package statement

import (
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/name"
)

// Line is one line of what a person reads: a label and its value. Without a value
// it is a heading, and without a label too it is empty.
type Line struct {
	Label, Value string
	// Varies says that the line is another one each time that somebody is asked:
	// who signs, with which key, at which step, and until when. Such a line is not
	// part of a comparison of the page with the prompt.
	Varies bool
}

// unasked stands in a preview for what varies.
const unasked = "(said when you are asked)"

// Text is what a person reads before the key is used, on trusted ground; the
// page shows the same. Every line is "label  value" with aligned values; the
// decision comes first; amounts are exact, with their thousands apart; the address
// stands in groups of four. It is a function of the statement alone.
func Text(a Approval) string { return align(Lines(a)) }

// Preview is [Text] for comparing, before anybody is asked: what varies is left
// out, and marked. It is the same for all members and at any time.
func Preview(a Approval) string {
	lines := Lines(a)
	for i := range lines {
		if lines[i].Varies {
			lines[i].Value = unasked
		}
	}
	return align(lines)
}

// Lines are the lines of [Text].
func Lines(a Approval) []Line {
	b := a.Intent
	decision := "APPROVE this purchase"
	if a.Decision == Reject {
		decision = "REJECT this purchase, permanently"
	}
	lines := []Line{
		{Label: "Decision", Value: decision},
		{Label: "You pay", Value: pay(b)},
		{Label: "You get", Value: crypto(b.Crypto.Amount, b)},
		{Label: "Minimum", Value: crypto(b.Minimum, b)},
		{Label: "From", Value: name.WithID(b.ProviderName, b.Provider)},
		{Label: "Into account", Value: name.WithID(b.AccountName, b.Account)},
		{Label: "To address", Value: Groups(b.Address)},
		{Label: "On chain", Value: Chain(b.Chain)},
		{Label: "Request", Value: a.Request},
		{Label: "Rule", Value: a.GovernedBy.Rule + ", version " + itoa(a.GovernedBy.Version)},
	}
	return append(append(lines, use(a)...), []Line{
		{Label: "Asked by", Value: askedBy(a)},
		{Label: "You sign as", Value: name.WithID(a.MemberName, a.Member) + ", at step " + itoa(a.Step), Varies: true},
		{Label: "With key", Value: a.Key, Varies: true},
		{Label: "Valid until", Value: until(a), Varies: true},
	}...)
}

// use is for how long the approval can be used; a rejection is permanent.
func use(a Approval) []Line {
	if a.Decision == Reject {
		return nil
	}
	return []Line{{Label: "Usable for", Value: a.GovernedBy.Use() + " after the last approval"}}
}

// Summary is a purchase in a few words: "250.00 EUR for 0.0815 ETH (ethereum)".
func Summary(b Buy) string {
	return money(b.Fiat.Amount) + " " + b.Fiat.Currency + " for " + crypto(b.Crypto.Amount, b)
}

func pay(b Buy) string {
	return money(b.Fiat.Amount) + " " + b.Fiat.Currency + " by " + b.PaymentMethod + ", " + b.Country
}

// askedBy says who asked, as far as it is known: an entity token names a program's
// entity and no person.
func askedBy(a Approval) string {
	return name.WithID(a.EntityName, a.Entity) + "; which person is not proven"
}

// crypto writes an amount of an asset by its ticker and its id; of one that is not
// known, by its id alone.
func crypto(value string, b Buy) string { return money(value) + " " + unit(b.Crypto.Asset) }

func unit(id string) string {
	if a, ok := asset.ByID(id); ok {
		return a.Ticker + " (" + id + ")"
	}
	return id
}

// Chain writes a chain by its name and its id: "Ethereum (eip155:1)".
func Chain(id string) string {
	if n, ok := asset.Chain(id); ok {
		return n.Name + " (" + id + ")"
	}
	return id
}

// money sets the thousands of an amount apart. Fields that are not amounts are shown
// as they are.
func money(value string) string {
	a, err := amount.Parse(value)
	if err != nil {
		return value
	}
	return a.Format(amount.Spaced())
}

func until(a Approval) string {
	return time.Unix(a.Expires, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// align writes lines with the values under each other.
func align(lines []Line) string {
	width := 0
	for _, l := range lines {
		if l.Value != "" {
			width = max(width, len(l.Label))
		}
	}
	var s strings.Builder
	for i, l := range lines {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(l.Label)
		if l.Value != "" {
			s.WriteString(strings.Repeat(" ", width-len(l.Label)+2) + l.Value)
		}
	}
	return s.String()
}

// Groups writes an address in groups of four characters, after its 0x where it
// has one, so that two can be compared by eye.
func Groups(address string) string {
	var s strings.Builder
	rest, hex := strings.CutPrefix(address, "0x")
	if hex {
		s.WriteString("0x")
	}
	for i := 0; i < len(rest); i += 4 {
		if i > 0 || hex {
			s.WriteByte(' ')
		}
		s.WriteString(rest[i:min(i+4, len(rest))])
	}
	return s.String()
}
