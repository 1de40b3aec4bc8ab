package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
)

// sandboxed is a rig with a sandbox of its own, whose developer's token acts for its entity.
func sandboxed(t *testing.T) (*rig, wire.SandboxData, string) {
	t.Helper()
	r := newRig(t)
	s := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", `{"name":"Acme","developer_id":"d1","preferences":{"currency":"EUR"}}`, "Authorization", "")).Data
	r.token = r.signIn(s.Developer.APIKey, "entity", s.Entity.ID)
	return r, s, "?entityId=" + s.Entity.ID
}

// "This will create a new sandbox environment including a developer account, entity,
// ledger structure, and Plaid sandbox bank connections. It will also return a JWT token
// for API access."
func TestASandboxHasAllThatIsNeededToTry(t *testing.T) {
	t.Parallel()
	r, s, in := sandboxed(t)
	developer := as(s.Token)
	if list := get[wire.Page[wire.EntityRecord]](t, r.do("GET", "/v1/entities", "", developer...)); len(list.Items) != 1 || list.Items[0].ID != s.Entity.ID || list.Items[0].MadeBy != "sandbox" {
		t.Errorf("%+v", list)
	}
	categories := map[string]int{}
	for _, a := range s.Ledger.Accounts {
		categories[a.Category]++
	}
	if categories["ASSET"] != 2 || categories["EQUITY"] == 0 || categories["REVENUE"] == 0 || categories["EXPENSE"] == 0 || s.Ledger.Currency != "EUR" {
		t.Errorf("%+v", s.Ledger)
	}
	months := get[wire.TransactionsByMonth](t, r.do("GET", "/v1/transactions/by-month"+in, "", developer...))
	net := map[string]amount.Amount{}
	for _, m := range months.Months {
		for _, a := range m.Accounts {
			sign := a.Net
			n := amount.Must(strings.TrimPrefix(sign, "-"))
			if strings.HasPrefix(sign, "-") {
				n = n.Neg()
			}
			net[a.AccountID] = net[a.AccountID].Add(n)
		}
	}
	for _, a := range s.PlaidAccounts {
		if got := net["bank:"+a.ID]; !got.Sub(amount.Must(a.Balance.Current)).IsZero() {
			t.Errorf("the books say %s of %s, the bank %s", got, a.Name, a.Balance.Current)
		}
	}
	page := get[wire.Page[wire.Transaction]](t, r.do("GET", "/v1/transactions?kind=bank&limit=100", ""))
	if len(page.Items) < 5 || page.Items[0].Currency != "EUR" || page.Items[0].DebitAccountID == "" || page.Items[0].CreditAccountID == "" {
		t.Errorf("%+v", page.Items)
	}
	if e := get[wire.Entity](t, r.do("GET", "/v1/entity", "")); e.Env != "sandbox" {
		t.Errorf("%+v", e)
	}
}

func TestTheSameQuestionForASandboxGivesTheSameOne(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"name":"Acme","developer_id":"d1"}`
	mine := []string{"Authorization", "", "Idempotency-Key", "my-own-random-name"}
	first := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", body, mine...)).Data
	again := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", body, mine...)).Data
	if again.Developer.ID != first.Developer.ID || again.Item != first.Item || again.Developer.APIKey == first.Developer.APIKey || !again.ExpiresAt.Equal(first.ExpiresAt) {
		t.Errorf("%+v, then %+v", first, again)
	}
	if a := r.do("POST", "/v1/auth/developer-token", `{"apiKey":"`+first.Developer.APIKey+`","developerId":"`+first.Developer.ID+`"}`, "Authorization", ""); a.code(t) != fault.InvalidAPIKey {
		t.Errorf("the key of the lost answer: %d %s", a.status, a.body)
	}
	r.signIn(again.Developer.APIKey, "developer", again.Developer.ID)
	for _, key := range []string{"", "another-random-name"} {
		if a := r.do("POST", "/v1/sandbox", body, "Authorization", "", "Idempotency-Key", key); a.code(t) != fault.Conflict {
			t.Errorf("a stranger: %d %s", a.status, a.body)
		}
	}
}

func TestTheRevokedKeyOfASandboxStaysRevokedWhenItIsAskedForAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body, mine := `{"name":"Acme","developer_id":"d1"}`, []string{"Authorization", "", "Idempotency-Key", "my-own-random-name"}
	s := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", body, mine...)).Data
	keys := get[wire.Keys](t, r.do("GET", "/v1/keys", "", as(s.Token)...)).Keys
	r.do("DELETE", "/v1/keys/"+keys[0].ID, "", as(s.Token)...)
	if a := r.do("POST", "/v1/sandbox", body, mine...); a.code(t) != fault.Conflict {
		t.Errorf("asked again: %d %s", a.status, a.body)
	}
	if c := r.do("GET", "/v1/keys", "", as(s.Token)...).code(t); c != fault.Unauthenticated {
		t.Errorf("its token: %s", c)
	}
}

func TestASandboxExpiresWithAllThatItHas(t *testing.T) {
	t.Parallel()
	r, s, _ := sandboxed(t)
	r.Pass(gateway.SandboxLife - time.Minute)
	token := r.signIn(s.Developer.APIKey, "entity", s.Entity.ID)
	r.Pass(time.Minute)
	if c := r.do("GET", "/v1/transactions", "", as(token)...).code(t); c != fault.Unauthenticated {
		t.Errorf("after its time: %s", c)
	}
	if a := r.do("POST", "/v1/auth/entity-token", `{"apiKey":"`+s.Developer.APIKey+`","entityId":"`+s.Entity.ID+`"}`, "Authorization", ""); a.code(t) != fault.InvalidAPIKey {
		t.Errorf("its key: %d %s", a.status, a.body)
	}
	anew := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", `{"name":"Acme","developer_id":"d1"}`, "Authorization", "")).Data
	if anew.Developer.ID != s.Developer.ID {
		t.Errorf("%+v", anew)
	}
	if p := get[wire.Page[wire.Transaction]](t, r.do("GET", "/v1/transactions?limit=100", "", as(r.signIn(anew.Developer.APIKey, "entity", anew.Entity.ID))...)); p.Items[len(p.Items)-1].Date.Before(r.Now().Add(-32 * 24 * time.Hour)) {
		t.Errorf("what was booked before is still there: %+v", p.Items[len(p.Items)-1])
	}
}

// A link leads to a public token, and that to a connection whose accounts are synced; a
// login that the bank takes back is made again.
func TestAConnectionToABankIsMadeAndMended(t *testing.T) {
	t.Parallel()
	r, s, _ := sandboxed(t)
	link := func(query string) string {
		t.Helper()
		l := get[wire.BankLink](t, r.do("GET", "/v1/banks/create-link"+query, ""))
		if !strings.HasPrefix(l.LinkToken, "link-sandbox-") || l.UserID != s.Entity.ID || !l.Expiration.Equal(r.Now().Add(30*time.Minute)) {
			t.Errorf("%+v", l)
		}
		return l.LinkToken
	}
	login := func(link, user, password string) answer {
		return r.do("POST", "/v1/sandbox/link", `{"link_token":"`+link+`","username":"`+user+`","password":"`+password+`"}`)
	}
	connect := func(public string) answer {
		return r.do("POST", "/v1/banks/accounts", `{"entityId":"`+s.Entity.ID+`","public_token":"`+public+`"}`)
	}
	one := link("")
	if a := login(one, "user_good", "wrong"); a.code(t) != fault.Invalid || !strings.Contains(string(a.body), "INVALID_CREDENTIALS") {
		t.Errorf("a wrong password: %d %s", a.status, a.body)
	}
	public := get[wire.BankLogin](t, login(one, "user_good", "pass_good")).PublicToken
	if a := login(one, "user_good", "pass_good"); a.code(t) != fault.TicketSpent || !strings.HasPrefix(public, "public-sandbox-") {
		t.Errorf("a link a second time: %d %s", a.status, a.body)
	}
	item := get[wire.BankItem](t, connect(public))
	if a := connect(public); a.code(t) != fault.TicketSpent {
		t.Errorf("a public token a second time: %d %s", a.status, a.body)
	}
	if item.State != wire.BankOK || len(item.Accounts) != 2 || item.Accounts[0].ID == s.PlaidAccounts[0].ID {
		t.Errorf("%+v", item)
	}
	if v := get[wire.BankSyncStatus](t, r.do("GET", "/v1/banks/sync-status", "")); v.Summary != (wire.BankSyncSummary{Total: 4, Completed: 4}) || v.Accounts[2].TransactionCount < 2 {
		t.Errorf("%+v", v)
	}
	r.Pass(16 * 24 * time.Hour) // a customer pays on the 1st and on the 15th: the balance changes
	r.token = r.signIn(s.Developer.APIKey, "entity", s.Entity.ID)
	get[wire.SandboxReset](t, r.do("POST", "/v1/sandbox/reset-login", `{"item":"`+item.ID+`"}`))
	stuck := r.do("POST", "/v1/banks/sync", `{}`)
	if stuck.code(t) != fault.Conflict || !strings.Contains(string(stuck.body), wire.BankLoginRequired) || !strings.Contains(string(stuck.body), item.ID) {
		t.Errorf("a connection without a login: %d %s", stuck.status, stuck.body)
	}
	items := get[wire.BankItems](t, r.do("GET", "/v1/banks/accounts", "")).Items
	if len(items) != 2 || items[0].ID != s.Item || !items[0].SyncedAt.Equal(r.Now()) || items[1].State != wire.BankLoginRequired || items[1].SyncedAt.Equal(r.Now()) {
		t.Errorf("%+v", items)
	}
	if v := get[wire.BankSyncStatus](t, r.do("GET", "/v1/banks/sync-status", "")); v.Summary != (wire.BankSyncSummary{Total: 4, Completed: 2, Pending: 2}) {
		t.Errorf("%+v", v)
	}
	mended := get[wire.BankItem](t, connect(get[wire.BankLogin](t, login(link("?item="+item.ID), "user_good", "pass_good")).PublicToken))
	if mended.ID != item.ID || mended.State != wire.BankOK || mended.Accounts[0].Balance == item.Accounts[0].Balance {
		t.Errorf("%+v", mended)
	}
	if v := get[wire.BankSync](t, r.do("POST", "/v1/banks/sync", `{"item":"`+item.ID+`"}`)); v.Transactions != 0 {
		t.Errorf("the same movements were booked again: %+v", v)
	}
	late := link("")
	r.Pass(31 * time.Minute)
	r.token = r.signIn(s.Developer.APIKey, "entity", s.Entity.ID)
	if a := login(late, "user_good", "pass_good"); a.code(t) != fault.TicketSpent {
		t.Errorf("a link that has expired: %d %s", a.status, a.body)
	}
	get[wire.SandboxReset](t, r.do("POST", "/v1/sandbox/reset", `{}`))
	items = get[wire.BankItems](t, r.do("GET", "/v1/banks/accounts", "")).Items
	page := get[wire.Page[wire.Transaction]](t, r.do("GET", "/v1/transactions?accountId="+item.Accounts[0].ID, ""))
	if len(items) != 1 || items[0].ID != s.Item || len(page.Items) != 0 {
		t.Errorf("after the reset: %+v, %+v", items, page.Items)
	}
}

func TestBanksRefuseWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	r, s, _ := sandboxed(t)
	own := get[wire.BankLink](t, r.do("GET", "/v1/banks/create-link", "")).LinkToken
	other := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", `{"name":"Other","developer_id":"d2"}`, "Authorization", "")).Data
	stranger := as(r.signIn(other.Developer.APIKey, "entity", other.Entity.ID))
	for name, tc := range map[string]struct {
		method, path, body string
		want               fault.Code
		header             []string
	}{
		"another entity's link":         {"POST", "/v1/sandbox/link", `{"link_token":"` + own + `","username":"user_good","password":"pass_good"}`, fault.TicketSpent, stranger},
		"a link as a public token":      {"POST", "/v1/banks/accounts", `{"public_token":"` + own + `"}`, fault.TicketSpent, nil},
		"another entity in the body":    {"POST", "/v1/banks/accounts", `{"entityId":"` + other.Entity.ID + `","public_token":"x"}`, fault.Forbidden, nil},
		"another entity's connection":   {"POST", "/v1/banks/sync", `{"item":"` + s.Item + `"}`, fault.NotFound, stranger},
		"its login":                     {"POST", "/v1/sandbox/reset-login", `{"item":"` + s.Item + `"}`, fault.NotFound, stranger},
		"a link to it":                  {"GET", "/v1/banks/create-link?item=" + s.Item, "", fault.NotFound, stranger},
		"a connection that is none":     {"GET", "/v1/banks/create-link?item=acc_nothing", "", fault.Invalid, nil},
		"an id of another kind":         {"POST", "/v1/banks/sync", `{"item":"acc_nothing"}`, fault.Invalid, nil},
		"no token":                      {"POST", "/v1/banks/accounts", `{"public_token":""}`, fault.Invalid, nil},
		"a reset with a body":           {"POST", "/v1/sandbox/reset", `{"all":true}`, fault.Invalid, nil},
		"a currency that no bank has":   {"POST", "/v1/sandbox", `{"name":"N","developer_id":"d","preferences":{"currency":"XAU"}}`, fault.Invalid, nil},
		"a password that is a novel":    {"POST", "/v1/sandbox/link", `{"link_token":"x","username":"u","password":"` + strings.Repeat("x", 129) + `"}`, fault.Invalid, nil},
		"a browser at the sandbox":      {"POST", "/v1/sandbox", `{"name":"N","developer_id":"d"}`, fault.Forbidden, []string{"Origin", "https://page.example"}},
		"a public token for the sealed": {"POST", "/v1/banks/accounts", `{"access_token":"access-sandbox-1"}`, fault.Invalid, nil},
	} {
		if a := r.do(tc.method, tc.path, tc.body, tc.header...); a.code(t) != tc.want {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.body, tc.want)
		}
	}
	for range gateway.ItemsKept - 1 {
		l := get[wire.BankLink](t, r.do("GET", "/v1/banks/create-link", "")).LinkToken
		p := get[wire.BankLogin](t, r.do("POST", "/v1/sandbox/link", `{"link_token":"`+l+`","username":"user_good","password":"pass_good"}`)).PublicToken
		get[wire.BankItem](t, r.do("POST", "/v1/banks/accounts", `{"public_token":"`+p+`"}`))
	}
	if a := r.do("GET", "/v1/banks/create-link", ""); a.code(t) != fault.Conflict {
		t.Errorf("one connection more: %d %s", a.status, a.body)
	}
}

// A token that opens a bank account does not expire: there is none, in no answer.
func TestNoAnswerHasATokenOfABank(t *testing.T) {
	t.Parallel()
	r, s, in := sandboxed(t)
	link := get[wire.BankLink](t, r.do("GET", "/v1/banks/create-link", "")).LinkToken
	public := get[wire.BankLogin](t, r.do("POST", "/v1/sandbox/link", `{"link_token":"`+link+`","username":"user_good","password":"pass_good"}`)).PublicToken
	for name, a := range map[string]answer{
		"sandbox":  r.do("POST", "/v1/sandbox", `{"name":"Third","developer_id":"d3"}`, "Authorization", ""),
		"accounts": r.do("POST", "/v1/banks/accounts", `{"public_token":"`+public+`"}`),
		"list":     r.do("GET", "/v1/banks/accounts", ""), "status": r.do("GET", "/v1/banks/sync-status", ""), "sync": r.do("POST", "/v1/banks/sync", `{}`),
		"entities": r.do("GET", "/v1/entities", "", as(s.Token)...), "entity": r.do("GET", "/v1/entities"+in, "", as(s.Token)...), "transactions": r.do("GET", "/v1/transactions?limit=100", ""),
	} {
		body := strings.ToLower(string(a.body))
		if a.status != http.StatusOK || strings.Contains(body, "access-sandbox") || strings.Contains(body, "access_token") || strings.Contains(body, "plaidaccesstoken") || strings.Contains(body, public) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}
