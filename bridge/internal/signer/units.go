package signer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
)

// checkUnits refuses, before a key is made, an account on a chain that nothing
// can be bought into, and rules about kinds, assets, currencies and addresses that
// can never match: INVALID_REQUEST, details field.
func (d Draft) checkUnits() error {
	for _, list := range d.Whitelists {
		for i, e := range list.Entries {
			if why := intent.AddressProblem(e.Chain, e.Address); why != "" {
				return misfit(fmt.Sprintf("whitelists.%s.entries.%d.address", list.Whitelist, i), why)
			}
		}
	}
	for _, a := range d.Accounts {
		at := "accounts." + a.Account + "."
		if _, ok := asset.Chain(a.Chain); !ok {
			return misfit(at+"chain", fmt.Sprintf("is not in the table of known chains; the sandbox's is %s", asset.Sandbox))
		}
		if field, why := a.unvalued(); why != "" {
			return misfit(at+field, why)
		}
		for _, r := range a.Rules.Rules {
			for i, c := range r.When {
				if field, why := a.never(r, c, d); why != "" {
					return misfit(fmt.Sprintf("%srules.%s.when.%d.%s", at, r.Name, i, field), why)
				}
			}
		}
		if !holdsSomething(a.Chain) {
			return misfit(at+"chain", "has no asset whose arrival can be seen, so nothing can be bought into it")
		}
	}
	return nil
}

// never says why a condition of a rule can match nothing that the account is asked
// for, and which field of it is to blame; why is empty when it can match.
func (a DraftAccount) never(r governance.Rule, c governance.Condition, d Draft) (field, why string) {
	switch {
	case c.Filter != nil:
		for _, kind := range c.Filter.Kinds {
			if longest[kind] == nil {
				return "filter.kinds", "can never match: " + kind + " is not a kind of request that the rules of an account govern"
			}
		}
		for _, id := range c.Filter.Assets {
			if _, why := asset.Buyable(a.Chain, id); why != "" {
				return "filter.assets", "can never match: " + why
			}
		}
	case c.Amount != nil:
		return "amount.currency", a.unspent(r, c.Amount.Currency)
	case c.Window != nil && c.Window.Zone != "":
		if _, err := time.LoadLocation(c.Window.Zone); err != nil {
			return "window.zone", "can never match: " + c.Window.Zone + " is not a known time zone"
		}
	case c.Velocity != nil && c.Velocity.Count == 0:
		return "velocity.currency", a.unspent(r, c.Velocity.Currency)
	case c.Whitelist != nil && c.Whitelist.Whitelist != "":
		for _, l := range d.Whitelists {
			if l.Whitelist == c.Whitelist.Whitelist && !slices.ContainsFunc(l.Entries, func(e governance.Entry) bool { return e.Chain == a.Chain }) {
				return "whitelist.whitelist", "can never match: it has no address on the account's chain"
			}
		}
		if !a.pays(r) {
			return "whitelist.whitelist", "can never match: the rule is for no kind with a recipient"
		}
	case c.Recipient != nil:
		for _, other := range d.Accounts {
			if slices.Contains(c.Recipient.Accounts, other.Account) && (other.Account == a.Account || other.Chain != a.Chain) {
				return "recipient.accounts", "can never match: " + other.Account + " is the account itself, or on another chain"
			}
		}
		if !a.pays(r) {
			return "recipient", "can never match: the rule is for no kind with a recipient"
		}
	}
	return "", ""
}

// pays reports whether a rule is for a kind with a recipient.
func (a DraftAccount) pays(r governance.Rule) bool {
	return a.some(r, func(f governance.Facts) bool { return f.Address != "" })
}

// unspent says why nothing that a rule is for spends a unit.
func (a DraftAccount) unspent(r governance.Rule, unit string) string {
	_, money := asset.Currency(unit)
	if _, held := asset.On(a.Chain, unit); !money && !held {
		return "is neither a currency of ISO 4217 nor an asset on the account's chain"
	}
	spends := func(f governance.Facts) bool {
		return spendsMoney(f) == money || money && r.RateWithin != 0 && f.Currency != ""
	}
	if !a.some(r, spends) {
		return "can never match: the rule is for no kind that spends " + unit
	}
	return ""
}

func spendsMoney(f governance.Facts) bool {
	_, fiat := asset.Currency(f.Currency)
	return fiat
}

// unvalued says which rule looks at rates in vain, or which source signs rates for none, and why;
// why is empty when rates and rules belong together.
func (a DraftAccount) unvalued() (field, why string) {
	var currency string
	for _, r := range a.Rules.Rules {
		if r.RateWithin == 0 {
			continue
		}
		at := "rules." + r.Name + ".rate_within"
		switch spends := func(f governance.Facts) bool { return f.Currency != "" && !spendsMoney(f) }; {
		case a.Rules.RateSource == "":
			return at, "has no use: the rules name no rate_source, the member who signs rates"
		case r.ValuedIn() == "":
			return at, "has no use: no condition of the rule counts in a currency"
		case !a.some(r, spends):
			return at, "has no use: the rule is for no kind that spends an asset"
		}
		for _, c := range r.When {
			unit := c.Unit()
			if _, money := asset.Currency(unit); !money {
				continue
			}
			if currency = cmp.Or(currency, unit); unit != currency {
				return at, "counts in " + unit + " what another condition counts in " + currency + ": the assets of an account are valued in one currency"
			}
		}
	}
	if currency == "" && a.Rules.RateSource != "" {
		return "rules.rate_source", "has no use: no rule has rate_within"
	}
	return "", ""
}

// some reports whether a kind that a rule is for has such facts.
func (a DraftAccount) some(r governance.Rule, such func(governance.Facts) bool) bool {
	for kind, of := range longest {
		if r.For(kind) && such(of(a).Facts()) {
			return true
		}
	}
	return false
}

func holdsSomething(chain string) bool {
	for _, a := range asset.OnChain(chain) {
		if a.Seen != asset.Unseen {
			return true
		}
	}
	return false
}

func misfit(field, why string) error {
	return fault.New(fault.Invalid, "the genesis draft is not valid: "+field+" "+why).With("field", strings.ToValidUTF8(field, "?"))
}
