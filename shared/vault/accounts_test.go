package vault

import (
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

const other = "req_eeeeeeeeeeeeeeeeeeeeeeeeee"

// reqOf is the id of a request with a number.
func reqOf(n int) string { return "req_" + strings.Repeat("z", 20) + strconv.Itoa(100_000+n) }

// trading is a draft of an account that the treasury funds.
func trading(account, name string) intent.AccountCreate {
	rules := transfers(0, 1)
	return intent.AccountCreate{Kind: intent.KindAccountCreate, V: 1, Account: account, Name: name, Chain: "eip155:31337", Tier: intent.Trading, Parent: ruled, Rules: rules}
}

// creation is the entry of a creation whose key is a seed.
func (w *writer) creation(request string, draft intent.AccountCreate, key seed) (b signedlog.RequestBody) {
	w.t.Helper()
	address, err := AddressOn("eip155:31337", key.PublicKey())
	if err != nil {
		w.t.Fatal(err)
	}
	wants, err := draft.To(address).Fill(w.s)
	if err != nil {
		w.t.Fatal(err)
	}
	b = signedlog.RequestBody{Request: request, Created: noon, Expires: noon + 3600, Intent: intenttest.Doc(wants), Impact: w.impact()}
	b.Attestation = w.attestation(statement.Address{
		V: 1, Type: "address", Entity: "ent_sandbox", Account: draft.Account, Request: request, Chain: draft.Chain, Address: address, PublicKey: key.PublicKey().JWK(), IssuedAt: noon,
	})
	r, err := newRequest(b)
	if err != nil {
		w.t.Fatal(err)
	}
	b.GovernedBy = r.Pin(w.s.Govern(r))
	return b
}

// impact is what a request says of what it does.
func (w *writer) impact() *statement.Impact {
	said := statement.Summarize(strings.Repeat("A", 43), w.s.Mark().Size, []string{"nothing changes for 1 past request"})
	return &said
}

func (w *writer) attestation(a statement.Address) string {
	w.t.Helper()
	payload, err := statement.Encode(a)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := jws.Sign(w.t.Context(), statementKey, statement.TypAddress, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// wanted asks for an account.
func (w *writer) wanted(request string, draft intent.AccountCreate, key seed) {
	w.t.Helper()
	w.append(signedlog.Request, w.creation(request, draft, key))
}

// created has both administrators approve an account, of a request of its own.
func (w *writer) created(draft intent.AccountCreate, key seed) {
	w.t.Helper()
	request := reqOf(int(key))
	w.wanted(request, draft, key)
	w.decide(request, "mem_alice", statement.Approve, aliceKey)
	w.decide(request, "mem_bob", statement.Approve, bobKey)
	w.close(request)
}

// edited has both administrators approve a change.
func (w *writer) edited(request string, draft intent.Change) {
	w.t.Helper()
	wants, err := draft.Fill(w.s)
	if err != nil {
		w.t.Fatal(err)
	}
	b := signedlog.RequestBody{Request: request, Created: noon, Expires: noon + 3600, Intent: intenttest.Doc(wants), Impact: w.impact()}
	r, err := newRequest(b)
	if err != nil {
		w.t.Fatal(err)
	}
	b.GovernedBy = r.Pin(w.s.Govern(r))
	w.append(signedlog.Request, b)
	w.decide(request, "mem_alice", statement.Approve, aliceKey)
	w.decide(request, "mem_bob", statement.Approve, bobKey)
	w.close(request)
}

func TestAnAccountIsCreatedWithItsStandingRule(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	draft := trading("acc_trading", "Trading")
	draft.Sweep = &intent.Sweep{MaxFee: "0.001", PerDay: "0.02"}
	w.created(draft, 20)
	if a, _ := w.s.Account("acc_trading"); a.Sweep == nil || *a.Sweep != *draft.Sweep {
		t.Errorf("it has the standing rule %+v", a.Sweep)
	}
	if err := w.s.sweepAllowed("acc_trading", big.NewInt(1e15+1), noon); err == nil || !strings.Contains(err.Error(), "0.001") {
		t.Errorf("a fee above it: %v", err)
	}
	if err := w.s.sweepAllowed("acc_trading", big.NewInt(1e15), noon); err != nil {
		t.Error(err)
	}
}

func TestAnAccountExistsFromTheOutcomeOn(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.wanted(other, trading("acc_trading", "Trading"), 20)
	before := w.s.Mark().Size
	if _, ok := w.s.Account("acc_trading"); ok {
		t.Error("an account that nobody approved exists")
	}
	w.decide(other, "mem_alice", statement.Approve, aliceKey)
	w.decide(other, "mem_bob", statement.Approve, bobKey)
	w.close(other)
	a, ok := w.s.Account("acc_trading")
	if !ok || a.Name != "Trading" || a.Tier != intent.Trading || a.Parent != ruled || a.Version != 1 || a.Rules.Version != 1 {
		t.Errorf("%v, %+v", ok, a)
	}
	if key, created := w.s.OwnKey("acc_trading"); key != 0 || !created {
		t.Errorf("its key is %d, %v", key, created)
	}
	if _, created := w.s.OwnKey(ruled); created {
		t.Error("an account of the genesis was created by a request")
	}
	now := w.s.Current().Accounts
	if len(now) != 2 || now[1].Account != "acc_trading" || now[1].Address != a.Address || now[1].Parent != ruled {
		t.Errorf("the vault has the accounts %+v", now)
	}
	if n := len(w.s.objects(before).Accounts); n != 1 {
		t.Errorf("before its outcome rules saw %d accounts", n)
	}
	if n := len(w.s.objects(Newest).Accounts); n != 2 {
		t.Errorf("after its outcome rules see %d accounts", n)
	}
	pay := ask(t, w.s, reqOf(1))
	pay.Intent = []byte(strings.ReplaceAll(strings.ReplaceAll(string(pay.Intent), ruled, "acc_trading"), `"Treasury"`, `"Trading"`))
	r, err := newRequest(pay)
	if err != nil {
		t.Fatal(err)
	}
	r.GovernedBy = r.Pin(w.s.Govern(r))
	w.append(signedlog.Request, r.RequestBody)
	if r := w.s.Request(reqOf(1)); r == nil || r.GovernedBy.RuleSet != "acc_trading" {
		t.Errorf("its rules govern nothing: %+v", r)
	}
}

func TestTheKeyOfARejectedCreationIsFreeForTheNext(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.wanted(other, trading("acc_first", "First"), 20)
	w.wanted(reqOf(1), trading("acc_second", "Second"), 21)
	if err := w.try(signedlog.Request, w.creation(reqOf(2), trading("acc_third", "Third"), 20)); err == nil {
		t.Error("two open creations have one key")
	}
	w.decide(other, "mem_bob", statement.Reject, bobKey)
	w.close(other)
	free := w.s.keys.Free()
	if len(free) != 1 || free[0].Number != 0 || w.s.keys.Next() != 2 {
		t.Fatalf("free: %+v, next %d", free, w.s.keys.Next())
	}
	w.created(trading("acc_third", "Third"), 20)
	if key, _ := w.s.OwnKey("acc_third"); key != 0 || len(w.s.keys.Free()) != 0 {
		t.Errorf("it has key %d, and free are %+v", key, w.s.keys.Free())
	}
	if err := w.try(signedlog.Request, w.creation(reqOf(3), trading("acc_fourth", "Fourth"), 20)); err == nil {
		t.Error("the key of an account was given to another")
	}
}

func TestACreationThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.created(trading("acc_trading", "Trading"), 20)
	deposit, err := AddressOn("eip155:31337", seed(30).PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	w.s.past.Note(deposit, 1)
	attested := func(b *signedlog.RequestBody, edit func(*statement.Address)) {
		payload, err := jws.Payload(b.Attestation)
		if err != nil {
			t.Fatal(err)
		}
		a, err := statement.Decode[statement.Address](payload)
		if err != nil {
			t.Fatal(err)
		}
		edit(&a)
		b.Attestation = w.attestation(a)
	}
	good := w.creation(other, trading("acc_new", "New"), 21)
	replaced := func(from, to string) func(*signedlog.RequestBody) {
		return func(b *signedlog.RequestBody) {
			changed := strings.Replace(string(b.Intent), from, to, 1)
			if changed == string(b.Intent) {
				t.Errorf("%s has no %s", b.Intent, from)
			}
			b.Intent = []byte(changed)
		}
	}
	own := w.s.accounts[ruled].Address
	for name, c := range map[string]struct {
		spoil func(*signedlog.RequestBody)
		why   string
	}{
		"an id that there is":        {replaced(`"acc_new"`, `"acc_trading"`), "does not fit the vault"},
		"a name that there is":       {replaced(`"New"`, `"Trading"`), "name is that of acc_trading"},
		"an address of the genesis":  {func(b *signedlog.RequestBody) { edit(b, func(a *intent.AccountCreate) { a.Address = own }) }, "address is that of acc_treasury"},
		"a parent that is not":       {replaced(`"parent":"acc_treasury"`, `"parent":"acc_other"`), "does not fit the vault"},
		"a parent on another chain":  {replaced(`"eip155:31337"`, `"eip155:1"`), "does not fit the vault"},
		"a parent by another name":   {replaced(`"parent_name":"Treasury"`, `"parent_name":"Bank"`), "does not fit the vault"},
		"itself as its parent":       {replaced(`"parent":"acc_treasury"`, `"parent":"acc_new"`), "does not fit the vault"},
		"rules of a stranger":        {replaced(`"mem_alice"`, `"mem_eve"`), "is not a member"},
		"rules that nobody can meet": {func(b *signedlog.RequestBody) { edit(b, func(a *intent.AccountCreate) { twice(&a.Rules) }) }, "can never all be taken"},
		"no attestation":             {func(b *signedlog.RequestBody) { b.Attestation = "" }, "JWS"},
		"an attestation of another": {func(b *signedlog.RequestBody) {
			b.Attestation = w.creation(reqOf(9), trading("acc_new", "New"), 21).Attestation
		}, "is not the attested one"},
		"one of another account": {func(b *signedlog.RequestBody) { attested(b, func(a *statement.Address) { a.Account = ruled }) }, "is not the attested one"},
		"one of another chain":   {func(b *signedlog.RequestBody) { attested(b, func(a *statement.Address) { a.Chain = "eip155:1" }) }, "is not the attested one"},
		"one of another key": {func(b *signedlog.RequestBody) {
			attested(b, func(a *statement.Address) { a.PublicKey = seed(22).PublicKey().JWK() })
		}, "is not the one of its key"},
		"one that another key signed":    {func(b *signedlog.RequestBody) { b.Attestation = forged(t, b.Attestation) }, "does not name the expected key"},
		"an address that is a deposit's": {func(b *signedlog.RequestBody) { *b = w.creation(other, trading("acc_new", "New"), 30) }, "belongs to another request"},
	} {
		b := good
		c.spoil(&b)
		if err := w.try(signedlog.Request, b); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %s", name, err, c.why)
		}
		if w.s.Request(b.Request) != nil {
			t.Fatalf("%s: the request is open", name)
		}
	}
	w.append(signedlog.Request, good)
}

// edit changes the creation in an entry.
func edit(b *signedlog.RequestBody, f func(*intent.AccountCreate)) { intenttest.Edit(&b.Intent, f) }

// twice needs each member of a step twice.
func twice(s *governance.Set) {
	step := s.Rules[0].Steps[0]
	step.Quorum = 2
	again := step
	again.Name = "again"
	s.Rules[0].Steps = []governance.Step{step, again}
}

// forged is what another key signed of the same bytes.
func forged(t testing.TB, token string) string {
	t.Helper()
	payload, err := jws.Payload(token)
	if err != nil {
		t.Fatal(err)
	}
	token, err = jws.Sign(t.Context(), aliceKey, statement.TypAddress, payload)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestOfTwoCreationsOfOneAccountTheSecondIsBlocked(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.wanted(other, trading("acc_trading", "Slow"), 21)
	w.wanted(reqOf(1), trading("acc_else", "Trading"), 22)
	w.created(trading("acc_trading", "Trading"), 20)
	for _, id := range []string{other, reqOf(1)} {
		if r := w.s.Request(id); r == nil || !r.Due(seconds(w.at)) {
			t.Fatalf("%s is not due", id)
		}
		w.close(id)
	}
	if free := w.s.keys.Free(); len(free) != 2 || len(w.s.Current().Accounts) != 2 {
		t.Errorf("free: %+v", free)
	}
}

func TestAVaultHasAsManyAccountsAsItsLimit(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	for n := 1; n < intent.MaxAccounts; n++ {
		w.created(trading("acc_"+strconv.Itoa(1000+n), "Account "+strconv.Itoa(n)), seed(20+n))
	}
	if err := w.try(signedlog.Request, w.creation(other, trading("acc_more", "More"), 10)); err == nil || !strings.Contains(err.Error(), "one more than the 64") {
		t.Error(err)
	}
}

func TestTheParentsOfAccountsLeadToNoneOfThem(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.created(trading("acc_trading", "Trading"), 20)
	w.created(trading("acc_payroll", "Payroll"), 21)
	up := intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: ruled, FromVersion: 1, Name: "Treasury", Tier: intent.Treasury, Parent: "acc_trading", Rules: spending(1)}
	if err := w.s.Fits(up); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a treasury that its child funds: %v", err)
	}
	up.Parent = ""
	w.edited(other, up)
	under := intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: "acc_payroll", FromVersion: 1, Name: "Payroll", Tier: intent.Trading, Parent: "acc_trading", Rules: transfers(1, 1)}
	w.edited(reqOf(1), under)
	for account, want := range map[string]intent.Account{ruled: {Tier: intent.Treasury}, "acc_payroll": {Tier: intent.Trading, Parent: "acc_trading"}, "acc_trading": {Tier: intent.Trading, Parent: ruled}} {
		if a, _ := w.s.Account(account); a.Tier != want.Tier || a.Parent != want.Parent {
			t.Errorf("%s is %s, funded by %q", account, a.Tier, a.Parent)
		}
	}
	named := under
	named.FromVersion, named.Name = 2, "Trading"
	filled, err := named.Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.s.Fits(filled); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("the name of another account: %v", err)
	}
}

// A rule decides by the accounts of the log, whatever a request says.
func TestAnAccountThatMayOnlyPayItsChildrenPaysNobodyElse(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	rules := transfers(2, 2)
	rules.Rules[0].When = append(rules.Rules[0].When, governance.Condition{Recipient: &governance.Recipient{Children: true}})
	w.edited(reqOf(1), intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: ruled, FromVersion: 1, Name: "Treasury", Tier: intent.Treasury, Rules: rules})
	w.created(trading("acc_trading", "Trading"), 20)
	orphan := trading("acc_orphan", "Orphan")
	orphan.Parent = ""
	w.created(orphan, 21)
	address := func(id string) string { a, _ := w.s.Account(id); return a.Address }
	pays := func(to string) governance.Decision {
		b := ask(t, w.s, other)
		intenttest.Edit(&b.Intent, func(x *intent.Transfer) { x.To.Address = to })
		b.GovernedBy = statement.GovernedBy{}
		r, err := newRequest(b)
		if err != nil {
			t.Fatal(err)
		}
		return w.s.Govern(r)
	}
	for name, to := range map[string]string{
		"a stranger": "0x52908400098527886E0F7030069857D2E4169EE7", "an account of the vault below no other": address("acc_orphan"), "itself": address(ruled),
	} {
		if d := pays(to); d.State != governance.Denied || !slices.Contains(d.Reasons, `rule "transfers" does not apply: the recipient is not one of its accounts`) {
			t.Errorf("%s: %s, %q", name, d.State, d.Reasons)
		}
	}
	if d := pays(address("acc_trading")); d.State != governance.Pending {
		t.Fatalf("its child: %q", d.Reasons)
	}
	b := ask(t, w.s, other)
	intenttest.Edit(&b.Intent, func(x *intent.Transfer) { x.To.Address = address("acc_trading") })
	r, err := newRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	r.GovernedBy = r.Pin(w.s.Govern(r))
	w.append(signedlog.Request, r.RequestBody)
	w.edited(reqOf(2), intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: "acc_trading", FromVersion: 1, Name: "Trading", Rules: transfers(1, 1)})
	if r := w.s.Request(other); !r.Stale() || w.s.Decide(r, seconds(w.at)).State != governance.Blocked {
		t.Errorf("what was to pay an account that is not its child any more: stale %v, %s", r.Stale(), w.s.Decide(r, seconds(w.at)).State)
	}
}

// What a creation does is said before its key is made, and again when it is: it is the same.
func TestAVaultIsLookedAtBeforeAndAfterACreation(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	draft, err := trading("acc_trading", "Trading").Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	forecast, err := w.s.After(draft.(intent.Change))
	if err != nil {
		t.Fatal(err)
	}
	begin := w.s.Mark().Size
	w.wanted(other, trading("acc_trading", "Trading"), 20)
	again, err := w.s.After(w.s.Request(other).Wants.(intent.Change))
	if err != nil || !reflect.DeepEqual(forecast.Current(), again.Current()) || len(again.Current().Accounts) != 2 || len(w.s.Current().Accounts) != 1 {
		t.Errorf("%v: %+v, and with its key %+v", err, forecast.Current().Accounts, again.Current().Accounts)
	}
	w.decide(other, "mem_alice", statement.Approve, aliceKey)
	w.decide(other, "mem_bob", statement.Approve, bobKey)
	w.close(other)
	if before := w.s.Before(begin); len(before.Current().Accounts) != 1 || len(before.objects(Newest).Accounts) != 1 || len(w.s.Before(Newest).Current().Accounts) != 2 {
		t.Errorf("before it there were %+v", before.Current().Accounts)
	}
}
