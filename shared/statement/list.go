package statement

import (
	"strconv"

	"countersign/shared/amount"
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
	if err := checkList(list); err != nil {
		return "", err
	}
	n, first := strconv.Itoa(len(list)), list[0]
	noun := " purchases"
	if len(list) == 1 {
		noun = " purchase"
	}
	lines := [][2]string{{"Decision", first.Decision + " " + n + noun}}
	if asked > len(list) {
		lines = append(lines, [2]string{"Listed", n + " of " + strconv.Itoa(asked) + ": nothing is signed for the others"})
	}
	lines = append(lines, [2]string{"Entity", first.EntityName + " (" + first.Entity + ")"},
		[2]string{"You sign as", first.MemberName + " (" + first.Member + ")"}, [2]string{"With key", first.Key})
	bought := make([]Buy, len(list))
	for i, a := range list {
		bought[i] = a.Intent
		lines = append(lines, [2]string{}, [2]string{strconv.Itoa(i+1) + " of " + n})
		lines = append(lines, itemLines(a)...)
	}
	total, err := Totals(bought)
	if err != nil {
		return "", err
	}
	lines = append(append(lines, [2]string{}, [2]string{"Total of " + n + noun}), total.lines()...)
	text := align(lines)
	if len(text) > MaxListText {
		return "", invalid("", "list is longer than a prompt shows: decide on fewer at once")
	}
	return text, nil
}

func itemLines(a Approval) [][2]string {
	b := a.Intent
	return [][2]string{
		{"You pay", b.Fiat.Amount + " " + b.Fiat.Currency + " by " + b.PaymentMethod + ", " + b.Country},
		{"You get", b.Crypto.Amount + " " + b.Crypto.Asset},
		{"At the least", b.Minimum + " " + b.Crypto.Asset},
		{"From", b.ProviderName + " (" + b.Provider + ")"},
		{"Into account", b.AccountName + " (" + b.Account + ")"},
		{"To address", Groups(b.Address)},
		{"On chain", b.Chain},
		{"Request", a.Request + ", step " + itoa(a.Step)},
		{"Valid until", until(a)},
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

// Total is an exact amount of a currency or of an asset.
type Total struct {
	Amount amount.Amount
	Of     string
}

// Sum is what several purchases come to, in the order in which currencies and
// assets first appear.
type Sum struct{ Pay, Get, Least []Total }

// Totals adds purchases up. It fails with STATEMENT_INVALID for what is not an
// amount.
func Totals(list []Buy) (s Sum, err error) {
	for _, b := range list {
		for _, t := range []struct {
			to        *[]Total
			value, of string
		}{{&s.Pay, b.Fiat.Amount, b.Fiat.Currency}, {&s.Get, b.Crypto.Amount, b.Crypto.Asset}, {&s.Least, b.Minimum, b.Crypto.Asset}} {
			if *t.to, err = add(*t.to, t.value, t.of); err != nil {
				return Sum{}, err
			}
		}
	}
	return s, nil
}

// add counts one amount into the total of its kind.
func add(totals []Total, value, of string) ([]Total, error) {
	one, err := amount.Parse(value)
	if err != nil {
		return nil, invalid("", "list holds what is not an amount")
	}
	for i, t := range totals {
		if t.Of == of {
			totals[i].Amount = t.Amount.Add(one)
			return totals, nil
		}
	}
	return append(totals, Total{one, of}), nil
}

func (s Sum) lines() (lines [][2]string) {
	for _, kind := range []struct {
		label  string
		totals []Total
	}{{"You pay", s.Pay}, {"You get", s.Get}, {"At the least", s.Least}} {
		for _, t := range kind.totals {
			lines = append(lines, [2]string{kind.label, t.Amount.String() + " " + t.Of})
		}
	}
	return lines
}
