package signer

import (
	"testing"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/eip1559"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/preset"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// The governance of the article with which Ledger announced the API of its Vault, one test
// for each of its sentences. What it calls the main wallet is the account Treasury here, and
// its treasury wallet, with the everyday rules, the account Trading.

const mill = "0x52908400098527886E0F7030069857D2E4169EE7"

// layers is a vault with layered wallets: Alice and Bob are the officers, Bob and Carol the
// operators, and the mill is the one supplier.
func layers(t testing.TB) *rig {
	t.Helper()
	accounts, err := preset.Layered{
		Treasury: treasury, TreasuryName: "Treasury", Trading: "acc_trading", TradingName: "Trading", Chain: "eip155:31337",
		Officers: "grp_officers", Operators: "grp_operators", Whitelist: "wls_suppliers", Quorum: 2,
		Asset: "ethereum", Small: "1", Daily: "2", Currency: "EUR", Purchase: "1000", Bought: "5000",
	}.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	return newRigOf(t, governance.Set{}, func(d *Draft) {
		d.Groups = []governance.Group{{Group: "grp_officers", Name: "Officers", Members: []string{"mem_alice", "mem_bob"}}, {Group: "grp_operators", Name: "Operators", Members: []string{"mem_bob", "mem_carol"}}}
		d.Whitelists = []governance.List{{Whitelist: "wls_suppliers", Name: "Suppliers", Entries: []governance.Entry{{Address: mill, Chain: "eip155:31337", Label: "Mill"}}}}
		d.Accounts = nil
		for _, a := range accounts {
			d.Accounts = append(d.Accounts, DraftAccount{Account: a.Account, Name: a.Name, Chain: a.Chain, Tier: a.Tier, Parent: a.Parent, Rules: a.Rules})
		}
	})
}

// addressOn is the own address of an account.
func (g *rig) addressOn(account string) string {
	a, _ := g.service.state.Account(account)
	return a.Address
}

// pays asks for a transfer of an account.
func (g *rig) pays(id, account, ether, to string) (r wire.SignerRequest, code fault.Code) {
	g.t.Helper()
	in := g.input(id)
	in.Intent = intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: account, Crypto: intent.Crypto{Amount: ether, Asset: "ethereum"}, To: intent.Recipient{Address: to}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"},
	})
	return r, g.call("POST", "/v1/requests", in, &r)
}

// decides has a member sign something about a request.
func (g *rig) decides(member, id, decision string) {
	g.t.Helper()
	if _, _, err := mustConnect(g.t, g, member).Decide(id, decision); err != nil {
		g.t.Fatal(err)
	}
}

// "the majority of assets could be held in a main wallet that is restricted to only
// transacting with a treasury wallet"
func TestTheMainWalletIsRestrictedToOnlyTransactingWithTheTreasuryWallet(t *testing.T) {
	t.Parallel()
	g := layers(t)
	for name, to := range map[string]string{"a supplier": mill, "a stranger": "0x8617E340B3D01FA5F11F306F4090FD50E238070D"} {
		if _, code := g.pays(newRequestID(t), treasury, "1", to); code != fault.Denied {
			t.Errorf("it pays %s: %q", name, code)
		}
	}
	id := newRequestID(t)
	if _, code := g.pays(id, treasury, "100", g.addressOn("acc_trading")); code != "" {
		t.Fatal(code)
	}
	g.decides("mem_alice", id, statement.Approve)
	g.decides("mem_bob", id, statement.Approve)
	var tx wire.SignerTransaction
	if code := g.call("POST", "/v1/requests/"+id+"/transactions", wire.SignerTransactionInput{Fees: paying("2", "1")}, &tx); code != "" {
		t.Fatal(code)
	}
	read, err := eip1559.Open(unb64(t, tx.Raw))
	if to, _ := eip1559.Address(g.addressOn("acc_trading")); err != nil || read.To != to || read.From != g.addressOn(treasury) {
		t.Errorf("it signed %+v (%v)", read, err)
	}
}

// "The treasury wallet then enforces the governance rules described in the previous example",
// and "Access to your funds … will depend on the transaction rules you set on each one of your
// accounts"
func TestTheTreasuryWalletEnforcesTheGovernanceRulesThatWereSetOnIt(t *testing.T) {
	t.Parallel()
	g := layers(t)
	small, large := newRequestID(t), newRequestID(t)
	r, code := g.pays(small, "acc_trading", "1", mill)
	if code != "" || r.GovernedBy.Rule != "small transfers" || r.State != string(governance.Uninitiated) {
		t.Fatalf("%s: %+v", code, r)
	}
	g.decides("mem_carol", small, statement.Initiate)
	if _, _, err := mustConnect(t, g, "mem_carol").Decide(small, statement.Approve); err == nil {
		t.Error("who asked for it approves it")
	}
	g.decides("mem_bob", small, statement.Approve)
	if r := g.look(small); r.State != string(governance.Approved) {
		t.Errorf("a small transfer is %s", r.State)
	}
	if r, code = g.pays(large, "acc_trading", "1.5", mill); code != "" || r.GovernedBy.Rule != "large transfers" || r.Steps[0].Needed != 2 {
		t.Errorf("%s: a large transfer is governed by %+v", code, r)
	}
}

// "Using strong whitelists and transfer limits will allow you to take full advantage of the
// APIs automation power while keeping your funds secure"
func TestStrongWhitelistsAndTransferLimitsKeepFundsSecure(t *testing.T) {
	t.Parallel()
	g := layers(t)
	if _, code := g.pays(newRequestID(t), "acc_trading", "0.1", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"); code != fault.Denied {
		t.Errorf("it pays whom no whitelist has: %q", code)
	}
	rules := map[string]int{}
	for range 3 {
		r, code := g.pays(newRequestID(t), "acc_trading", "1", mill)
		if code != "" {
			t.Fatal(code)
		}
		rules[r.GovernedBy.Rule]++
	}
	if rules["small transfers"] != 2 || rules["large transfers"] != 1 {
		t.Errorf("of three in a day, with a limit of 2 ETH, %v govern", rules)
	}
}

// "Example of a governance setup with both human and automated reviews", "while enforcing
// manual reviews where necessary"
func TestAGovernanceSetupWithBothHumanAndAutomatedReviews(t *testing.T) {
	t.Parallel()
	g := newRig(t, governance.Set{Version: 1, Rules: []governance.Rule{{
		Name: "transfers", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer}}}},
		Steps: []governance.Step{{Name: "screening", Reviewer: "mem_carol"}, {Name: "treasury", Quorum: 2, Members: []string{"mem_alice", "mem_bob"}}},
	}}})
	id := newRequestID(t)
	if _, code := g.pays(id, treasury, "1", mill); code != "" {
		t.Fatal(code)
	}
	if _, _, err := mustConnect(t, g, "mem_alice").Decide(id, statement.Approve); err == nil {
		t.Error("a person approves before the program has said anything")
	}
	g.judged(governance.Approves)
	g.decides("mem_alice", id, statement.Approve)
	g.decides("mem_bob", id, statement.Approve)
	if r := g.look(id); r.State != string(governance.Approved) {
		t.Errorf("it is %s", r.State)
	}
}

// "Just like any Vault Operator, they will need to be invited to the platform by Vault
// Administrators, following the same registration process"
func TestAnAPIOperatorIsInvitedByAdministratorsAndRegistersLikeAnyOther(t *testing.T) {
	t.Parallel()
	g := layers(t)
	for _, is := range []string{intent.Program, intent.Human} {
		m := membertest.NewMember(t, "mem_"+map[string]string{intent.Program: "robot", intent.Human: "erin"}[is], map[string]string{intent.Program: "Robot", intent.Human: "Erin"}[is], jws.Secp256k1)
		invite := invites(t, m)
		invite.Role, invite.Is = statement.Operator, is
		g.changed(invite, "mem_alice")
		if code := g.certify(m); code != fault.NotFound {
			t.Errorf("%s: one administrator is enough: %q", is, code)
		}
		g.approves("mem_bob", g.openRequest())
		if code := g.certify(m); code != "" {
			t.Errorf("%s: after the quorum of administrators: %q", is, code)
		}
	}
}

// openRequest is the one request that is open.
func (g *rig) openRequest() string {
	g.t.Helper()
	for id := range g.service.state.Open() {
		return id
	}
	g.t.Fatal("no request is open")
	return ""
}

// "Any access to the Vault or the funds it secures must be initiated by the client"
func TestAnyAccessToTheFundsMustBeInitiatedByTheClient(t *testing.T) {
	t.Parallel()
	g := layers(t)
	id := newRequestID(t)
	if _, code := g.pays(id, "acc_trading", "1", mill); code != "" {
		t.Fatal(code)
	}
	if _, _, err := mustConnect(t, g, "mem_bob").Decide(id, statement.Approve); err == nil {
		t.Error("it is approved before a member has signed that they want it")
	}
	if code := g.call("POST", "/v1/requests/"+id+"/transactions", wire.SignerTransactionInput{Fees: paying("2", "1")}, nil); code != fault.RequestClosed {
		t.Errorf("it is signed: %q", code)
	}
}
