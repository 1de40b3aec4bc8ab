package signer

import (
	"strings"
	"testing"
	"time"

	"countersign/shared/eip1559"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// sweeping is a vault whose administrators agreed that deposits of the treasury are swept,
// and a deposit address of it.
func sweeping(t testing.TB) (g *rig, address string) {
	t.Helper()
	g = newRig(t, purchasesAndTransfers())
	r := g.request(testReq)
	to, _ := intent.Draft(r.Intent)
	address = to.(intent.Buy).Address
	e := edits(1, purchasesAndTransfers().Rules...)
	e.Sweep = &intent.Sweep{MaxFee: "0.0021", PerDay: "0.005"}
	g.changed(e, "mem_alice", "mem_bob")
	return g, address
}

// sweeps asks for a sweep, and reads it.
func (g *rig) sweeps(in wire.SignerSweepInput) (tx wire.SignerTransaction, read eip1559.Signed, code fault.Code) {
	g.t.Helper()
	if code = g.call("POST", "/v1/sweeps", in, &tx); code != "" {
		return tx, read, code
	}
	read, err := eip1559.Open(unb64(g.t, tx.Raw))
	if err != nil {
		g.t.Fatal(err)
	}
	return tx, read, ""
}

func TestADepositIsSweptToTheAccountsOwnAddressAndNowhereElse(t *testing.T) {
	t.Parallel()
	g, address := sweeping(t)
	account, _ := g.service.state.Account(treasury)
	in := wire.SignerSweepInput{Account: treasury, Address: address, Amount: "70000000000000000", Fees: paying("2", "1")}
	tx, read, code := g.sweeps(in)
	own, _ := eip1559.Address(account.Address)
	if code != "" || read.From != address || read.To != own || read.Value.String() != in.Amount || tx.Nonce != 0 || len(read.Data) != 0 {
		t.Fatalf("%s: %+v", code, read)
	}
	if again, _, code := g.sweeps(in); code != "" || again.Raw != tx.Raw {
		t.Errorf("%s: the same again gives other bytes", code)
	}
	g.restart()
	higher, more, code := g.sweeps(wire.SignerSweepInput{Account: treasury, Address: address, Amount: in.Amount, Fees: paying("3", "2")})
	if code != "" || higher.Nonce != 0 || more.Value.Cmp(read.Value) != 0 || more.To != own {
		t.Errorf("%s: with higher fees it is %+v", code, more)
	}
	in.Nonce = 1 // as much has arrived again, and the chain takes the same fees
	if next, _, code := g.sweeps(in); code != "" || next.Nonce != 1 || next.Raw == tx.Raw {
		t.Errorf("%s: the next sweep has nonce %d", code, next.Nonce)
	}
	g.verified()
}

func TestASweepThatTheStandingRuleDoesNotAllowIsRefused(t *testing.T) {
	t.Parallel()
	g, address := sweeping(t)
	good := wire.SignerSweepInput{Account: treasury, Address: address, Amount: "1000", Fees: paying("2", "1")}
	account, _ := g.service.state.Account(treasury)
	for name, c := range map[string]struct {
		change func(*wire.SignerSweepInput)
		code   fault.Code
	}{
		"the account's own address":   {func(in *wire.SignerSweepInput) { in.Address = account.Address }, fault.NotFound},
		"somebody else's address":     {func(in *wire.SignerSweepInput) { in.Address = "0x52908400098527886E0F7030069857D2E4169EE7" }, fault.NotFound},
		"another account":             {func(in *wire.SignerSweepInput) { in.Account = "acc_other" }, fault.NotFound},
		"a fee above what it allows":  {func(in *wire.SignerSweepInput) { in.Fees = paying("101", "1") }, fault.Denied},
		"nothing":                     {func(in *wire.SignerSweepInput) { in.Amount = "0" }, fault.Denied},
		"less than nothing":           {func(in *wire.SignerSweepInput) { in.Amount = "-1" }, fault.Denied},
		"a decimal":                   {func(in *wire.SignerSweepInput) { in.Amount = "1.5" }, fault.Denied},
		"no amount":                   {func(in *wire.SignerSweepInput) { in.Amount = "" }, fault.Denied},
		"more than a chain can count": {func(in *wire.SignerSweepInput) { in.Amount = "1" + strings.Repeat("0", 3000) }, fault.Denied},
		"one after the next":          {func(in *wire.SignerSweepInput) { in.Nonce = 1 }, fault.Denied},
		"a price that is not a price": {func(in *wire.SignerSweepInput) { in.Fees.Tip = "1e9" }, fault.Invalid},
	} {
		in, size := good, g.service.Status().Log.Size
		c.change(&in)
		if _, _, code := g.sweeps(in); code != c.code || g.service.Status().Log.Size != size {
			t.Errorf("%s: %q, want %q", name, code, c.code)
		}
	}
	for i, want := range []fault.Code{"", "", fault.Denied} { // 0.0021 each, of 0.005 a day
		in := good
		in.Nonce, in.Fees = int64(i), paying("100", "1")
		if _, _, code := g.sweeps(in); code != want {
			t.Errorf("sweep %d of the day: %q, want %q", i+1, code, want)
		}
	}
	g.clock.add(25 * time.Hour)
	good.Nonce = 2
	if _, _, code := g.sweeps(good); code != "" {
		t.Errorf("on the next day: %q", code)
	}
}

func TestASweepOfMoreThanThereIsKeepsNothingAtItsAddress(t *testing.T) {
	t.Parallel()
	g, address := sweeping(t)
	in := wire.SignerSweepInput{Account: treasury, Address: address, Amount: "1" + strings.Repeat("0", 70), Fees: paying("100", "100")}
	if _, _, code := g.sweeps(in); code != "" {
		t.Fatal(code)
	}
	in.Amount, in.Fees = "1000", paying("2", "1") // what is there, and what the chain takes
	tx, read, code := g.sweeps(in)
	if code != "" || tx.Nonce != 0 || read.Value.String() != "1000" {
		t.Errorf("%q: %+v", code, read)
	}
	g.restart()
	if again, _, code := g.sweeps(in); code != "" || again.Raw != tx.Raw {
		t.Errorf("%q: other bytes after a restart", code)
	}
	g.verified()
}

func TestAGatewayThatHasTheSameSweptAgainAndAgainIsSlowedDown(t *testing.T) {
	t.Parallel()
	g, address := sweeping(t)
	in := wire.SignerSweepInput{Account: treasury, Address: address, Amount: "1", Fees: gas.Fees{Gas: 21000, FeeCap: "0", Tip: "0"}}
	for in.Nonce = range int64(signaturesPerMinute) {
		if _, _, code := g.sweeps(in); code != "" {
			t.Fatalf("sweep %d: %q", in.Nonce, code)
		}
	}
	in.Nonce++
	if _, _, code := g.sweeps(in); code != fault.Limited {
		t.Errorf("%q", code)
	}
	g.clock.add(time.Second)
	if _, _, code := g.sweeps(in); code != "" {
		t.Errorf("a second later: %q", code)
	}
	data, err := g.service.state.Snapshot()
	if err != nil || strings.Count(string(data), `"fee":"0"`) > 2 {
		t.Errorf("the fees of all of them are kept (%v)", err)
	}
}

func TestNothingIsSweptWithoutAStandingRule(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	r := g.request(testReq)
	to, _ := intent.Draft(r.Intent)
	in := wire.SignerSweepInput{Account: treasury, Address: to.(intent.Buy).Address, Amount: "1000", Fees: paying("2", "1")}
	if _, _, code := g.sweeps(in); code != fault.Denied {
		t.Errorf("%q", code)
	}
	e := edits(1, purchasesAndTransfers().Rules...)
	e.Sweep = &intent.Sweep{MaxFee: "0.01", PerDay: "0.005"}
	if code := g.change(newRequestID(t), e); code != fault.Invalid {
		t.Errorf("a rule that allows less a day than each time: %q", code)
	}
}

func TestAdministratorsReadTheStandingRuleThatTheySign(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	e := edits(1, purchasesAndTransfers().Rules...)
	e.Sweep = &intent.Sweep{MaxFee: "0.0021", PerDay: "0.005"}
	id := g.changed(e)
	data, ferr := mustConnect(t, g, "mem_alice").Statement(id, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	a, err := statement.Decode[statement.Approval](data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := statement.Text(a)
	const want = "what arrives at its deposit addresses goes on to its own address without asking, for at most 0.0021 of the chain's coin each time, and 0.005 in 24 hours"
	if err != nil || !strings.Contains(text, want) {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestNothingIsSweptOnAChainOnWhichNothingCanBeSent(t *testing.T) {
	t.Parallel()
	for chain, coin := range map[string]string{"eip155:10": "optimism", "eip155:8453": "base"} {
		g := newRigOf(t, twoOfThree(), func(d *Draft) { d.Accounts[0].Chain = chain })
		in := g.input(testReq)
		intenttest.Edit(&in.Intent, func(b *intent.Buy) { b.Crypto.Asset = coin })
		var r wire.SignerRequest
		if code := g.call("POST", "/v1/requests", in, &r); code != "" {
			t.Fatal(code)
		}
		to, _ := intent.Draft(r.Intent)
		e := edits(1, twoOfThree().Rules...)
		e.Sweep = &intent.Sweep{MaxFee: "0.0021", PerDay: "0.005"}
		g.changed(e, "mem_alice", "mem_bob")
		size := g.service.Status().Log.Size
		_, _, code := g.sweeps(wire.SignerSweepInput{Account: treasury, Address: to.(intent.Buy).Address, Amount: "1000", Fees: paying("2", "1")})
		if code != fault.NotSupported || g.service.Status().Log.Size != size {
			t.Errorf("%s: %q, want %s", chain, code, fault.NotSupported)
		}
	}
}

// A token may get its keys back from a copy, while the signer runs.
func TestAKeyThatWasMissingIsFoundWhenItIsThereAgain(t *testing.T) {
	t.Parallel()
	g, address := sweeping(t)
	in := wire.SignerSweepInput{Account: treasury, Address: address, Amount: "1000", Fees: paying("2", "1")}
	label := depositLabel(treasury, 0)
	g.vault.Lock()
	key := g.vault.Keys[label]
	delete(g.vault.Keys, label)
	g.vault.Unlock()
	if key == nil {
		t.Fatal("the address has another label")
	}
	for range 2 {
		if _, _, code := g.sweeps(in); code != fault.KeyMissing {
			t.Errorf("without its key: %q", code)
		}
	}
	g.vault.Lock()
	g.vault.Keys[label] = key
	g.vault.Unlock()
	if _, read, code := g.sweeps(in); code != "" || read.From != address {
		t.Errorf("with its key: %q", code)
	}
}
