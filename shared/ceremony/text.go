package ceremony

import (
	"fmt"
	"strings"
	"time"

	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
)

// SandboxNote is what is said wherever a sandbox's vault is shown.
const SandboxNote = "this vault is for trying things out: it may have fewer administrators than one that money is trusted to"

// Text is what an administrator reads before their token signs: all of a genesis that
// was decoded, and as whom. Items end at empty lines.
func Text(g statement.Genesis, as statement.GenesisMember) string {
	return statement.Align(lines(g, as)) + "\n"
}

func lines(g statement.Genesis, as statement.GenesisMember) (all []intent.Line) {
	add := func(label, format string, args ...any) {
		all = append(all, intent.Line{Label: label, Value: fmt.Sprintf(format, args...)})
	}
	space := func() { all = append(all, intent.Line{}) }
	admins := Administrators(g)
	add("Decision", "BEGIN this vault, as it is written here, for good")
	add("Vault of", "%s", name.WithID(g.EntityName, g.Entity))
	if g.Sandbox {
		add("SANDBOX", "%s", SandboxNote)
	}
	add("Changes", "to the vault take %d of its %d administrators", g.AdminRule.Quorum, len(admins))
	add("Written", "%s", time.Unix(g.IssuedAt, 0).UTC().Format("2006-01-02 15:04:05 UTC"))
	add("You sign as", "%s", called(as))
	all = append(all, RootKey(g)...)
	space()
	for _, m := range g.Members {
		add("Member", "%s, %s", called(m), m.Role)
		add("Signs with", "%s", thumbprint(m.Approval))
		add("Channel key", "%s, in %s", thumbprint(m.Channel), m.ChannelIn)
	}
	names := people(g)
	if len(g.Groups) > 0 {
		space()
	}
	for _, group := range g.Groups {
		add("Group", "%s: %s", name.WithID(group.Name, group.Group), join(names.all(group.Members), "and"))
	}
	for _, list := range g.Whitelists {
		space()
		add("Whitelist", "%s", name.WithID(list.Name, list.Whitelist))
		for _, e := range list.Entries {
			add("Address", "%s on %s, %s", intent.Groups(e.Address), intent.Chain(e.Chain), name.Within(e.Label))
		}
	}
	parents := map[string]string{}
	for _, a := range g.Accounts {
		parents[a.Account] = a.Name
	}
	for _, a := range g.Accounts {
		space()
		add("Account", "%s", name.WithID(a.Name, a.Account))
		add("Address", "%s on %s", intent.Groups(a.Address), intent.Chain(a.Chain))
		all = append(append(all, intent.PlaceLines(a.Tier, a.Parent, parents[a.Parent])...), intent.SweepLines(a.Sweep)...)
		add("Rules", "version %d: one that denies comes first; else the first that matches governs; what none matches is denied", a.Rules.Version)
		for i, r := range a.Rules.Ordered() {
			add(fmt.Sprintf("Rule %d", i+1), "%s", names.rule(r))
		}
		if len(a.Rules.Holidays) > 0 {
			add("Holidays", "%s", join(a.Rules.Holidays, "and"))
		}
		if a.Rules.RateSource != "" {
			add("Rates", "signed by %s", join(names.who([]string{a.Rules.RateSource}, ""), "and"))
		}
		rest := a.Rules
		rest.Version, rest.Rules, rest.Holidays, rest.RateSource = 0, nil, nil, ""
		if more := unsaid(rest); more != "" {
			add("More rules", "%s", strings.TrimSpace(more))
		}
	}
	return all
}

// RootKey are the lines that name the root key of a vault: its statement key, with its
// fingerprint for reading aloud.
func RootKey(g statement.Genesis) []intent.Line {
	all := []intent.Line{{Label: "Root key", Value: thumbprint(g.Signer.Statement)}}
	key, err := jws.FromJWK(g.Signer.Statement)
	if err != nil {
		return all
	}
	print, err := fingerprint.Of(key.Thumbprint())
	if err != nil {
		return all
	}
	return append(all, intent.Aloud(print)...)
}

// Registrant is a registration as its sender and its reader compare it: who, which keys, and
// its fingerprint. It fails as [Registered] does.
func Registrant(token string) (string, error) {
	r, digest, err := Registered(token)
	if err != nil {
		return "", err
	}
	print, err := fingerprint.Of(digest)
	if err != nil {
		return "", err
	}
	lines := []intent.Line{
		{Label: "Member", Value: name.WithID(r.Name, r.Member) + " of " + r.Entity},
		{Label: "Signs with", Value: thumbprint(r.Approval)},
		{Label: "Channel key", Value: thumbprint(r.Channel) + ", in " + r.ChannelIn},
	}
	if r.Driver != (intent.Driver{}) {
		lines = append(lines, r.Driver.Line())
	}
	return statement.Align(append(lines, intent.Aloud(print)...)), nil
}

// names are what people call what rules name by id.
type names map[string]string

func people(g statement.Genesis) names {
	n := names{}
	for _, m := range g.Members {
		n[m.Member] = called(m)
	}
	for _, group := range g.Groups {
		n[group.Group] = name.WithID(group.Name, group.Group)
	}
	for _, list := range g.Whitelists {
		n[list.Whitelist] = name.WithID(list.Name, list.Whitelist)
	}
	for _, a := range g.Accounts {
		n[a.Account] = name.WithID(a.Name, a.Account)
	}
	return n
}

// of is what a thing is called, or its id.
func (n names) of(id string) string {
	if s, ok := n[id]; ok {
		return s
	}
	return id
}

func (n names) all(ids []string) (all []string) {
	for _, id := range ids {
		all = append(all, n.of(id))
	}
	return all
}

// who are named members, a group, or both together.
func (n names) who(members []string, group string) []string {
	all := n.all(members)
	if group != "" {
		all = append(all, "the group "+n.of(group))
	}
	return all
}

// join is a list in a sentence: "a, b and c".
func join(all []string, word string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " " + word + " " + all[len(all)-1]
}

// span is a time in words: "24 hours".
func span(seconds int64) string { return (statement.GovernedBy{UseWithin: seconds}).Use() }

func within(r governance.Rule) string {
	if r.Within == 0 {
		return span(int64(governance.DefaultWithin / time.Second))
	}
	return span(r.Within)
}
