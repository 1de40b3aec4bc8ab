package api

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/spec"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// reports are their addresses.
func reports() (all []string) {
	for _, rt := range routes {
		if path, ok := strings.CutPrefix(rt.pattern, "GET /v1/reports/"); ok {
			all = append(all, "/v1/reports/"+path)
		}
	}
	return all
}

// paid is the API on a chain that carries transactions out, with an account that has sent something.
func paid(t *testing.T) (r *rig, request string) {
	t.Helper()
	w, node := gatewaytest.NewSending(t, 1)
	r = rigOn(t, w)
	made := r.approved(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: gatewaytest.Account, Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"},
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.01", Asset: "ethereum"}, Reference: "=INV-7",
	})
	for range 3 {
		r.Scan()
		node.Blocks(1)
	}
	return r, made.ID
}

// rows reads a report as a table.
func (r *rig) rows(token, path string) (header []string, rows [][]string, link string) {
	r.t.Helper()
	a := r.as(token, "GET", path, "")
	all, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || len(all) == 0 {
		r.t.Fatalf("%s: %d %s, %v", path, a.status, a.body, err)
	}
	return all[0], all[1:], a.header.Get("Link")
}

// TestOperationsAndComplianceReportWithoutAskingAnybody is the sentences of the Vault API: "Manual
// reporting is a repetitive and time-consuming activity … This recurring task can be drastically
// simplified with a direct integration with back-office applications", and "the compliance team
// needs to keep an independent view on operations": with a key that can do nothing else.
func TestOperationsAndComplianceReportWithoutAskingAnybody(t *testing.T) {
	t.Parallel()
	r, request := paid(t)
	token := get[wire.TokenReply](t, r.trade(r.reporter(gatewaytest.Account).APIKey)).AccessToken
	if p := get[wire.Page[wire.ReportAccount]](t, r.as(token, "GET", "/v1/reports/accounts", "")); len(p.Items) != 1 || p.Items[0].Name != "Treasury" || p.Items[0].Rules != 1 {
		t.Errorf("accounts: %+v", p)
	}
	if p := get[wire.Page[wire.ReportBalance]](t, r.as(token, "GET", "/v1/reports/balances?asset=ethereum", "")); len(p.Items) != 1 || !strings.HasPrefix(p.Items[0].Amount, "8.49") || p.Items[0].Account != gatewaytest.Account {
		t.Errorf("balances: %+v", p)
	}
	if p := get[wire.Page[wire.ReportBalance]](t, r.as(token, "GET", "/v1/reports/balances?at=2026-11-01", "")); len(p.Items) != 0 {
		t.Errorf("balances before: %+v", p)
	}
	moved := get[wire.Page[wire.ReportTransfer]](t, r.as(token, "GET", "/v1/reports/transfers", "")).Items
	if len(moved) != 2 || moved[0].Direction != wire.TransferOut || moved[0].Amount != "1.5" || moved[0].Request != request || moved[0].Reference != "=INV-7" || moved[0].State != wire.DepositFinal || moved[0].TxHash == "" ||
		moved[1].Direction != wire.TransferIn || moved[1].Amount != "10" {
		t.Errorf("transfers: %+v", moved)
	}
	decided := get[wire.Page[wire.ReportApproval]](t, r.as(token, "GET", "/v1/reports/approvals?state=completed", "")).Items
	if len(decided) != 1 || decided[0].ID != request || decided[0].Kind != intent.KindTransfer || decided[0].Amount != "1.5" || decided[0].ClosedAt == nil || len(decided[0].Decisions) != 2 ||
		decided[0].Decisions[0].Name != "Alice" || decided[0].Decisions[1].Member != "mem_bob" || decided[0].Decisions[0].Decision != "APPROVE" || decided[0].Decisions[0].At.IsZero() || decided[0].Decisions[0].Seq == 0 {
		t.Errorf("approvals: %+v", decided)
	}
	fees := get[wire.Page[wire.ReportFee]](t, r.as(token, "GET", "/v1/reports/fees", "")).Items
	if len(fees) != 1 || fees[0].For != wire.FeeTransfer || fees[0].Request != request || !strings.HasPrefix(fees[0].Amount, "0.0000") || fees[0].Value != nil {
		t.Errorf("fees: %+v", fees)
	}
	header, rows, _ := r.rows(token, "/v1/reports/transfers?format=csv&direction=out")
	if len(rows) != 1 || rows[0][slices.Index(header, "reference")] != "'=INV-7" || rows[0][slices.Index(header, "amount")] != "1.5" {
		t.Errorf("%v %v", header, rows)
	}
	header, rows, _ = r.rows(token, "/v1/reports/approvals?format=csv&account="+gatewaytest.Account)
	if len(rows) != 2 || rows[1][slices.Index(header, "member_name")] != "Bob" || rows[0][slices.Index(header, "decision")] != "APPROVE" {
		t.Errorf("a row for each decision: %v %v", header, rows)
	}
	if a := r.as(token, "GET", "/v1/reports/fees", "", "Accept", "text/csv"); !strings.HasPrefix(string(a.body), "id,account,at,") || a.header.Get("Content-Disposition") != `attachment; filename="fees.csv"` {
		t.Errorf("%v %s", a.header, a.body)
	}
	for _, path := range []string{"transfers?state=lost", "approvals?state=open", "providers?state=x", "transfers?direction=up", "fees?currency=ETH", "transfers?from=x", "balances?at=x", "balances?cursor=x", "accounts?cursor=req_aaa", "accounts?format=xml", "accounts?limit=0"} {
		if a := r.as(token, "GET", "/v1/reports/"+path, ""); a.code(t) != fault.Invalid {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestTheReportOfProvidersSaysWhatWasPromisedAndDeliveredAndHowFast(t *testing.T) {
	t.Parallel()
	r, _, _ := books(t)
	all := get[wire.Page[wire.ReportProvider]](t, r.do("GET", "/v1/reports/providers", "")).Items
	if len(all) != 1 || all[0].ID != "northpay:ethereum" || all[0].Orders != 2 || all[0].Completed != 2 || all[0].Promised != "0.2" || all[0].Delivered != "0.2" || all[0].Difference != "0" || all[0].DifferencePct != "0.00" {
		t.Errorf("%+v", all)
	}
	open := r.requested(gatewaytest.Account)
	r.approve(open)
	o := get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+open+`"}`))
	r.do("GET", o.Ticket.URL, "", "Authorization", "")
	r.Pass(90e9)
	r.Chain.Deposit(o.Address, "0.0995")
	r.Scan()
	one := get[wire.Page[wire.ReportProvider]](t, r.do("GET", "/v1/reports/providers?account="+gatewaytest.Account, "")).Items[0]
	if one.Orders != 2 || one.Promised != "0.2" || one.Delivered != "0.1995" || one.Difference != "-0.0005" || one.DifferencePct != "-0.25" || one.Seconds == nil || *one.Seconds != 90 || *one.SlowestSeconds != 90 {
		t.Errorf("%+v", one)
	}
	for query, want := range map[string]int{"asset=bitcoin": 0, "state=completed": 1, "state=failed": 0, "from=2026-11-21": 0, "to=2026-11-20": 0, "account=acc_none": 0, "cursor=northpay:ethereum": 0} {
		if p := get[wire.Page[wire.ReportProvider]](t, r.do("GET", "/v1/reports/providers?"+query, "")); len(p.Items) != want {
			t.Errorf("%s: %+v", query, p)
		}
	}
	token := get[wire.TokenReply](t, r.trade(r.reporter("acc_trading").APIKey)).AccessToken
	if p := get[wire.Page[wire.ReportProvider]](t, r.as(token, "GET", "/v1/reports/providers", "")); p.Items[0].Orders != 1 || p.Items[0].Promised != "0.1" {
		t.Errorf("of one account: %+v", p)
	}
}

// TestNothingOfOtherAccountsIsInTheReportsOfAKey asks for each report, in each form and with each
// filter, also for the other account by its name.
func TestNothingOfOtherAccountsIsInTheReportsOfAKey(t *testing.T) {
	t.Parallel()
	r, treasury, trading := books(t)
	r.requested(gatewaytest.Account)
	token := get[wire.TokenReply](t, r.trade(r.reporter("acc_trading").APIKey)).AccessToken
	own := get[wire.Account](t, r.do("GET", "/v1/accounts/"+gatewaytest.Account, ""))
	secrets := []string{gatewaytest.Account, "Treasury", "Carol", "mem_carol", treasury.ID, treasury.Request, strings.ToLower(treasury.Address), strings.ToLower(own.Address), own.Entries[0].ID, own.Deposits[0].ID, own.Deposits[0].TxHash}
	seen := 0
	for _, path := range reports() {
		for _, query := range []string{"", "?format=csv", "?account=" + gatewaytest.Account, "?account=" + gatewaytest.Account + "&format=csv", "?limit=1"} {
			a := r.as(token, "GET", path+query, "")
			if a.status != http.StatusOK {
				t.Errorf("%s%s: %d %s", path, query, a.status, a.body)
			}
			text := strings.ToLower(string(a.body) + a.header.Get("Link"))
			for _, s := range secrets {
				if s != "" && strings.Contains(text, strings.ToLower(s)) && !strings.Contains(a.header.Get("Link"), s) {
					t.Errorf("%s%s tells %s: %s", path, query, s, a.body)
				}
			}
			if strings.Contains(text, "trading") || strings.Contains(text, trading.ID) {
				seen++
			}
		}
	}
	if seen < 12 {
		t.Errorf("the key sees its own account in %d answers alone", seen)
	}
	for _, cursor := range []string{"transfers?cursor=" + own.Deposits[0].ID, "approvals?cursor=" + treasury.Request, "fees?cursor=" + own.Entries[0].ID, "accounts?cursor=" + gatewaytest.Account, "balances?cursor=" + url.QueryEscape(gatewaytest.Account+":ethereum")} {
		if a := r.as(token, "GET", "/v1/reports/"+cursor, ""); a.status != http.StatusOK || strings.Contains(string(a.body), gatewaytest.Account) {
			t.Errorf("%s: %d %s", cursor, a.status, a.body)
		}
	}
}

func TestReportsGoOnWhereTheLastPageEnded(t *testing.T) {
	t.Parallel()
	r, _, _ := books(t)
	for _, path := range reports() {
		whole := get[struct {
			Items []map[string]any `json:"items"`
		}](t, r.do("GET", path+"?limit=100", "")).Items
		var got []string
		cursor := ""
		for range 20 {
			from := ""
			if cursor != "" {
				from = "&cursor=" + url.QueryEscape(cursor)
			}
			p := get[wire.Page[map[string]any]](t, r.do("GET", path+"?limit=1"+from, ""))
			for _, v := range p.Items {
				got = append(got, v["id"].(string))
			}
			if cursor = p.NextCursor; cursor == "" {
				break
			}
		}
		var want []string
		for _, v := range whole {
			want = append(want, v["id"].(string))
		}
		if !slices.Equal(got, want) || path != "/v1/reports/fees" && len(want) == 0 {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	_, rows, link := r.rows(r.token, "/v1/reports/accounts?format=csv&limit=1")
	next, _, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">; rel=\"next\"")
	if !ok || len(rows) != 1 {
		t.Fatalf("%v %s", rows, link)
	}
	if _, more, end := r.rows(r.token, next); len(more) != 1 || more[0][0] == rows[0][0] || end != "" {
		t.Errorf("%s: %v %s", next, more, end)
	}
}

func TestThePageHasTheColumnsOfReports(t *testing.T) {
	t.Parallel()
	r, _ := paid(t)
	for _, path := range reports() {
		name := path[strings.LastIndex(path, "/")+1:]
		header, _, _ := r.rows(r.token, path+"?format=csv")
		var words []string
		for _, row := range spec.Table(t, "reports.md", "Reports", "report") {
			if row[0] == "`"+name+"`" {
				words = spec.Words(row[2])
			}
		}
		spec.Same(t, "columns of "+name, words, header)
	}
}
