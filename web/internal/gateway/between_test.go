package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"countersign/shared/amount"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/projection"
)

// between is a vault with a second account, to which the first has sent 1.5 ether.
func between(t *testing.T) *gatewaytest.World {
	t.Helper()
	w, node := gatewaytest.NewSending(t, 1)
	rules := governance.Set{Rules: []governance.Rule{{Name: "alice", Steps: []governance.Step{{Name: "approval", Quorum: 1, Members: []string{"mem_alice"}}}}}}
	w.Signer.Change("req_gggggggggggggggggggggggggg", intent.AccountCreate{
		Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: gatewaytest.ChainID, Rules: rules,
	})
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := w.Gateway.Account(t.Context(), gatewaytest.Caller(), "acc_trading")
	if err != nil {
		t.Fatal(err)
	}
	w.Scan()
	approved(t, w, draft("1.5", "0.01", other.Address), "one")
	for range 3 {
		w.Scan()
		node.Blocks(1)
	}
	w.Scan()
	return w
}

func TestWhatOneAccountSendsToAnotherIsBookedOnceOnEach(t *testing.T) {
	t.Parallel()
	w := between(t)
	other, err := w.Gateway.Account(t.Context(), gatewaytest.Caller(), "acc_trading")
	if err != nil || len(other.Balances) != 1 || other.Balances[0].Amount != "1.5" || len(other.Entries) != 1 {
		t.Errorf("%+v (%v)", other, err)
	}
	if has := amount.Must(account(t, w).Balances[0].Amount); has.Cmp(amount.Must("8.5")) >= 0 || has.Cmp(amount.Must("8.49")) < 0 {
		t.Errorf("the sender has %s", has)
	}
}

func TestAReportingKeyOfWhoReceivesDoesNotLearnOfTheAccountThatSent(t *testing.T) {
	t.Parallel()
	w := between(t)
	me := gatewaytest.Caller()
	me.Reporting = &projection.ReportingKey{Scope: intent.ReadsAccounts, Accounts: []string{"acc_trading"}}
	p, err := w.Gateway.Transactions(t.Context(), me, gateway.BookingFilter{}, "", 100)
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("%+v (%v)", p, err)
	}
	a, err := w.Gateway.Account(t.Context(), me, "acc_trading")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal([]any{p, a})
	if err != nil || strings.Contains(string(text), "Treasury") || strings.Contains(string(text), gatewaytest.Account) {
		t.Errorf("%v: %s", err, text)
	}
}
