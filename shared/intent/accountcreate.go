package intent

import (
	"strconv"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindAccountCreate is the kind of [AccountCreate].
const KindAccountCreate = "account.create"

// AccountCreate is the intent to have another account. The vault alone knows ParentName
// and the version of Rules, and makes the key of Address for it.
type AccountCreate struct {
	Kind       string         `json:"kind"` // "account.create"
	V          int            `json:"v"`    // 1
	Account    string         `json:"account"`
	Name       string         `json:"name"`
	Chain      string         `json:"chain"`                 // CAIP-2
	Address    string         `json:"address"`               // of its own key
	Tier       string         `json:"tier,omitempty"`        // [Treasury], [Trading]; absent: none
	Parent     string         `json:"parent,omitempty"`      // the account that funds it; absent: none
	ParentName string         `json:"parent_name,omitempty"` // of Parent
	Sweep      *Sweep         `json:"sweep,omitempty"`       // absent: none
	Rules      governance.Set `json:"rules"`
	Purpose    string         `json:"purpose,omitempty"`
	Reference  string         `json:"reference,omitempty"`
}

// CheckFields implements [Intent]. That the rules hold is for the vault to say.
func (a AccountCreate) CheckFields() error {
	var c field.Checks
	c.That(a.Kind == KindAccountCreate && a.V == 1, "kind", "is not account.create, version 1")
	c.ID(id.Account, a.Account, "account")
	c.Name(a.Name, "name")
	c.Chain(a.Chain, "chain")
	c.Address(a.Address, "address")
	CheckPlace(&c, a.Tier, a.Parent, "")
	checkParentName(&c, a.Parent, a.ParentName, "")
	CheckSweep(&c, a.Sweep, a.Chain, "")
	checkRules(&c, a.Rules, "rules")
	c.That(a.Rules.Version == 1, "rules.version", "is not 1, the first")
	a.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent]: the chain is known, and the address can be one of it.
func (a AccountCreate) CheckNow() error {
	if err := a.CheckFields(); err != nil {
		return err
	}
	var c field.Checks
	_, ok := asset.Chain(a.Chain)
	c.That(ok, "chain", "is not in the table of known chains")
	why := unfit(a.Chain, a.Address)
	c.That(why == "", "address", why)
	return c.Err()
}

// Fill implements [Intent]: the name of the parent, and the version of the rules. It fails
// with CONFLICT when the vault has the account, and with INVALID_REQUEST when it cannot
// have the parent. The address is [AccountCreate.To].
func (a AccountCreate) Fill(v Vault) (Intent, error) {
	if _, ok := v.Account(a.Account); ok {
		return nil, fault.New(fault.Conflict, "the vault has an account of this id").With("field", "account")
	}
	var err error
	a.ParentName, err = parentName(v, a.Account, a.Chain, a.Parent)
	a.Rules.Version = 1
	return a, err
}

// Receives implements [Receiver]: the address is that of the account's own key.
func (a AccountCreate) Receives() Deposit { return Deposit{a.Account, a.Chain, a.Address} }

// To implements [Receiver].
func (a AccountCreate) To(address string) Intent {
	a.Address = address
	return a
}

// Of implements [Change].
func (a AccountCreate) Of() (string, int) { return a.Account, 0 }

// Drafted implements [Change].
func (a AccountCreate) Drafted() Intent {
	a.Address, a.ParentName, a.Rules.Version = "", "", 0
	return a
}

// Facts implements [Intent].
func (AccountCreate) Facts() governance.Facts { return facts(KindAccountCreate) }

// Noun implements [Intent].
func (AccountCreate) Noun() string { return "new account" }

// Title implements [Intent].
func (a AccountCreate) Title() string {
	return "Create account " + name.Within(a.Name) + ": " + a.Summary()
}

// Summary implements [Intent]: "TRADING on Ethereum (eip155:1), funded by Treasury".
func (a AccountCreate) Summary() string {
	s := "on " + Chain(a.Chain)
	if a.Tier != "" {
		s = a.Tier + " " + s
	}
	if a.Parent != "" {
		s += ", funded by " + name.Within(a.ParentName)
	}
	return s
}

// Lines implements [Intent].
func (a AccountCreate) Lines() []Line {
	lines := []Line{
		{Label: "Account", Value: name.WithID(a.Name, a.Account)},
		version(0),
		{Label: "Address", Value: Groups(a.Address)},
		{Label: "On chain", Value: Chain(a.Chain)},
	}
	lines = append(lines, PlaceLines(a.Tier, a.Parent, a.ParentName)...)
	lines = append(lines, SweepLines(a.Sweep)...)
	lines = append(lines, Line{Label: "Rules", Value: "version 1; " + asked})
	for i, r := range a.Rules.Rules {
		lines = append(append(lines, Line{Label: "Rule " + strconv.Itoa(i+1), Value: name.Within(r.Name)}), ruleLines(r)...)
	}
	return append(lines, fieldLines(a.Rules, "version", "rules")...)
}

// Why implements [Intent].
func (a AccountCreate) Why() Why { return Why{a.Purpose, a.Reference} }

// Totals implements [Intent]: nothing moves.
func (AccountCreate) Totals() []Total { return nil }

// Record implements [Intent].
func (a AccountCreate) Record() Record { return record(KindAccountCreate, a) }
