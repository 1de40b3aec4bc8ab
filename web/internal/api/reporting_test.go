package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/quote"
	"countersign/shared/spec"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// approved has Alice and Bob approve a request for a change of the vault.
func (r *rig) approved(i intent.Intent) wire.Request {
	r.t.Helper()
	body, err := json.Marshal(wire.RequestInput{Intent: intenttest.Doc(i)})
	if err != nil {
		r.t.Fatal(err)
	}
	made := get[wire.Request](r.t, r.do("POST", "/v1/requests", string(body)))
	r.approve(made.ID)
	return made
}

func (r *rig) approve(request string) {
	r.t.Helper()
	for _, m := range []string{"mem_alice", "mem_bob"} {
		r.Signer.Decide(request, m, statement.Approve)
	}
	if err := r.Gateway.Sync(r.t.Context(), gatewaytest.Entity); err != nil {
		r.t.Fatal(err)
	}
}

// requested asks for a purchase into an account.
func (r *rig) requested(account string) string {
	r.t.Helper()
	ctx, me := r.t.Context(), gatewaytest.Caller()
	quotes, err := r.Gateway.Quotes(ctx, me, quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, account, false, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	in := wire.RequestInput{QuoteID: quotes.Quotes[0].ID, AccountID: account}
	made, err := r.Gateway.NewRequest(ctx, me, in, "key-of-"+account+quotes.Quotes[0].ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return made.ID
}

// bought buys into an account, and has it delivered.
func (r *rig) bought(account string) wire.Order {
	r.t.Helper()
	request := r.requested(account)
	r.approve(request)
	order, err := r.Gateway.NewOrder(r.t.Context(), gatewaytest.Caller(), request)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Chain.Deposit(order.Address, "0.1")
	r.Scan()
	return order
}

// books is a vault with two accounts, into each of which something was bought.
func books(t *testing.T) (r *rig, treasury, trading wire.Order) {
	t.Helper()
	r = rigOn(t, gatewaytest.NewWith(t, 1))
	rule := governance.Rule{Name: "two of three", Steps: []governance.Step{{Name: "approval", Quorum: 2, Group: "grp_traders"}}}
	r.approved(intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_traders", Name: "Traders", Members: []intent.Named{{Member: "mem_alice"}, {Member: "mem_bob"}}})
	r.approved(intent.AccountCreate{Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: asset.Sandbox, Rules: governance.Set{Rules: []governance.Rule{rule}}})
	return r, r.bought(gatewaytest.Account), r.bought("acc_trading")
}

// reporter asks for a secret, and has a reporting key of it approved; for no accounts: for all.
func (r *rig) reporter(accounts ...string) (made wire.ReportingSecret) {
	r.t.Helper()
	made = get[wire.ReportingSecret](r.t, r.do("POST", "/v1/reporting-keys", "{}"))
	k := intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: made.ReportingKey, Name: "Accounting", Reads: intent.ReadsAll, Verifier: made.Verifier}
	for _, a := range accounts {
		k.Reads, k.Accounts = intent.ReadsAccounts, append(k.Accounts, intent.NamedAccount{Account: a})
	}
	r.approved(k)
	return made
}

// trade trades a secret for a token of the entity.
func (r *rig) trade(secret string) answer {
	r.t.Helper()
	return r.do("POST", "/v1/auth/tokens", `{"apiKey":"`+secret+`","entityId":"`+gatewaytest.Entity+`"}`, "Authorization", "", "Idempotency-Key", "")
}

// as asks with another token.
func (r *rig) as(token, method, path, body string, header ...string) answer {
	r.t.Helper()
	return r.do(method, path, body, append([]string{"Authorization", "Bearer " + token}, header...)...)
}

// TestReportingCallsFetchAccountsQueryTheirBalances is the sentence of the Vault API: "Reporting
// calls (fetch accounts, query their balances, etc.)", by a back office that can do nothing else.
func TestReportingCallsFetchAccountsQueryTheirBalances(t *testing.T) {
	t.Parallel()
	r, treasury, trading := books(t)
	made := get[wire.ReportingSecret](t, r.do("POST", "/v1/reporting-keys", "{}"))
	if apikey.Verifier(made.APIKey) != made.Verifier || len(made.Words) != 16 || len(made.Digits) != 8 {
		t.Errorf("%+v", made)
	}
	if a := r.trade(made.APIKey); a.code(t) != fault.InvalidAPIKey {
		t.Errorf("a secret that nobody asked for: %s", a.body)
	}
	k := r.reporter(gatewaytest.Account)
	if k.APIKey == made.APIKey {
		t.Error("two questions gave the same secret")
	}
	token := get[wire.TokenReply](t, r.trade(k.APIKey)).AccessToken

	all := get[wire.Accounts](t, r.as(token, "GET", "/v1/accounts", "")).Accounts
	if len(all) != 1 || all[0].ID != gatewaytest.Account || !slices.Equal(all[0].Balances, []wire.Balance{{Asset: "ethereum", Amount: "0.1"}}) {
		t.Errorf("accounts: %+v", all)
	}
	if a := get[wire.Account](t, r.as(token, "GET", "/v1/accounts/"+gatewaytest.Account, "")); len(a.Deposits) != 1 || len(a.Entries) == 0 {
		t.Errorf("account: %+v", a)
	}
	booked := get[wire.Page[wire.Transaction]](t, r.as(token, "GET", "/v1/transactions", "")).Items
	if len(booked) == 0 || slices.ContainsFunc(booked, func(b wire.Transaction) bool { return b.Account != gatewaytest.Account }) {
		t.Errorf("transactions: %+v", booked)
	}
	months := r.as(token, "GET", "/v1/transactions/by-month?from=2026-11-01&to=2026-12-01", "")
	if !strings.Contains(string(months.body), "vault:"+gatewaytest.Account) || strings.Contains(string(months.body), "acc_trading") {
		t.Errorf("by month: %s", months.body)
	}
	if p := get[wire.Page[wire.Order]](t, r.as(token, "GET", "/v1/orders", "")); len(p.Items) != 1 || p.Items[0].ID != treasury.ID {
		t.Errorf("orders: %+v", p.Items)
	}
	asked := get[wire.Page[wire.Request]](t, r.as(token, "GET", "/v1/requests", "")).Items
	if len(asked) != 1 || asked[0].ID != treasury.Request || len(asked[0].Steps) == 0 || len(asked[0].Steps[0].Approved) != 2 {
		t.Errorf("requests with approvals: %+v", asked)
	}
	v := get[wire.Vault](t, r.as(token, "GET", "/v1/vault", ""))
	if len(v.Accounts) != 1 || len(v.Groups) != 0 || len(v.ReportingKeys) != 1 || v.ReportingKeys[0].ID != k.ReportingKey || v.ReportingKeys[0].Used == nil || len(v.Members) != 3 {
		t.Errorf("vault: %+v", v)
	}
	if o := get[wire.VaultObject](t, r.as(token, "GET", "/v1/vault/"+k.ReportingKey, "")); o.Kind != wire.VaultReportingKeyKind || o.Name != "Accounting" || len(o.Versions) != 1 ||
		len(o.Versions[0].Approved) != 2 || !slices.Contains(o.Versions[0].Lines, wire.Line{Label: "May read", Value: "Treasury (acc_treasury)"}) {
		t.Errorf("the key itself: %+v", o)
	}
	get[wire.LogCheckpoint](t, r.as(token, "GET", "/v1/log/checkpoint", ""))

	theirs := get[wire.Page[wire.Transaction]](t, r.do("GET", "/v1/transactions?accountId=acc_trading", "")).Items
	for _, path := range []string{
		"/v1/accounts/acc_trading", "/v1/orders/" + trading.ID, "/v1/requests/" + trading.Request, "/v1/transactions/" + theirs[0].ID, "/v1/vault/acc_trading", "/v1/vault/grp_traders",
	} {
		if a := r.as(token, "GET", path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s of another account: %d %s", path, a.status, a.body)
		}
		unknown := path[:strings.LastIndex(path, "_")] + "_unknown"
		if a, b := r.as(token, "GET", path, ""), r.as(token, "GET", unknown, ""); a.message(t) != b.message(t) {
			t.Errorf("%s says %q, and %s %q", path, a.message(t), unknown, b.message(t))
		}
	}
	if p := get[wire.Page[wire.Transaction]](t, r.as(token, "GET", "/v1/transactions?accountId=acc_trading", "")); len(p.Items) != 0 {
		t.Errorf("transactions of another account: %+v", p.Items)
	}
}

// TestAReportingKeyReadsWhatThePageSaysAndDoesNothingElse asks at each address.
func TestAReportingKeyReadsWhatThePageSaysAndDoesNothingElse(t *testing.T) {
	t.Parallel()
	r, _, _ := books(t)
	some := get[wire.TokenReply](t, r.trade(r.reporter(gatewaytest.Account).APIKey)).AccessToken
	all := get[wire.TokenReply](t, r.trade(r.reporter().APIKey)).AccessToken
	var read, wholly []string
	for _, row := range spec.Table(t, "wire.md", "What a reporting key reads", "address") {
		if read = append(read, strings.Trim(row[0], "`")); strings.HasPrefix(row[1], "nothing") {
			wholly = append(wholly, strings.Trim(row[0], "`"))
		}
	}
	var got, gotWholly []string
	for _, rt := range routes {
		if rt.access == reported || rt.access == whole {
			got = append(got, rt.pattern)
		}
		if rt.access == whole {
			gotWholly = append(gotWholly, rt.pattern)
		}
		if rt.access == open || rt.access == noBrowser || rt.access == signed || rt.access == anyToken || rt.wait == 0 {
			continue
		}
		method, path, _ := strings.Cut(rt.pattern, " ")
		body := ""
		if method == http.MethodPost || method == http.MethodPut {
			body = "{}"
		}
		for token, reads := range map[string]string{some: "ACCOUNTS", all: "ALL"} {
			a := r.as(token, method, strings.ReplaceAll(path, "{id}", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"), body)
			refused := a.status == http.StatusForbidden
			if want := rt.access == entity || rt.access == entities || rt.access == keys || rt.access == whole && reads == "ACCOUNTS"; refused != want {
				t.Errorf("%s with a key that reads %s: %d %s", rt.pattern, reads, a.status, a.body)
			}
		}
	}
	spec.Same(t, "addresses of reporting keys", read, got)
	spec.Same(t, "addresses of reporting keys that read ALL", wholly, gotWholly)
	if page := get[wire.LogPage](t, r.as(all, "GET", "/v1/log?limit=500", "")); int64(len(page.Entries)) != page.Log.Size || page.Log.Size == 0 {
		t.Errorf("a key for all reads %d entries of %d", len(page.Entries), page.Log.Size)
	}
	if v := get[wire.Vault](t, r.as(all, "GET", "/v1/vault", "")); len(v.Accounts) != 2 || len(v.ReportingKeys) != 2 || len(v.Groups) != 1 {
		t.Errorf("a key for all sees %+v", v)
	}
	if a := r.as(some, "POST", "/v1/requests", "{}"); a.code(t) != fault.Forbidden || !strings.Contains(a.message(t), "only reads") {
		t.Errorf("%s", a.body)
	}
	if a := r.do("POST", "/v1/auth/introspect", `{"token":"`+some+`"}`, "Authorization", "Bearer "+all); strings.Contains(string(a.body), `"active":true`) {
		t.Errorf("one key reads about another's token: %s", a.body)
	}
	if a := r.do("POST", "/v1/auth/introspect", `{"token":"`+some+`"}`, "Authorization", "Bearer "+some); !strings.Contains(string(a.body), `"scope":"tokens:entity read"`) {
		t.Errorf("a token about itself: %s", a.body)
	}
}

func TestAReportingKeyStopsWhenItIsRevokedOrExpires(t *testing.T) {
	t.Parallel()
	r, _, _ := books(t)
	k := r.reporter(gatewaytest.Account)
	token := get[wire.TokenReply](t, r.trade(k.APIKey)).AccessToken
	listener := *r
	listener.token = token
	next := listener.listen(t.Context(), "")
	next()
	r.requested("acc_trading")
	own := r.requested(gatewaytest.Account)
	if got := next(); !strings.Contains(got, own) {
		t.Errorf("it heard %s, not of %s alone", got, own)
	}
	r.approved(intent.ReportingKeyRevoke{Kind: intent.KindReportingKeyRevoke, V: 1, ReportingKey: k.ReportingKey, FromVersion: 1})
	if a := r.as(token, "GET", "/v1/accounts", ""); a.code(t) != fault.Unauthenticated {
		t.Errorf("its token after it was revoked: %d %s", a.status, a.body)
	}
	if a := r.trade(k.APIKey); a.code(t) != fault.InvalidAPIKey {
		t.Errorf("its secret after it was revoked: %d %s", a.status, a.body)
	}
	heard := []string{}
	for line := next(); line != ""; line = next() {
		heard = append(heard, line)
	}
	if len(heard) == 0 || !strings.HasPrefix(heard[len(heard)-1], "error ") || !strings.Contains(heard[len(heard)-1], string(fault.Unauthenticated)) {
		t.Errorf("its stream ended with %q", heard)
	}
	if v := get[wire.Vault](t, r.do("GET", "/v1/vault", "")); v.ReportingKeys[0].State != intent.Revoked || v.ReportingKeys[0].Version != 2 {
		t.Errorf("%+v", v.ReportingKeys)
	}

	brief := get[wire.ReportingSecret](t, r.do("POST", "/v1/reporting-keys", "{}"))
	r.approved(intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: brief.ReportingKey, Name: "Audit of the year", Reads: intent.ReadsAll, Verifier: brief.Verifier, Expires: r.Now().Add(time.Minute).Unix()})
	reply := get[wire.TokenReply](t, r.trade(brief.APIKey))
	if reply.ExpiresIn > 60 {
		t.Errorf("a token of a key that ends in a minute lives %d seconds", reply.ExpiresIn)
	}
	r.Pass(time.Minute)
	if a := r.as(reply.AccessToken, "GET", "/v1/accounts", ""); a.code(t) != fault.Unauthenticated {
		t.Errorf("its token after its time: %s", a.body)
	}
	if a := r.trade(brief.APIKey); a.code(t) != fault.InvalidAPIKey {
		t.Errorf("its secret after its time: %s", a.body)
	}
	token = r.mint(gateway.Subject{Developer: "dev_sandbox", Entity: gatewaytest.Entity, Version: 1})
	if v := get[wire.Vault](t, r.as(token, "GET", "/v1/vault", "")); !slices.ContainsFunc(v.ReportingKeys, func(k wire.VaultReportingKey) bool { return k.State == intent.Expired }) {
		t.Errorf("%+v", v.ReportingKeys)
	}
}

func TestASecretWithoutItsFormIsNoReportingKeyWhateverItsVerifier(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i, secret := range []string{"correct horse battery staple", "ol_live_Kb1M7K24EuBEAlojVP0Wlixajigw9C2RzoLx"} {
		key := "rpk_number" + string(rune('a'+i))
		r.approved(intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: key, Name: "Guessed", Reads: intent.ReadsAll, Verifier: apikey.Verifier(secret)})
		if a := r.trade(secret); a.code(t) != fault.InvalidAPIKey {
			t.Errorf("%s: %d %s", secret, a.status, a.body)
		}
	}
	k := r.reporter()
	if a := r.do("POST", "/v1/auth/tokens", `{"apiKey":"`+k.APIKey+`","developerId":"dev_sandbox"}`, "Authorization", ""); a.code(t) != fault.InvalidAPIKey {
		t.Errorf("a developer's token: %d %s", a.status, a.body)
	}
	if a := r.do("POST", "/v1/auth/tokens", `{"apiKey":"`+k.APIKey+`","entityId":"`+gatewaytest.Other+`"}`, "Authorization", ""); a.code(t) != fault.InvalidAPIKey {
		t.Errorf("a token of another entity: %d %s", a.status, a.body)
	}
}

// A key for an account tells of no member who has nothing to do with it: not in lists, not by
// their id, and not as an administrator. Who approved what it reads is named.
func TestAReportingKeyOfAnAccountReadsOfTheMembersWhomItsRulesNameAlone(t *testing.T) {
	t.Parallel()
	r, _, _ := books(t)
	token := get[wire.TokenReply](t, r.trade(r.reporter("acc_trading").APIKey)).AccessToken
	for _, path := range []string{"/v1/vault", "/v1/entity", "/v1/vault/grp_traders", "/v1/vault/acc_trading", "/v1/requests"} {
		a := r.as(token, "GET", path, "")
		if text := string(a.body); a.status != http.StatusOK || !strings.Contains(text, "Alice") && !strings.Contains(text, "mem_alice") || strings.Contains(text, "Carol") {
			t.Errorf("%s: %d %s", path, a.status, text)
		}
	}
	if v := get[wire.Vault](t, r.as(token, "GET", "/v1/vault", "")); len(v.Members) != 2 || !slices.Equal(v.AdminRule.Admins, []string{"mem_alice", "mem_bob", "mem_carol"}) {
		t.Errorf("members %+v, administrators %v", v.Members, v.AdminRule.Admins)
	}
	for _, path := range []string{"/v1/vault/mem_carol", "/v1/vault/admin"} {
		if a := r.as(token, "GET", path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if v := get[wire.Vault](t, r.do("GET", "/v1/vault", "")); len(v.Members) != 3 {
		t.Errorf("the entity itself sees %+v", v.Members)
	}
}
