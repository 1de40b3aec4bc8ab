package gateway_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// What a gateway says of the chains that it watches.

func TestWhatCannotBeWatchedCannotBeBought(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ask := func() error {
		_, err := w.Gateway.Quotes(t.Context(), gatewaytest.Caller(), quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", false, nil)
		return err
	}
	refused := func(what string, err error) {
		t.Helper()
		if f, _ := fault.As(err); f == nil || f.Code != fault.NotEligible || f.Details["reason"] != "CHAIN_NOT_WATCHED" || f.Details["field"] == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	q, r := w.Quoted(), w.Approved()
	w.Chain.Break(func(string) error { return errors.New("out of order") })
	_ = w.Gateway.Deposits(t.Context(), chainID)
	if err := ask(); err != nil {
		t.Errorf("one failure stops the sale: %v", err)
	}
	w.Pass(2 * time.Minute)
	_ = w.Gateway.Deposits(t.Context(), chainID)
	refused("quotes", ask())
	_, err := w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID)
	refused("an order", err)
	w.Pass(-2 * time.Minute)
	w.Restart() // down from the start
	refused("quotes after the start", ask())
	_, err = w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "the-key-1")
	refused("a request", err)
	if a := account(t, w); a.NotWatched == "" {
		t.Error("the account does not say so")
	}
	w.Chain.Break(nil)
	w.Scan()
	if err := ask(); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
}

func TestHealthSaysHowFarAChainIsReadAndWhyNot(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	health := func() (wire.Health, wire.ChainHealth) {
		t.Helper()
		h := w.Gateway.Health(t.Context())
		if len(h.Chains) != 1 {
			t.Fatalf("%+v", h)
		}
		return h, h.Chains[0]
	}
	h, c := health()
	if h.Status != "ok" || c.Status != wire.ChainOK || c.Lag != 0 || c.Reason != "" || c.LastProgress == nil || c.Chain != chainID || c.Name == "" {
		t.Errorf("%+v", h)
	}
	w.Chain.Mine()
	w.Chain.Break(func(method string) error {
		if method == "eth_getBalance" {
			return errors.New("state is gone")
		}
		return nil
	})
	_ = w.Gateway.Deposits(t.Context(), chainID)
	w.Pass(2 * time.Minute)
	_ = w.Gateway.Deposits(t.Context(), chainID)
	if h, c = health(); h.Status != "degraded" || h.Components["chain"] != wire.ChainStalled || c.Status != wire.ChainStalled || !strings.Contains(c.Reason, "state is gone") {
		t.Errorf("%+v", h)
	}
	w.Chain.Break(nil)
	for range 100 {
		w.Chain.Mine()
	}
	_ = w.Gateway.Deposits(t.Context(), chainID)
	if _, c = health(); c.Status != wire.ChainBehind || c.Lag != 50 || c.Reason != "" {
		t.Errorf("%+v", c)
	}
	w.Scan()
	w.Scan()
	if h, c = health(); h.Status != "ok" || c.Lag != 0 {
		t.Errorf("%+v", h)
	}
}

func TestABlockThatTheNodeDoesNotGiveIsAReason(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Chain.Mine()
	w.Chain.Hide(1)
	err := w.Gateway.Deposits(t.Context(), chainID)
	if c := w.Gateway.Health(t.Context()).Chains[0]; err == nil || !strings.Contains(c.Reason, "block 0x1") {
		t.Errorf("%v: %+v", err, c)
	}
}

// onEthereum is a gateway on Ethereum, beside the one of w and on its database.
func onEthereum(t *testing.T, w *gatewaytest.World, log *slog.Logger, now func() time.Time) (*gateway.Gateway, *chaintest.Node) {
	t.Helper()
	n := chaintest.New(t, 1)
	watcher, err := chain.New(chain.Config{RPC: n.URL, Chain: "eip155:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Close)
	g, err := gateway.New(t.Context(), gateway.Config{
		Store: w.Store, Tokens: w.Tokens, Desk: w.Desk, Env: "sandbox",
		Now: now, Rand: rand.Reader, Log: log, Chains: map[string]gateway.Watched{"eip155:1": {Node: watcher, Confirmations: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, n
}

func TestANodeThatDoesNotFollowItsChainIsAReason(t *testing.T) {
	t.Parallel()
	at := chaintest.Start.Add(5 * time.Minute)
	g, _ := onEthereum(t, gatewaytest.New(t), nil, func() time.Time { return at })
	for _, c := range []struct {
		age    time.Duration
		status string
	}{{5 * time.Minute, wire.ChainOK}, {11 * time.Minute, wire.ChainOK}, {13 * time.Minute, wire.ChainStalled}} {
		at = chaintest.Start.Add(c.age)
		_ = g.Deposits(t.Context(), "eip155:1")
		h := g.Health(t.Context()).Chains[0]
		expect(t, fmt.Sprint("with a newest block of ", c.age), h.Status, c.status)
		if (c.age > 10*time.Minute) != strings.Contains(h.Reason, "does not follow its chain") {
			t.Errorf("after %s: %q", c.age, h.Reason)
		}
	}
}

func TestTheLogIsToldOnceThatAChainIsNotReadAndOnceThatItIs(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	g, n := onEthereum(t, gatewaytest.New(t), slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return chaintest.Start })
	scan := func() {
		for range 5 {
			n.Mine()
			_ = g.Deposits(t.Context(), "eip155:1")
		}
	}
	scan()
	for range 3 { // a hiccup
		n.Lag(1)
		_ = g.Deposits(t.Context(), "eip155:1")
		n.Lag(0)
		_ = g.Deposits(t.Context(), "eip155:1")
	}
	if text.Len() > 0 {
		t.Errorf("a hiccup was told:\n%s", text.String())
	}
	n.Break(func(method string) error {
		if method == "eth_getLogs" || method == "eth_getBalance" || method == "eth_getTransactionReceipt" {
			return errors.New("out of order")
		}
		return nil
	})
	n.Hide(6)
	scan()
	n.Hide(0)
	n.Break(nil)
	scan()
	if got := strings.Count(text.String(), "chain is not read"); got != 1 {
		t.Errorf("%d lines say that the chain is not read:\n%s", got, text.String())
	}
	if got := strings.Count(text.String(), "chain is read again"); got != 1 {
		t.Errorf("%d lines say that it is read again:\n%s", got, text.String())
	}
}
