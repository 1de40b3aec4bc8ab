package charter

import (
	"slices"

	"countersign/shared/governance"
	"countersign/shared/wire"
)

// For is what is in a vault for whoever reads some accounts alone, with a reporting key: these
// accounts, the groups and whitelists that their rules name, the members who decide on them,
// sign their rates or judge their requests, and the key itself. A parent that is another account is not named. Of the administrators it says
// the ids alone.
func For(v wire.Vault, reads func(account string) bool, key string) wire.Vault {
	v.Accounts = only(v.Accounts, func(a wire.VaultAccount) bool { return reads(a.ID) })
	named := map[string]bool{}
	for i, a := range v.Accounts {
		if !reads(a.Parent) {
			v.Accounts[i].Parent = ""
		}
	}
	for _, a := range v.Accounts {
		mention(named, a.Rules)
	}
	v.Groups = only(v.Groups, func(g wire.VaultGroup) bool { return named[g.ID] })
	for _, g := range v.Groups {
		mentionAll(named, g.Members)
	}
	v.Members = only(v.Members, func(m wire.VaultMember) bool { return named[m.ID] })
	v.Whitelists = only(v.Whitelists, func(l wire.VaultList) bool { return named[l.ID] })
	v.ReportingKeys = only(v.ReportingKeys, func(k wire.VaultReportingKey) bool { return k.ID == key })
	chains := map[string]bool{}
	for _, a := range v.Accounts {
		chains[a.Chain] = true
	}
	for _, l := range v.Whitelists {
		for _, e := range l.Entries {
			chains[e.Chain] = true
		}
	}
	v.Chains = only(v.Chains, func(c wire.ChainName) bool { return chains[c.ID] })
	return v
}

// Has reports whether an object is among what [For] says. The admin rule is not: what it says
// beside the ids names administrators.
func Has(v wire.Vault, id string) bool {
	return slices.ContainsFunc(v.Members, func(m wire.VaultMember) bool { return m.ID == id }) ||
		slices.ContainsFunc(v.Groups, func(g wire.VaultGroup) bool { return g.ID == id }) ||
		slices.ContainsFunc(v.Whitelists, func(l wire.VaultList) bool { return l.ID == id }) ||
		slices.ContainsFunc(v.Accounts, func(a wire.VaultAccount) bool { return a.ID == id }) ||
		slices.ContainsFunc(v.ReportingKeys, func(k wire.VaultReportingKey) bool { return k.ID == id })
}

func only[T any](all []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return !keep(v) })
}

// mention adds the members, the groups and the whitelists that rules name.
func mention(named map[string]bool, set governance.Set) {
	mentionAll(named, []string{set.RateSource})
	for _, r := range set.Rules {
		if r.Creation != nil {
			mentionAll(named, append([]string{r.Creation.Group}, r.Creation.Members...))
		}
		for _, c := range r.When {
			if c.Whitelist != nil {
				named[c.Whitelist.Whitelist] = true
			}
		}
		for _, s := range r.Steps {
			mentionAll(named, append([]string{s.Group, s.Reviewer}, s.Members...))
			for _, q := range s.Any {
				mentionAll(named, append([]string{q.Group}, q.Members...))
			}
		}
	}
}

func mentionAll(named map[string]bool, ids []string) {
	for _, id := range ids {
		named[id] = true
	}
}
