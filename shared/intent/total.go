package intent

import (
	"slices"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/field"
)

// Total is an amount of a currency, or of an asset on one chain: what is on two is
// not one sum.
type Total struct {
	Label  string // what it is: "You pay"
	Amount string // decimal
	Of     string // ISO 4217 or LedgerId
	Chain  string // CAIP-2; empty for a currency
}

// Sum adds the totals of several intents up, label by label, in the order in which
// labels, currencies and assets first appear. It fails with a *[field.Problem] for what
// is not an amount.
func Sum(list []Intent) (all []Total, err error) {
	for _, i := range list {
		for _, t := range i.Totals() {
			if all, err = add(all, t); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// add counts one total into the one like it, or sets it behind those of its label.
func add(all []Total, one Total) ([]Total, error) {
	a, err := amount.Parse(one.Amount)
	if err != nil {
		return nil, &field.Problem{Why: "list holds what is not an amount"}
	}
	at := len(all)
	for i, t := range all {
		if t.Label != one.Label {
			continue
		}
		if at = i + 1; t.Of == one.Of && t.Chain == one.Chain {
			all[i].Amount = amount.Must(t.Amount).Add(a).String()
			return all, nil
		}
	}
	return slices.Insert(all, at, one), nil
}

// Where names a total's chain when another of the list, of the same label, is of the
// same asset on another chain; else it is empty.
func (t Total) Where(list []Total) string {
	for _, other := range list {
		if other.Label == t.Label && other.Of == t.Of && other.Chain != t.Chain {
			return " on " + asset.ChainName(t.Chain)
		}
	}
	return ""
}

// TotalLines are totals as a person reads them.
func TotalLines(list []Total) (lines []Line) {
	for _, t := range list {
		what := t.Of
		if t.Chain != "" {
			what = unit(t.Of)
		}
		lines = append(lines, Line{Label: t.Label, Value: Money(t.Amount) + " " + what + t.Where(list)})
	}
	return lines
}
