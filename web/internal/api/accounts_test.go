package api

import (
	"encoding/json"
	"testing"

	"countersign/shared/asset"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// An account is asked for, explained, approved and listed over HTTP.
func TestAnAccountIsCreatedByARequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rule := governance.Rule{Name: "two of three", Steps: []governance.Step{{Name: "approval", Quorum: 2, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}}}
	body, err := json.Marshal(wire.RequestInput{Intent: intenttest.Doc(intent.AccountCreate{
		Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: asset.Sandbox, Tier: intent.Trading, Parent: gatewaytest.Account,
		Rules: governance.Set{Rules: []governance.Rule{rule}},
	})})
	if err != nil {
		t.Fatal(err)
	}
	if e := get[wire.Explanation](t, r.do("POST", "/v1/requests", string(body), "Dry-Run", "true")); e.Decision.Rule != governance.Administrators || e.Impact == nil {
		t.Errorf("%+v", e.Decision)
	}
	made := get[wire.Request](t, r.do("POST", "/v1/requests", string(body), "Idempotency-Key", "the-key-of-trading"))
	for _, m := range []string{"mem_alice", "mem_bob"} {
		r.Signer.Decide(made.ID, m, statement.Approve)
	}
	if err := r.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	all := get[wire.Accounts](t, r.do("GET", "/v1/accounts", "")).Accounts
	if len(all) != 2 || all[1].ID != "acc_trading" || all[1].Tier != intent.Trading || all[1].Parent != gatewaytest.Account || all[1].Address != made.Address.Address {
		t.Errorf("%+v", all)
	}
	if a := get[wire.Account](t, r.do("GET", "/v1/accounts/acc_trading", "")); a.Name != "Trading" || a.Parent != gatewaytest.Account {
		t.Errorf("%+v", a)
	}
}
