package api

import (
	"net/url"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// What the vault bought is in the ledger: what came and what was paid, each with both
// sides, and each amount to the last digit.
func TestTheLedgerOfAnEntityAsTransactions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	req := r.Requested()
	for _, m := range []string{"mem_alice", "mem_bob"} {
		r.Signer.Decide(req.ID, m, "APPROVE")
	}
	if err := r.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+req.ID+`"}`))
	r.Chain.Deposit(o.Address, "0.100000000000000001")
	r.Scan()

	list := get[wire.BothPage[wire.Transaction]](t, r.do("GET", "/v1/transactions?pageSize=1", ""))
	if len(list.Items) != 1 || !list.HasMore {
		t.Fatalf("%+v", list)
	}
	rest := get[wire.Page[wire.Transaction]](t, r.do("GET", "/v1/transactions?cursor="+list.NextCursor, ""))
	all := append(list.Items, rest.Items...)
	if len(all) != 2 || rest.NextCursor != "" {
		t.Fatalf("%+v", all)
	}
	paid, came := all[0], all[1]
	if paid.Kind != "payment" {
		paid, came = came, paid
	}
	if came.Amount != "0.100000000000000001" || came.Currency != "ethereum" || came.DebitAccountID != "vault:acc_treasury" || came.CreditAccountID != "provider:northpay" ||
		came.Order != o.ID || came.EntityID != "ent_sandbox" || came.Account != "acc_treasury" || came.Status != wire.Posted || came.Deposit == "" {
		t.Errorf("%+v", came)
	}
	if paid.Amount != "250" || paid.Currency != "EUR" || paid.DebitAccountID != "provider:northpay" || paid.CreditAccountID != "payments:acc_treasury" {
		t.Errorf("%+v", paid)
	}
	if one := get[wire.Transaction](t, r.do("GET", "/v1/transactions/"+came.ID, "")); one.ID != came.ID || len(one.Postings) != 2 {
		t.Errorf("%+v", one)
	}
	day := r.Now().UTC().Format("2006-01-02")
	for query, want := range map[string]int{
		"currency=EUR": 1, "kind=deposit": 1, "order=" + o.ID: 2, "accountId=acc_treasury": 2, "ledger=" + url.QueryEscape("vault:acc_treasury"): 1, "accountId=acc_other": 0,
		"from=" + day: 2, "to=" + day: 0, "from=" + day + "&kind=payment&currency=ethereum": 0,
	} {
		if p := get[wire.Page[wire.Transaction]](t, r.do("GET", "/v1/transactions?"+query, "")); len(p.Items) != want {
			t.Errorf("%s: %d transactions, want %d", query, len(p.Items), want)
		}
	}
	months := get[wire.TransactionsByMonth](t, r.do("GET", "/v1/transactions/by-month", "")).Months
	if len(months) != 1 || months[0].Month != day[:7] {
		t.Fatalf("%+v", months)
	}
	var sums []string
	for _, a := range months[0].Accounts {
		sums = append(sums, a.AccountID+" "+a.Currency+" "+a.Net)
	}
	want := "payments:acc_treasury EUR -250|provider:northpay EUR 250|provider:northpay ethereum -0.100000000000000001|vault:acc_treasury ethereum 0.100000000000000001"
	if got := strings.Join(sums, "|"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	stranger := as(r.signIn(gatewaytest.OtherKey, "entity", "ent_other"))
	if p := get[wire.Page[wire.Transaction]](t, r.do("GET", "/v1/transactions", "", stranger...)); len(p.Items) != 0 {
		t.Errorf("another entity reads %+v", p)
	}
	for path, want := range map[string]fault.Code{
		"/v1/transactions?from=yesterday": fault.Invalid, "/v1/transactions?from=" + day + "&to=2020-01-01": fault.Invalid, "/v1/transactions?from=2026-13-01": fault.Invalid,
		"/v1/transactions?cursor=ord_nothing": fault.Invalid, "/v1/transactions/by-month?from=2020-01-01": fault.Invalid, "/v1/transactions/bkg_nothing": fault.NotFound,
		"/v1/transactions/ord_nothing": fault.NotFound, "/v1/transactions?to=0000-01-01": fault.Invalid,
		"/v1/transactions?to=1970-01-01": fault.Invalid, "/v1/transactions?from=1970-01-01T00:30:00%2B01:00": fault.Invalid,
		"/v1/transactions/by-month?from=9999-01-01&to=9999-12-31T23:59:59-14:00": fault.Invalid,
	} {
		if c := r.do("GET", path, "").code(t); c != want {
			t.Errorf("%s: %s, want %s", path, c, want)
		}
	}
	if c := r.do("GET", "/v1/transactions/"+came.ID, "", stranger...).code(t); c != fault.NotFound {
		t.Errorf("another entity's transaction: %s", c)
	}
}
