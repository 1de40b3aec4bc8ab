package gateway_test

import (
	"slices"
	"testing"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// trading is the body of a request for an account that the treasury funds.
func trading() wire.RequestInput {
	rule := governance.Rule{Name: "two of three", Steps: []governance.Step{{Name: "approval", Quorum: 2, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}}}
	return wire.RequestInput{Intent: intenttest.Doc(intent.AccountCreate{
		Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: asset.Sandbox, Tier: intent.Trading, Parent: gatewaytest.Account,
		Rules: governance.Set{Rules: []governance.Rule{rule}},
	})}
}

// TestAnAccountThatWasCreatedIsListedAndBoughtInto goes the whole way: administrators create
// an account, members approve a purchase into it, and what the provider sends is booked there.
func TestAnAccountThatWasCreatedIsListedAndBoughtInto(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewWith(t, 1)
	me := gatewaytest.Caller()
	listed := func() (ids []string, last wire.Account) {
		t.Helper()
		for _, a := range must[wire.Accounts](t)(w.Gateway.Accounts(t.Context(), me)).Accounts {
			ids, last = append(ids, a.ID), a
		}
		return ids, last
	}
	approve := func(id string) {
		t.Helper()
		w.Signer.Decide(id, "mem_alice", statement.Approve)
		w.Signer.Decide(id, "mem_bob", statement.Approve)
		if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
			t.Fatal(err)
		}
	}
	r := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), me, trading(), "the-key-of-trading"))
	made, err := intent.As[intent.AccountCreate](r.Intent)
	if err != nil {
		t.Fatal(err)
	}
	if r.Address == nil || r.Address.Address != made.Address || !r.Address.Verified || r.Sentence != "Create account Trading: TRADING on Sandbox chain (eip155:31337), funded by Treasury" ||
		!slices.Contains(r.Lines, wire.Line{Label: "Funded by", Value: "Treasury (acc_treasury)"}) {
		t.Errorf("%+v", r)
	}
	if ids, _ := listed(); !slices.Equal(ids, []string{gatewaytest.Account}) {
		t.Errorf("before it is approved there are %v", ids)
	}
	w.Chain.Deposit(made.Address, "1") // to an address that is no account's yet
	w.Scan()
	approve(r.ID)
	ids, a := listed()
	if !slices.Equal(ids, []string{gatewaytest.Account, "acc_trading"}) || a.Name != "Trading" || a.Tier != intent.Trading || a.Parent != gatewaytest.Account || a.Address != made.Address || len(a.Rules.Rules) != 1 {
		t.Errorf("%v, %+v", ids, a)
	}
	w.Restart()
	if ids, _ := listed(); len(ids) != 2 {
		t.Errorf("after a restart there are %v", ids)
	}

	q := must[wire.Quotes](t)(w.Gateway.Quotes(t.Context(), me, quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_trading", false, nil)).Quotes[0]
	bought := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), me, wire.RequestInput{QuoteID: q.ID, AccountID: "acc_trading"}, "key-"+q.ID))
	if bought.Rule.RuleSet != "acc_trading" {
		t.Errorf("the purchase is governed by %+v", bought.Rule)
	}
	approve(bought.ID)
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), me, bought.ID))
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	w.Chain.Deposit(made.Address, "2") // to the account's own address
	w.Scan()
	if o := order(t, w, o); o.State != wire.OrderCompleted || o.Account != "acc_trading" {
		t.Errorf("the order is %s, of %s", o.State, o.Account)
	}
	a = must[wire.Account](t)(w.Gateway.Account(t.Context(), me, "acc_trading"))
	expect(t, "paid", booked(t, a, "payments:acc_trading", "EUR"), "-250")
	expect(t, "bought", booked(t, a, "provider:northpay", "ethereum"), "-0.1")
	if own := booked(t, a, "vault:acc_trading", "ethereum"); own != "3.1" {
		t.Errorf("the account holds %s ether, of 0.1 that were bought and 3 that came to its own address: %+v", own, a.Deposits)
	}
	if !slices.ContainsFunc(a.Deposits, func(d wire.Deposit) bool { return d.Address == made.Address }) {
		t.Errorf("deposits to %s are %+v", made.Address, a.Deposits)
	}
}

func TestAnAccountThatCannotBeCreatedIsRefusedByTheSigner(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for name, c := range map[string]struct {
		spoil func(*intent.AccountCreate)
		code  fault.Code
	}{
		"an account that there is": {func(a *intent.AccountCreate) { a.Account = gatewaytest.Account }, fault.Conflict},
		"an unknown parent":        {func(a *intent.AccountCreate) { a.Parent = "acc_other" }, fault.Invalid},
	} {
		in := trading()
		intenttest.Edit(&in.Intent, c.spoil)
		if _, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "key-of-"+name); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
