// Package charter says what is in a vault, now and in every version that it had, for
// clients: members, groups, whitelists, accounts with their rules, reporting keys and the admin rule. It
// reads what shared/vault folded of the log. No I/O, no clock. Spec: shared/spec/wire.md,
// GET /v1/vault. web/internal/gateway is its user.
package charter

import (
	"slices"
	"time"

	"countersign/shared/asset"
	"countersign/shared/ceremony"
	"countersign/shared/fingerprint"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Now is what is in a vault, without what only the gateway knows: when, and how far the log
// was read.
func Now(v *vault.Governance) (wire.Vault, error) {
	o := newObjects(v)
	out := wire.Vault{
		Entity: o.now.Entity, Name: o.now.EntityName, Sandbox: o.now.Sandbox,
		Members: []wire.VaultMember{}, Groups: []wire.VaultGroup{}, Whitelists: []wire.VaultList{}, Accounts: []wire.VaultAccount{}, ReportingKeys: []wire.VaultReportingKey{}, Chains: []wire.ChainName{},
	}
	err := o.fill(&out)
	return out, err
}

// objects are those of a vault, with what they are called.
type objects struct {
	*vault.Governance
	now    statement.Genesis
	called map[string]string // by the ids of members, groups, whitelists and accounts
}

func newObjects(v *vault.Governance) objects {
	o := objects{v, v.Current(), map[string]string{}}
	for _, m := range v.Members {
		o.called[m.ID] = name.Within(last(m).Value.Name)
	}
	for _, group := range v.Groups {
		o.called[group.ID] = name.Within(last(group).Value.Name)
	}
	for _, l := range v.Lists {
		o.called[l.ID] = name.Within(last(l).Value.Name)
	}
	for _, a := range v.Accounts {
		o.called[a.ID] = name.Within(last(a).Value.Name)
	}
	return o
}

// last is the newest version of an object that has a value: of one that is gone the one
// before.
func last[T any](o vault.Object[T]) vault.Version[T] {
	for _, v := range slices.Backward(o.Versions) {
		if !v.Gone {
			return v
		}
	}
	return o.Versions[0]
}

// newest is the newest version of an object.
func newest[T any](o vault.Object[T]) vault.Version[T] { return o.Versions[len(o.Versions)-1] }

func since[T any](v vault.Version[T]) wire.Since {
	return wire.Since{Version: v.Version, Seq: v.Seq, Request: v.Request}
}

// fill says what is in the vault.
func (o objects) fill(out *wire.Vault) error {
	key, err := o.RootKey()
	if err != nil {
		return err
	}
	print, err := fingerprint.Of(key.Thumbprint())
	if err != nil {
		return err
	}
	out.Root = wire.RootKey{Thumbprint: key.Thumbprint(), Words: print.Words(), Digits: print.Digits()}
	out.AdminRule = wire.VaultAdminRule{Since: since(newest(o.Admin[0])), Quorum: o.now.AdminRule.Quorum, Admins: []string{}}
	for _, m := range o.Members {
		v := newest(m)
		if v.Value.Role == statement.Admin && v.Value.State == intent.Active {
			out.AdminRule.Admins = append(out.AdminRule.Admins, m.ID)
		}
		out.Members = append(out.Members, wire.VaultMember{
			Since: since(v), ID: m.ID, Name: v.Value.Name, Role: v.Value.Role, State: v.Value.State, Is: v.Value.Is, Curve: v.Value.Approval.Crv, Key: thumbprint(v.Value.Approval), ChannelIn: v.Value.ChannelIn,
		})
	}
	for _, group := range o.Groups {
		v, was := newest(group), last(group).Value
		out.Groups = append(out.Groups, wire.VaultGroup{Since: since(v), ID: group.ID, Name: was.Name, Gone: v.Gone, Members: was.Members})
	}
	for _, l := range o.Lists {
		v, was := newest(l), last(l).Value
		out.Whitelists = append(out.Whitelists, wire.VaultList{Since: since(v), ID: l.ID, Name: was.Name, Gone: v.Gone, Entries: was.Entries})
	}
	for _, a := range o.now.Accounts {
		at := wire.VaultAccount{ID: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address, Tier: a.Tier, Parent: a.Parent, Sweep: a.Sweep, Rules: a.Rules, Said: []wire.SaidRule{}}
		if terms := of(o.Accounts, a.Account); terms != nil {
			at.Since = since(newest(*terms))
		}
		for _, r := range a.Rules.Ordered() {
			said := ceremony.Say(r, o.called)
			at.Said = append(at.Said, wire.SaidRule{Name: r.Name, Deny: r.Deny, For: said.For, Needs: append([]string{}, said.Needs...), Text: said.Text})
		}
		out.Accounts = append(out.Accounts, at)
		chain(out, a.Chain)
	}
	for _, k := range o.ReportingKeys {
		v := newest(k)
		out.ReportingKeys = append(out.ReportingKeys, wire.VaultReportingKey{
			Since: since(v), ID: k.ID, Name: v.Value.Name, State: v.Value.State, Reads: v.Value.Scope, Accounts: v.Value.Accounts, Verifier: v.Value.Verifier, Expires: ends(v.Value),
		})
	}
	for _, l := range out.Whitelists {
		for _, e := range l.Entries {
			chain(out, e.Chain)
		}
	}
	for _, n := range asset.Chains() {
		chain(out, n.ID)
	}
	return nil
}

// ends is when a reporting key expires; nil: it does not.
func ends(k vault.ReportingKey) *time.Time {
	if k.Expires == 0 {
		return nil
	}
	at := time.Unix(k.Expires, 0).UTC()
	return &at
}

// of is the object with an id; nil when there is none.
func of[T any](all []vault.Object[T], id string) *vault.Object[T] {
	if i := slices.IndexFunc(all, func(o vault.Object[T]) bool { return o.ID == id }); i >= 0 {
		return &all[i]
	}
	return nil
}

// thumbprint names a key; empty for one that is not on its curve.
func thumbprint(k jwk.Key) string {
	key, err := jws.FromJWK(k)
	if err != nil {
		return ""
	}
	return key.Thumbprint()
}

// chain says what a chain is called, and what is on it, once.
func chain(out *wire.Vault, id string) {
	if slices.ContainsFunc(out.Chains, func(c wire.ChainName) bool { return c.ID == id }) {
		return
	}
	named := wire.ChainName{ID: id, Name: asset.ChainName(id)}
	for _, a := range asset.OnChain(id) {
		named.Assets = append(named.Assets, wire.AssetName{ID: a.ID, Name: a.Name, Ticker: a.Ticker, Places: a.Places})
	}
	out.Chains = append(out.Chains, named)
}
