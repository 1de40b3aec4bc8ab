package statement

import (
	"strconv"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/name"
)

// The limits of a list that is decided at once: as much as a person reads with
// care, and as a prompt shows.
const (
	MaxList     = 16
	MaxListText = 16000 // bytes
)

// ListText is what a person reads before they decide on several statements at
// once: whose decision it is, everything about each purchase that concerns money,
// and the exact totals. asked is how many statements were asked for: a list that
// lacks some of them says so. It is a function of the statements and of asked
// alone.
//
// It fails with STATEMENT_INVALID when the statements are not one member's one
// decision on as many requests, and when the text would be longer than a prompt
// shows.
func ListText(list []Approval, asked int) (string, error) {
	lines, err := ListLines(list, asked)
	if err != nil {
		return "", err
	}
	text := align(lines)
	if len(text) > MaxListText {
		return "", invalid("", "list is longer than a prompt shows: decide on fewer at once")
	}
	return text, nil
}

// ListLines are the lines of [ListText]: what holds for all, each item under its
// number, and the totals, with an empty line between.
func ListLines(list []Approval, asked int) ([]Line, error) {
	if err := checkList(list); err != nil {
		return nil, err
	}
	n, first := strconv.Itoa(len(list)), list[0]
	noun := " purchases"
	if len(list) == 1 {
		noun = " purchase"
	}
	decision := first.Decision + " " + n + noun
	if first.Decision == Reject {
		decision += ", permanently"
	}
	lines := []Line{{Label: "Decision", Value: decision}}
	if asked > len(list) {
		lines = append(lines, Line{Label: "Listed", Value: n + " of " + strconv.Itoa(asked) + ": nothing is signed for the others"})
	}
	lines = append(lines, Line{Label: "Asked by", Value: askedBy(first)},
		Line{Label: "You sign as", Value: name.WithID(first.MemberName, first.Member), Varies: true}, Line{Label: "With key", Value: first.Key, Varies: true})
	bought := make([]Buy, len(list))
	for i, a := range list {
		bought[i] = a.Intent
		lines = append(lines, Line{}, Line{Label: strconv.Itoa(i+1) + " of " + n})
		lines = append(lines, itemLines(a)...)
	}
	total, err := Totals(bought)
	if err != nil {
		return nil, err
	}
	lines = append(append(lines, Line{}, Line{Label: "Total of " + n + noun}), total.Lines()...)
	return append(lines, usable(list)...), nil
}

// usable says for how long the approvals of a list can be used; with the numbers
// of the items where they differ.
func usable(list []Approval) (lines []Line) {
	items := map[string]string{}
	for i, a := range list {
		for _, l := range use(a) {
			if items[l.Value] == "" {
				lines = append(lines, l)
			} else {
				items[l.Value] += ", "
			}
			items[l.Value] += strconv.Itoa(i + 1)
		}
	}
	if len(lines) > 1 {
		for i, l := range lines {
			lines[i].Value += " (" + items[l.Value] + ")"
		}
	}
	return lines
}

func itemLines(a Approval) []Line {
	b := a.Intent
	return []Line{
		{Label: "You pay", Value: pay(b)},
		{Label: "You get", Value: crypto(b.Crypto.Amount, b)},
		{Label: "Minimum", Value: crypto(b.Minimum, b)},
		{Label: "From", Value: name.WithID(b.ProviderName, b.Provider)},
		{Label: "Into account", Value: name.WithID(b.AccountName, b.Account)},
		{Label: "To address", Value: Groups(b.Address)},
		{Label: "On chain", Value: Chain(b.Chain)},
		{Label: "Request", Value: a.Request},
		{Label: "Step", Value: itoa(a.Step), Varies: true},
		{Label: "Valid until", Value: until(a), Varies: true},
	}
}

// checkList makes sure that what stands above the list holds for all of it, and
// that no request is counted twice.
func checkList(list []Approval) error {
	if len(list) == 0 || len(list) > MaxList {
		return invalid("", "list does not hold 1 to "+strconv.Itoa(MaxList)+" statements")
	}
	first, seen := list[0], map[string]bool{}
	for _, a := range list {
		if err := compare([]comparison{
			{"decision", a.Decision, first.Decision, "differs within the list"},
			{"entity", a.Entity, first.Entity, "differs within the list"},
			{"entity_name", a.EntityName, first.EntityName, "differs within the list"},
			{"member", a.Member, first.Member, "differs within the list"},
			{"member_name", a.MemberName, first.MemberName, "differs within the list"},
			{"key", a.Key, first.Key, "differs within the list"},
		}); err != nil {
			return err
		}
		if seen[a.Request] {
			return invalid("request", "is in the list twice")
		}
		seen[a.Request] = true
	}
	return nil
}

// Total is an exact amount of a currency, or of an asset on one chain: what is on
// two is not one sum.
type Total struct {
	Amount amount.Amount
	Of     string // ISO 4217 or LedgerId
	Chain  string // CAIP-2; empty for a currency
}

// Sum is what several purchases come to, in the order in which currencies and
// assets first appear.
type Sum struct{ Pay, Get, Least []Total }

// Totals adds purchases up. It fails with STATEMENT_INVALID for what is not an
// amount.
func Totals(list []Buy) (s Sum, err error) {
	for _, b := range list {
		for _, t := range []struct {
			to               *[]Total
			value, of, chain string
		}{{&s.Pay, b.Fiat.Amount, b.Fiat.Currency, ""}, {&s.Get, b.Crypto.Amount, b.Crypto.Asset, b.Chain}, {&s.Least, b.Minimum, b.Crypto.Asset, b.Chain}} {
			if *t.to, err = add(*t.to, t.value, t.of, t.chain); err != nil {
				return Sum{}, err
			}
		}
	}
	return s, nil
}

// add counts one amount into the total of its kind.
func add(totals []Total, value, of, chain string) ([]Total, error) {
	one, err := amount.Parse(value)
	if err != nil {
		return nil, invalid("", "list holds what is not an amount")
	}
	for i, t := range totals {
		if t.Of == of && t.Chain == chain {
			totals[i].Amount = t.Amount.Add(one)
			return totals, nil
		}
	}
	return append(totals, Total{one, of, chain}), nil
}

// Where names a total's chain when another of the list is of the same asset on
// another chain; else it is empty.
func (t Total) Where(list []Total) string {
	for _, other := range list {
		if other.Of == t.Of && other.Chain != t.Chain {
			return " on " + asset.ChainName(t.Chain)
		}
	}
	return ""
}

// Lines are the totals as a person reads them.
func (s Sum) Lines() (lines []Line) {
	for _, kind := range []struct {
		label  string
		totals []Total
		unit   func(string) string
	}{{"You pay", s.Pay, func(code string) string { return code }}, {"You get", s.Get, unit}, {"Minimum", s.Least, unit}} {
		for _, t := range kind.totals {
			lines = append(lines, Line{Label: kind.label, Value: t.Amount.Format(amount.Spaced()) + " " + kind.unit(t.Of) + t.Where(kind.totals)})
		}
	}
	return lines
}
