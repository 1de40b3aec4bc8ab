package signer

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/preset"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// creates is a draft of an account that the treasury funds.
func creates(account, name string) intent.AccountCreate {
	rules := twoOfThree()
	rules.Version = 0
	return intent.AccountCreate{Kind: intent.KindAccountCreate, V: 1, Account: account, Name: name, Chain: "eip155:31337", Tier: intent.Trading, Parent: treasury, Rules: rules}
}

// creating asks for an account, as the signer answers.
func (g *rig) creating(i intent.AccountCreate) (r wire.SignerRequest, made intent.AccountCreate) {
	g.t.Helper()
	in := g.input(newRequestID(g.t))
	in.Intent = intenttest.Doc(i)
	if code := g.call("POST", "/v1/requests", in, &r); code != "" {
		g.t.Fatal(code)
	}
	made, err := intent.As[intent.AccountCreate](r.Intent)
	if err != nil {
		g.t.Fatal(err)
	}
	return r, made
}

// ownKeys are the labels of the vault's own keys of accounts.
func (g *rig) ownKeys() (labels []string) {
	g.vault.Lock()
	defer g.vault.Unlock()
	for label := range g.vault.Keys {
		if strings.HasPrefix(label, labelAccount) {
			labels = append(labels, label)
		}
	}
	return labels
}

func TestAnAccountThatWasCreatedIsBoughtInto(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	r, made := g.creating(creates("acc_trading", "Trading"))
	if a := g.attested(r); a.Account != "acc_trading" || a.Request != r.Request || a.Address != made.Address {
		t.Errorf("the address of %+v is attested as %+v", made, a)
	}
	if made.ParentName != "Treasury" || made.Rules.Version != 1 {
		t.Errorf("it was filled as %+v", made)
	}
	buys := func() (w wire.SignerRequest, code fault.Code) {
		in := g.input(newRequestID(t))
		intenttest.Edit(&in.Intent, func(b *intent.Buy) { b.Account = "acc_trading" })
		code = g.call("POST", "/v1/requests", in, &w)
		return w, code
	}
	if _, code := buys(); code != fault.NotFound {
		t.Errorf("a purchase into an account that waits for approval: %q", code)
	}
	g.approves("mem_alice", r.Request)
	g.approves("mem_bob", r.Request)
	g.restart()
	bought, code := buys()
	if code != "" || bought.GovernedBy.RuleSet != "acc_trading" || intenttest.Buy(bought.Intent).AccountName != "Trading" {
		t.Errorf("%q, %+v", code, bought)
	}
	if at := g.attested(bought); at.Account != "acc_trading" || at.Address == made.Address {
		t.Errorf("the deposit address is attested as %+v", at)
	}
	for _, m := range []string{"mem_alice", "mem_carol"} {
		g.approves(m, bought.Request)
	}
	if r := g.look(bought.Request); r.State != "APPROVED" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	edit := edits(1, twoOfThree().Rules...)
	edit.Account, edit.Name, edit.Tier, edit.Parent = "acc_trading", "Everyday", intent.Trading, treasury
	g.changed(edit, "mem_alice", "mem_bob")
	g.restart()
	if a, _ := g.service.state.Account("acc_trading"); a.Name != "Everyday" || a.Address != made.Address {
		t.Errorf("%+v", a)
	}
}

// A creation that ended otherwise costs the token no key.
func TestTheKeyOfACreationThatWasRejectedIsUsedAgain(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	first, wanted := g.creating(creates("acc_first", "First"))
	if _, _, err := mustConnect(t, g, "mem_bob").Decide(first.Request, statement.Reject); err != nil {
		t.Fatal(err)
	}
	before := len(g.ownKeys())
	second, made := g.creating(creates("acc_second", "Second"))
	if made.Address != wanted.Address || len(g.ownKeys()) != before {
		t.Errorf("%s after %s, and there are the keys %v", made.Address, wanted.Address, g.ownKeys())
	}
	if a := g.attested(second); a.Account != "acc_second" || a.Request != second.Request {
		t.Errorf("it is attested as %+v", a)
	}
	third, other := g.creating(creates("acc_third", "Third"))
	if other.Address == made.Address {
		t.Error("two open creations share an address")
	}
	for _, id := range []string{second.Request, third.Request} {
		g.approves("mem_alice", id)
		g.approves("mem_bob", id)
	}
	g.restart()
	for account, label := range map[string]string{treasury: "account/" + treasury, "acc_second": "account/0", "acc_third": "account/1"} {
		key := g.vault.Keys[label]
		if key == nil || g.service.accountLabel(account) != label {
			t.Fatalf("%s has the key %q of %v", account, g.service.accountLabel(account), g.ownKeys())
		}
		a, _ := g.service.state.Account(account)
		if address, err := vault.AddressOn(a.Chain, key.PublicKey()); err != nil || address != a.Address {
			t.Errorf("%s is at %s, its key at %s", account, a.Address, address)
		}
	}
	g.vault.Keys["account/0"], g.vault.Keys["account/1"] = g.vault.Keys["account/1"], g.vault.Keys["account/0"]
	if err := g.file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.tryStart(); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("a vault with another key for an account: %v", err)
	}
}

func TestAnAccountThatCannotBeMakesNoKey(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.changed(creates("acc_trading", "Trading"), "mem_alice", "mem_bob")
	keys, size := len(g.ownKeys()), g.service.Status().Log.Size
	with := func(f func(*intent.AccountCreate)) intent.AccountCreate {
		c := creates("acc_new", "New")
		f(&c)
		return c
	}
	for name, c := range map[string]struct {
		draft intent.AccountCreate
		code  fault.Code
	}{
		"an id that there is":       {with(func(a *intent.AccountCreate) { a.Account = "acc_trading" }), fault.Conflict},
		"an id of another kind":     {with(func(a *intent.AccountCreate) { a.Account = "mem_new" }), fault.Invalid},
		"a name that there is":      {with(func(a *intent.AccountCreate) { a.Name = "Trading" }), fault.Invalid},
		"an unknown tier":           {with(func(a *intent.AccountCreate) { a.Tier = "MAIN" }), fault.Invalid},
		"an unknown parent":         {with(func(a *intent.AccountCreate) { a.Parent = "acc_other" }), fault.Invalid},
		"itself as its parent":      {with(func(a *intent.AccountCreate) { a.Parent = "acc_new" }), fault.Invalid},
		"a parent on another chain": {with(func(a *intent.AccountCreate) { a.Chain = "eip155:1" }), fault.Invalid},
		"an unknown chain":          {with(func(a *intent.AccountCreate) { a.Chain, a.Parent = "eip155:5", "" }), fault.Invalid},
		"a chain without addresses": {with(func(a *intent.AccountCreate) { a.Chain, a.Parent = "bip122:000000000019d6689c085ae165831e93", "" }), fault.Invalid},
		"no rules":                  {with(func(a *intent.AccountCreate) { a.Rules.Rules = nil }), fault.Invalid},
		"rules of a stranger":       {with(func(a *intent.AccountCreate) { a.Rules.Rules[0].Steps[0].Members = []string{"mem_eve", "mem_bob"} }), fault.Invalid},
		"rules that never match":    {with(func(a *intent.AccountCreate) { a.Rules.Rules[0].When[0].Amount.Currency = "EUX" }), fault.Invalid},
		"rules about no account": {with(func(a *intent.AccountCreate) {
			a.Rules.Rules[0].When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}}, {Recipient: &governance.Recipient{Accounts: []string{"acc_other"}}}}
		}), fault.Invalid},
	} {
		in := g.input(newRequestID(t))
		in.Intent = intenttest.Doc(c.draft)
		code := g.call("POST", "/v1/requests", in, nil)
		if code != c.code || len(g.ownKeys()) != keys || g.service.Status().Log.Size != size {
			t.Errorf("%s: %q, want %s; keys %v", name, code, c.code, g.ownKeys())
		}
	}
}

// The rule is decided by what the signer's own log says of its accounts.
func TestATreasuryPaysItsChildAndNobodyElse(t *testing.T) {
	t.Parallel()
	rules := purchasesAndTransfers()
	rules.Rules[1].When = append(rules.Rules[1].When, governance.Condition{Recipient: &governance.Recipient{Children: true}})
	g := newRig(t, rules)
	trading, made := g.creating(creates("acc_trading", "Trading"))
	pays := func(to string) fault.Code {
		in := g.sends(newRequestID(t))
		intenttest.Edit(&in.Intent, func(x *intent.Transfer) { x.To.Address = to })
		return g.call("POST", "/v1/requests", in, nil)
	}
	if code := pays(made.Address); code != fault.Denied {
		t.Errorf("an account that is not approved: %q", code)
	}
	g.approves("mem_alice", trading.Request)
	g.approves("mem_bob", trading.Request)
	if code := pays(made.Address); code != "" {
		t.Errorf("its child: %q", code)
	}
	deposit := g.input(newRequestID(t))
	intenttest.Edit(&deposit.Intent, func(b *intent.Buy) { b.Account = "acc_trading" })
	var bought wire.SignerRequest
	if code := g.call("POST", "/v1/requests", deposit, &bought); code != "" {
		t.Fatal(code)
	}
	for name, to := range map[string]string{"a stranger": "0x52908400098527886E0F7030069857D2E4169EE7", "a deposit address of its child": intenttest.Buy(bought.Intent).Address} {
		if code := pays(to); code != fault.Denied {
			t.Errorf("%s: %q", name, code)
		}
	}
}

// The test is not parallel: SoftHSM has one configuration in a process.
func TestTheKeyOfAnAccountThatWasCreatedIsInTheToken(t *testing.T) {
	v, done, err := openHSM(t.Context(), vaultToken(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	g := newRigOn(t, twoOfThree(), v)
	r, made := g.creating(creates("acc_trading", "Trading"))
	pairs, strangers, err := v.(*hsmVault).token.Pairs(t.Context(), "account/0")
	if err != nil || len(pairs) != 1 || strangers != 0 {
		t.Fatalf("%d pairs, %d strangers, %v", len(pairs), strangers, err)
	}
	want, err := addressKey("eip155:31337", "account/0")
	if err != nil {
		t.Fatal(err)
	}
	if why := pairs[0].Origin.Unlike(want); why != "" {
		t.Errorf("the key in the token: %s", why)
	}
	if address, err := vault.AddressOn("eip155:31337", pairs[0].Key.PublicKey()); err != nil || address != made.Address {
		t.Errorf("the key in the token is of %s, and administrators read %s", address, made.Address)
	}
	if err := keys.ProveSigning(t.Context(), pairs[0].Key); err != nil {
		t.Errorf("the key does not sign: %v", err)
	}
	g.approves("mem_alice", r.Request)
	g.approves("mem_bob", r.Request)
	g.restart() // which has each account's key prove itself
	if a, ok := g.service.state.Account("acc_trading"); !ok || a.Address != made.Address {
		t.Errorf("%v, %+v", ok, a)
	}
}

// TestAVaultBeginsWithLayersAndGetsThemByRequests has the signer take the preset both ways.
func TestAVaultBeginsWithLayersAndGetsThemByRequests(t *testing.T) {
	t.Parallel()
	layers := preset.Layered{
		Treasury: "acc_reserve", TreasuryName: "Reserve", Trading: "acc_trading", TradingName: "Trading", Chain: "eip155:31337",
		Officers: "grp_officers", Operators: "grp_operators", Whitelist: "wls_suppliers", Quorum: 2, Delay: 3600,
		Asset: "ethereum", Small: "1", Daily: "5", Currency: "EUR", Purchase: "1000", Bought: "5000",
	}
	objects := func(d *Draft) {
		d.Groups = []governance.Group{{Group: "grp_officers", Name: "Officers", Members: []string{"mem_alice", "mem_carol"}}, {Group: "grp_operators", Name: "Operators", Members: []string{"mem_bob", "mem_carol"}}}
		d.Whitelists = []governance.List{{Whitelist: "wls_suppliers", Name: "Suppliers", Entries: []governance.Entry{{Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:31337", Label: "Mill"}}}}
	}
	accounts, err := layers.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	begun := newRigOf(t, twoOfThree(), func(d *Draft) {
		objects(d)
		for _, a := range accounts {
			d.Accounts = append(d.Accounts, DraftAccount{Account: a.Account, Name: a.Name, Chain: a.Chain, Tier: a.Tier, Parent: a.Parent, Rules: a.Rules})
		}
	})
	changed := newRigOf(t, twoOfThree(), objects)
	creations, err := layers.Creations()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range creations {
		if r := changed.look(changed.changed(c, "mem_alice", "mem_bob")); r.State != "APPROVED" {
			t.Fatalf("%s: %q", r.State, r.Reasons)
		}
	}
	for name, g := range map[string]*rig{"begun": begun, "changed": changed} {
		trading, ok := g.service.state.Account("acc_trading")
		if !ok || trading.Parent != "acc_reserve" {
			t.Fatalf("%s: %+v", name, trading)
		}
		pays := func(to string) (r wire.SignerRequest, code fault.Code) {
			in := g.sends(newRequestID(t))
			intenttest.Edit(&in.Intent, func(x *intent.Transfer) { x.Account, x.To.Address = "acc_reserve", to })
			code = g.call("POST", "/v1/requests", in, &r)
			return r, code
		}
		if _, code := pays("0x52908400098527886E0F7030069857D2E4169EE7"); code != fault.Denied {
			t.Errorf("%s: the reserve pays a supplier: %q", name, code)
		}
		r, code := pays(trading.Address)
		if code != "" || r.GovernedBy.Rule != "fund" {
			t.Fatalf("%s: the reserve pays the trading account: %q, %+v", name, code, r.GovernedBy)
		}
		g.approves("mem_alice", r.Request)
		g.approves("mem_carol", r.Request)
		if r := g.look(r.Request); r.State != "PENDING_APPROVAL" || r.Steps[1].Until.IsZero() {
			t.Errorf("%s: it does not wait: %s, %+v", name, r.State, r.Steps)
		}
	}
}

// TestWhatANewAccountDoesIsSignedAndComputedAgain: the report is made before the key of the
// account is, and is the same whatever the vault became since.
func TestWhatANewAccountDoesIsSignedAndComputedAgain(t *testing.T) {
	t.Parallel()
	g := lived(t)
	alone := creates("acc_trading", "Trading")
	alone.Rules.Rules[0].Steps[0] = governance.Step{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}
	asked, _ := g.creating(alone)
	data, ferr := mustConnect(t, g, "mem_alice").Statement(asked.Request, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	a, err := statement.Decode[statement.Approval](data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := statement.Text(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Funded by     Treasury (acc_treasury)\n",
		"Impact        Bob alone could now move any amount of EUR a day in purchases of Trading, at most 10,000 in one request\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the prompt lacks %q:\n%s", want, text)
		}
	}
	g.approves("mem_alice", asked.Request)
	g.approves("mem_bob", asked.Request)
	g.changed(creates("acc_other", "Other"), "mem_alice", "mem_bob")
	g.restart()
	r, code := g.impact(asked.Request)
	if code != "" || r.Digest() != a.Impact.Report {
		t.Errorf("%s: it is %+v now", code, r)
	}
	cfg, signerFile := g.written(t)
	r, said, err := Recompute(t.Context(), cfg.StateDir, signerFile, asked.Request, Stdio{Err: &bytes.Buffer{}})
	if err != nil || r.Digest() != said.Report {
		t.Errorf("%v: from the log it is %+v", err, r)
	}
}

// What a hostile gateway fills in of what is the vault's to say counts for nothing.
func TestTheVaultAloneSaysTheAddressOfAnAccount(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	draft := creates("acc_trading", "Trading")
	draft.Address, draft.ParentName, draft.Rules.Version = "0x52908400098527886E0F7030069857D2E4169EE7", "Bank", 7
	r, made := g.creating(draft)
	if at := g.attested(r); made.Address == draft.Address || made.Address != at.Address || made.ParentName != "Treasury" || made.Rules.Version != 1 {
		t.Errorf("%+v, attested as %+v", made, at)
	}
}
