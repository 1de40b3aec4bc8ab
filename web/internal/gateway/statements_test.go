package gateway_test

import (
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/projection"
)

// always is a period that has everything.
func always(w *gatewaytest.World) gateway.Period {
	return gateway.Period{From: w.Now().AddDate(-1, 0, 0), To: w.Now().AddDate(1, 0, 0)}
}

func statementOf(t *testing.T, w *gatewaytest.World, account string, p gateway.Period) wire.AccountStatement {
	t.Helper()
	return must[wire.AccountStatement](t)(w.Gateway.AccountStatement(t.Context(), gatewaytest.Caller(), account, p))
}

// adds checks that opening balance and lines are the closing balance, and that the balance
// after each line is what was there before and the line.
func adds(t *testing.T, s wire.AccountStatement) {
	t.Helper()
	has := map[string]amount.Amount{}
	for _, o := range s.Opening {
		has[o.Asset] = amount.Must(o.Amount)
	}
	for _, l := range s.Lines {
		has[l.Asset] = has[l.Asset].Add(amount.Must(l.Amount))
		if amount.Must(l.BalanceAfter).Cmp(has[l.Asset]) != 0 {
			t.Errorf("after %q there are %s %s, said %s", l.Text, has[l.Asset], l.Asset, l.BalanceAfter)
		}
	}
	for _, c := range s.Closing {
		if amount.Must(c.Amount).Cmp(has[c.Asset]) != 0 {
			t.Errorf("%s %s at the end, said %s", has[c.Asset], c.Asset, c.Amount)
		}
		delete(has, c.Asset)
	}
	for of, rest := range has {
		if !rest.IsZero() {
			t.Errorf("%s %s at the end are not said", rest, of)
		}
	}
}

// typesOf are the types and amounts of lines.
func typesOf(s wire.AccountStatement) string {
	var all []string
	for _, l := range s.Lines {
		all = append(all, l.Type+" "+l.Amount)
	}
	return strings.Join(all, ", ")
}

// TestAccountingReviewsOperationsByStatementsOfPeriods is the sentence of the Vault API: "the
// accounting team needs to be able to effectively review operations to prepare tax documents".
func TestAccountingReviewsOperationsByStatementsOfPeriods(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	began := w.Now()
	w.Scan()
	w.Pass(24 * time.Hour)
	id := approved(t, w, draft("1.5", "0.01", payee), "one")
	w.Scan()
	node.Blocks(1)
	w.Scan()
	w.Pass(24 * time.Hour)
	fee := look(t, w, id).Sending.Fee
	all := statementOf(t, w, gatewaytest.Account, always(w))
	adds(t, all)
	if got := typesOf(all); got != "deposit 10, withdrawal -1.5, fee -"+fee {
		t.Errorf("booked %s", got)
	}
	sent := all.Lines[1]
	if sent.Counterparty != payee || sent.Request != id || sent.TxHash == "" || sent.Block == nil || sent.BlockAt.IsZero() || sent.Value != nil || sent.CAIP19 != "eip155:31337/slip44:60" || all.Currency != "" {
		t.Errorf("%+v", sent)
	}
	second := statementOf(t, w, gatewaytest.Account, gateway.Period{From: began.Add(12 * time.Hour), To: began.Add(36 * time.Hour)})
	adds(t, second)
	if len(second.Lines) != 2 || len(second.Opening) != 1 || second.Opening[0].Amount != "10" || !second.Complete {
		t.Errorf("the second day: %+v", second)
	}
	open := statementOf(t, w, gatewaytest.Account, gateway.Period{From: began, To: w.Now()})
	if open.Complete {
		t.Error("a period that ends now is complete")
	}
	for at, want := range map[time.Time]string{began: "", began.Add(time.Hour): "10", w.Now(): second.Closing[0].Amount} {
		b := must[wire.AccountBalances](t)(w.Gateway.AccountBalances(t.Context(), gatewaytest.Caller(), gatewaytest.Account, at, ""))
		got := ""
		if len(b.Balances) > 0 {
			got = b.Balances[0].Amount
		}
		if got != want {
			t.Errorf("at %s there were %q, want %q", at, got, want)
		}
	}
	_, err := w.Gateway.AccountStatement(t.Context(), gatewaytest.Caller(), "acc_none", always(w))
	gatewaytest.Refused(t, err, fault.NotFound)
	_, err = w.Gateway.AccountStatement(t.Context(), gatewaytest.OtherCaller(), gatewaytest.Account, always(w))
	gatewaytest.Refused(t, err, fault.EntityUnknown)
}

// What something was worth is known from signed rates alone, for a day.
func TestAStatementIsValuedByTheRatesThatTheVaultRecordedAndNothingElse(t *testing.T) {
	t.Parallel()
	rate := "2600.333333"
	w, _ := priced(t, func(w *gatewaytest.World, asked url.Values) (string, int) { return quoting(rate)(w, asked) })
	own := w.Signer.Genesis.Accounts[0].Address
	pay := func(ether string) {
		w.Chain.Deposit(own, ether)
		w.Scan()
	}
	pay("1")
	w.Pass(time.Minute)
	record := func(request string) {
		t.Helper()
		must[struct{}](t)(struct{}{}, w.Gateway.FetchRates(t.Context(), gatewaytest.Entity))
		w.Signer.Request(request, sends("0.1"))
		must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	}
	record("req_aaaaaaaaaaaaaaaaaaaaaaaaaa")
	w.Pass(time.Minute)
	pay("0.0150001")
	w.Pass(25 * time.Hour)
	pay("2")
	p := always(w)
	s := statementOf(t, w, gatewaytest.Account, p)
	adds(t, s)
	if s.Currency != "EUR" || len(s.Lines) != 3 || s.Lines[0].Value != nil || s.Lines[2].Value != nil {
		t.Fatalf("%+v", s)
	}
	if v := s.Lines[1].Value; v == nil || v.Amount != "39.01" || v.Rate != rate || v.Source != "mem_carol" || v.Currency != "EUR" { // 39.00526…
		t.Errorf("%+v", v)
	}
	p.Currency = "USD"
	if s := statementOf(t, w, gatewaytest.Account, p); s.Currency != "USD" || s.Lines[1].Value != nil {
		t.Errorf("in another currency: %+v", s.Lines[1].Value)
	}
	rate = "3000"
	record("req_bbbbbbbbbbbbbbbbbbbbbbbbbb")
	b := must[wire.AccountBalances](t)(w.Gateway.AccountBalances(t.Context(), gatewaytest.Caller(), gatewaytest.Account, w.Now().Add(time.Second), ""))
	if v := b.Balances[0].Value; v == nil || v.Amount != "9045.00" {
		t.Errorf("%+v", b.Balances)
	}
}

// Of whoever sent from another account a statement of the one that received tells nothing.
func TestAStatementOfAnAccountTellsNothingOfOtherAccounts(t *testing.T) {
	t.Parallel()
	w := between(t)
	me := gatewaytest.Caller()
	me.Reporting = &projection.ReportingKey{Scope: intent.ReadsAccounts, Accounts: []string{"acc_trading"}}
	s := must[wire.AccountStatement](t)(w.Gateway.AccountStatement(t.Context(), me, "acc_trading", always(w)))
	if text := fmt.Sprintf("%+v", s); len(s.Lines) != 1 || strings.Contains(text, "Treasury") || strings.Contains(text, gatewaytest.Account) || strings.Contains(strings.ToLower(text), strings.ToLower(w.Signer.Genesis.Accounts[0].Address)) {
		t.Errorf("%+v", s)
	}
	_, err := w.Gateway.AccountStatement(t.Context(), me, gatewaytest.Account, always(w))
	gatewaytest.Refused(t, err, fault.NotFound)
	_, err = w.Gateway.AccountBalances(t.Context(), me, gatewaytest.Account, w.Now(), "")
	gatewaytest.Refused(t, err, fault.NotFound)
}

// TestWhateverMovesIsBookedByDoubleEntry plays purchases, deposits, transfers to the outside and
// inside the vault, of ether and a token, transfers that are replaced or cancelled,
// sweeps and reorganisations, and then holds the books against themselves and the chain.
func TestWhateverMovesIsBookedByDoubleEntry(t *testing.T) {
	t.Parallel()
	for seed := range 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			moves := everything(t, uint32(seed*7919+13), int64(1+seed%2))
			moves.play(30)
			moves.settle()
			moves.check("in the end")
			moves.w.Pass(2 * time.Hour)
			must[struct{}](t)(struct{}{}, moves.w.Gateway.Reconcile(t.Context()))
			if r := must[wire.Reconciliation](t)(moves.w.Gateway.Reconciliation(t.Context(), gatewaytest.Caller())); r.Status != wire.ReconcileOK || r.Chains[0].Status != wire.ChainCompared || r.Postings == 0 || r.Logs[0].Entries == 0 {
				t.Errorf("%+v", r)
			}
			t.Log(typesOf(statementOf(t, moves.w, gatewaytest.Account, always(moves.w))))
		})
	}
}

// moves are what may happen to a vault with two accounts, one of them with a standing rule.
type moves struct {
	*testing.T
	w       *gatewaytest.World
	node    *gatewaytest.Sandbox
	cheap   bool
	rnd     uint32
	other   wire.Account
	deposit []string // addresses
	sent    []string // requests
	asked   int
}

func everything(t *testing.T, seed uint32, confirmations int64) *moves {
	t.Helper()
	m := &moves{T: t, rnd: seed}
	m.w, m.node = gatewaytest.NewSendingBy(t, confirmations, func(s gateway.Sender) gateway.Sender { return cheap{s, &m.cheap} })
	own := m.w.Signer.Genesis.Accounts[0]
	m.w.Signer.Change("req_gggggggggggggggggggggggggg", intent.AccountEdit{
		Kind: intent.KindAccountEdit, V: 1, Account: gatewaytest.Account, FromVersion: 1, Name: own.Name, Rules: own.Rules, Sweep: &intent.Sweep{MaxFee: "0.001", PerDay: "0.01"},
	})
	rules := governance.Set{Rules: []governance.Rule{{Name: "alice", Steps: []governance.Step{{Name: "approval", Quorum: 1, Members: []string{"mem_alice"}}}}}}
	m.w.Signer.Change("req_hhhhhhhhhhhhhhhhhhhhhhhhhh", intent.AccountCreate{Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: gatewaytest.ChainID, Rules: rules})
	must[struct{}](t)(struct{}{}, m.w.Gateway.SyncAll(t.Context()))
	m.other = must[wire.Account](t)(m.w.Gateway.Account(t.Context(), gatewaytest.Caller(), "acc_trading"))
	m.node.FundDollars(own.Address, 1000)
	m.step()
	return m
}

func (m *moves) next(n int) int { m.rnd = m.rnd*1664525 + 1013904223; return int(m.rnd>>8) % n }

func (m *moves) step() { m.node.Blocks(1); m.scan() }

// scan may find the chain reorganised under its hands.
func (m *moves) scan() {
	for range 2 {
		_ = m.w.Gateway.Deposits(m.Context(), gatewaytest.ChainID)
	}
}

// ask asks for something that may be refused, and has it approved.
func (m *moves) ask(in wire.RequestInput) {
	m.asked++
	r, err := m.w.Gateway.NewRequest(m.Context(), gatewaytest.Caller(), in, fmt.Sprint("move-", m.asked))
	if err != nil {
		if code := fault.CodeOf(err); code != fault.NotEligible && code != fault.Conflict && code != fault.Invalid && code != fault.RequestClosed {
			m.Error(err)
		}
		return
	}
	for _, member := range []string{"mem_alice", "mem_bob"} {
		m.w.Signer.Decide(r.ID, member, statement.Approve)
	}
	if err := m.w.Gateway.SyncAll(m.Context()); err != nil {
		m.Fatal(err)
	}
	if in.Intent != nil {
		m.sent = append(m.sent, r.ID)
	}
}

func (m *moves) play(n int) {
	own := m.w.Signer.Genesis.Accounts[0].Address
	for range n {
		few := fmt.Sprint("0.0", 1+m.next(9))
		switch m.next(11) {
		case 0:
			m.node.Fund(own, 1)
		case 1: // what was bought, perhaps
			r := m.w.Requested()
			m.deposit = append(m.deposit, r.Address.Address)
			if m.next(2) == 0 {
				m.w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
				m.w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
				must[struct{}](m.T)(struct{}{}, m.w.Gateway.SyncAll(m.Context()))
				must[wire.Order](m.T)(m.w.Gateway.NewOrder(m.Context(), gatewaytest.Caller(), r.ID))
			}
		case 2:
			if len(m.deposit) > 0 {
				if _, err := m.node.Transfer(m.node.Faucet, common.HexToAddress(m.deposit[m.next(len(m.deposit))]), big.NewInt(1e17)); err != nil {
					m.Fatal(err)
				}
			}
		case 3:
			m.ask(draft(few, "0.01", payee))
		case 4:
			m.ask(draft(few, "0.01", m.other.Address))
		case 5:
			m.ask(dollarsTo(payee, "3.25"))
		case 6:
			m.ask(dollarsTo(m.other.Address, "7"))
		case 7: // no block takes it for its fee
			m.cheap = true
			m.ask(draft(few, "0.0000001", payee))
			m.scan()
			m.cheap = false
		case 8:
			if len(m.sent) > 0 {
				m.ask(replacing(m.sent[m.next(len(m.sent))], []string{intent.Cancel, intent.SpeedUp}[m.next(2)], "0.01"))
			}
		case 9:
			m.scan()
			if at := m.node.Number(); at > 12 {
				if err := m.node.SetHead(at - uint64(1+m.next(3))); err != nil {
					m.Fatal(err)
				}
				m.node.Fund("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 1)
				m.node.Blocks(4)
			}
		case 10:
			m.w.Pass(time.Minute)
		}
		if m.next(3) > 0 {
			m.step()
			m.check("on the way")
		}
	}
}

func (m *moves) settle() {
	for range 8 {
		m.w.Pass(time.Minute)
		m.step()
	}
}

// check holds the books against themselves: debits and credits of each asset are the same, and
// what the accounts have is what their statements say.
func (m *moves) check(when string) {
	m.Helper()
	sums := map[string]amount.Amount{}
	p, err := m.w.Gateway.Transactions(m.Context(), gatewaytest.Caller(), gateway.BookingFilter{}, "", 100_000)
	if err != nil {
		m.Fatal(err)
	}
	for _, b := range p.Items {
		for _, x := range b.Postings {
			a := amount.Must(x.Amount)
			if x.Side == "credit" {
				a = a.Neg()
			}
			sums[x.Asset] = sums[x.Asset].Add(a)
		}
	}
	for of, sum := range sums {
		if !sum.IsZero() {
			m.Errorf("%s: debits and credits of %s differ by %s", when, of, sum)
		}
	}
	for _, a := range must[wire.Accounts](m.T)(m.w.Gateway.Accounts(m.Context(), gatewaytest.Caller())).Accounts {
		s := statementOf(m.T, m.w, a.ID, always(m.w))
		adds(m.T, s)
		if got, want := fmt.Sprint(balancesOf(s.Closing)), fmt.Sprint(a.Balances); got != want {
			m.Errorf("%s: %s has %s, by its entries %s", when, a.ID, want, got)
		}
	}
}

func balancesOf(all []wire.ValuedAmount) []wire.Balance {
	b := []wire.Balance{}
	for _, a := range all {
		b = append(b, wire.Balance{Asset: a.Asset, Amount: a.Amount})
	}
	return b
}
