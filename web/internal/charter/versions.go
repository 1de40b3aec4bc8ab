package charter

import (
	"fmt"
	"slices"
	"strings"

	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Object is an object of a vault, with at most limit versions before one, the newest
// first; 0: from the newest on. When each was made, and who approved it, is the caller's
// to add. It fails with NOT_FOUND.
func Object(v *vault.Governance, id string, before, limit int) (wire.VaultObject, error) {
	out, ok := newObjects(v).object(id)
	if !ok {
		return out, NoSuchObject()
	}
	slices.Reverse(out.Versions)
	if before > 0 {
		out.Versions = slices.DeleteFunc(out.Versions, func(v wire.VaultVersion) bool { return v.Version >= before })
	}
	if len(out.Versions) > limit {
		out.Versions = out.Versions[:limit]
		out.Before = out.Versions[limit-1].Version
	}
	return out, nil
}

// NoSuchObject is what is said of an id of which a vault has no object: NOT_FOUND.
func NoSuchObject() error {
	return fault.New(fault.NotFound, "the vault has no such object").With("field", "id")
}

// object finds an object by its id, with all its versions, the oldest first.
func (o objects) object(id string) (found wire.VaultObject, ok bool) {
	if m := of(o.Members, id); m != nil {
		return versions(wire.VaultMemberKind, *m, func(v vault.Version[vault.Membership]) (string, []wire.Line) {
			return v.Value.Name, memberLines(v.Value)
		}), true
	}
	if group := of(o.Groups, id); group != nil {
		return versions(wire.VaultGroupKind, *group, func(v vault.Version[governance.Group]) (string, []wire.Line) {
			return v.Value.Name, o.groupLines(v.Value)
		}), true
	}
	if l := of(o.Lists, id); l != nil {
		return versions(wire.VaultListKind, *l, func(v vault.Version[governance.List]) (string, []wire.Line) { return v.Value.Name, listLines(v.Value) }), true
	}
	if a := of(o.Accounts, id); a != nil {
		return versions(wire.VaultAccountKind, *a, func(v vault.Version[vault.AccountTerms]) (string, []wire.Line) {
			return v.Value.Name, o.accountLines(id, v)
		}), true
	}
	if k := of(o.ReportingKeys, id); k != nil {
		return versions(wire.VaultReportingKeyKind, *k, func(v vault.Version[vault.ReportingKey]) (string, []wire.Line) {
			return v.Value.Name, o.reportingKeyLines(v.Value)
		}), true
	}
	if id == wire.AdminRule {
		return versions(wire.VaultAdminKind, o.Admin[0], func(v vault.Version[statement.AdminRule]) (string, []wire.Line) {
			return "Administrators", []wire.Line{{Label: "Quorum", Value: fmt.Sprintf("%d of the administrators approve what changes the vault", v.Value.Quorum)}}
		}), true
	}
	return found, false
}

// versions are those of an object; say gives its name and its lines in one of them.
func versions[T any](kind string, o vault.Object[T], say func(vault.Version[T]) (string, []wire.Line)) wire.VaultObject {
	out := wire.VaultObject{ID: o.ID, Kind: kind}
	out.Name, _ = say(last(o))
	for _, v := range o.Versions {
		one := wire.VaultVersion{Since: since(v), Gone: v.Gone, Approved: []wire.Approver{}, Lines: []wire.Line{}}
		if !v.Gone {
			_, one.Lines = say(v)
		}
		out.Versions = append(out.Versions, one)
	}
	return out
}

func memberLines(m vault.Membership) []wire.Line {
	lines := []wire.Line{{Label: "Name", Value: m.Name}, {Label: "Role", Value: m.Role}, {Label: "State", Value: m.State}}
	if m.Is != "" {
		lines = append(lines, wire.Line{Label: "Is", Value: m.Is})
	}
	return append(lines, []wire.Line{
		{Label: "Signs with", Value: thumbprint(m.Approval) + " (" + m.Approval.Crv + ")"}, {Label: "Channel key", Value: thumbprint(m.Channel) + " (" + m.Channel.Crv + "), in " + m.ChannelIn},
	}...)
}

func (o objects) reportingKeyLines(k vault.ReportingKey) []wire.Line {
	lines := []wire.Line{{Label: "Name", Value: k.Name}, {Label: "State", Value: k.State}}
	for _, a := range k.Accounts {
		lines = append(lines, wire.Line{Label: "May read", Value: name.WithID(o.called[a], a)})
	}
	if k.All() {
		lines = append(lines, wire.Line{Label: "May read", Value: "every account, and the whole log"})
	}
	if at := ends(k); at != nil {
		lines = append(lines, wire.Line{Label: "Works until", Value: at.Format("2006-01-02 15:04:05 UTC")})
	}
	print, err := fingerprint.Of(k.Verifier)
	if err != nil {
		return lines
	}
	for _, l := range intent.Aloud(print) {
		lines = append(lines, wire.Line{Label: l.Label, Value: l.Value})
	}
	return lines
}

func (o objects) groupLines(group governance.Group) []wire.Line {
	lines := []wire.Line{{Label: "Name", Value: group.Name}}
	for _, m := range group.Members {
		lines = append(lines, wire.Line{Label: "Member", Value: name.WithID(o.called[m], m)})
	}
	return lines
}

func listLines(l governance.List) []wire.Line {
	lines := []wire.Line{{Label: "Name", Value: l.Name}}
	for _, e := range l.Entries {
		lines = append(lines, wire.Line{Label: "Address", Value: intent.Groups(e.Address) + " on " + intent.Chain(e.Chain) + ", " + name.Within(e.Label)})
	}
	return lines
}

// accountLines say an account with the rules that it had at a version.
func (o objects) accountLines(id string, v vault.Version[vault.AccountTerms]) []wire.Line {
	lines := []wire.Line{{Label: "Name", Value: v.Value.Name}}
	for _, l := range append(intent.PlaceLines(v.Value.Tier, v.Value.Parent, o.called[v.Value.Parent]), intent.SweepLines(v.Value.Sweep)...) {
		lines = append(lines, wire.Line{Label: l.Label, Value: l.Value})
	}
	for _, a := range o.now.Accounts {
		if a.Account == id {
			lines = append(lines, wire.Line{Label: "Address", Value: intent.Groups(a.Address) + " on " + intent.Chain(a.Chain)})
		}
	}
	rules := of(o.Rules, id)
	if rules == nil {
		return lines
	}
	var set governance.Set
	for _, r := range rules.Versions {
		if r.Seq <= v.Seq {
			set = r.Value
		}
	}
	for _, r := range set.Ordered() {
		lines = append(lines, wire.Line{Label: "Rule", Value: name.Within(r.Name) + ": " + ceremony.Say(r, o.called).Text})
	}
	if len(set.Holidays) > 0 {
		lines = append(lines, wire.Line{Label: "Holidays", Value: strings.Join(set.Holidays, ", ")})
	}
	if set.RateSource != "" {
		lines = append(lines, wire.Line{Label: "Rates", Value: "signed by " + o.called[set.RateSource] + " (" + set.RateSource + ")"})
	}
	return lines
}
