package chain_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"countersign/web/internal/chain"
	"countersign/web/internal/chain/chaintest"
)

const (
	vault = "0x52908400098527886e0f7030069857d2e4169ee7"
	other = "0x8ba1f109551bd432803012645ac136ddd64dba72"
	third = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
	usdc  = "ethereum/erc20/usd__coin"
)

func dial(t *testing.T, n *chaintest.Node) *chain.Watcher {
	t.Helper()
	w, err := chain.New(chain.Config{RPC: n.URL, Chain: fmt.Sprint("eip155:", n.ID)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func at(t *testing.T, w *chain.Watcher, n int64) chain.Block {
	t.Helper()
	b, err := w.At(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lines(all []chain.Arrival) []string {
	out := []string{}
	for _, a := range all {
		tx := "tx"
		if a.Tx == "" {
			tx = "balance"
		}
		out = append(out, fmt.Sprintf("%s %s %s %d in %d", a.Asset, a.Units, tx, a.Index, a.Block.Number))
	}
	return out
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func readTo(t *testing.T, w *chain.Watcher, n int64) []string {
	t.Helper()
	_, all, err := w.Read(t.Context(), at(t, w, 0), n, chain.Watched{vault: true})
	if err != nil {
		t.Fatal(err)
	}
	return lines(all)
}

func TestTransfersToTheVaultAreSeenAndOthersAreNot(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 31337)
	n.Pay(strings.ToUpper(vault[2:3])+vault[3:], "1") // not an address at all
	n.Pay(other, "5")
	n.Pay("0x52908400098527886E0F7030069857D2E4169EE7", "7")
	n.Fail(vault, "11")
	n.Pay(vault, "0")
	n.Pay(vault, "13")
	n.Mine()
	same(t, "block 1", readTo(t, dial(t, n), 1), "ethereum 7 tx -1 in 1", "ethereum 13 tx -1 in 1")
}

func TestABlockWithAnUnknownTypeOfTransactionIsReadLikeAnyOther(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"0x7e", "0x64", "0xff", "0x4", "0x03"} {
		n := chaintest.New(t, 10)
		n.Odd(kind)
		n.Pay(vault, "7")
		n.Mine()
		n.Odd(kind)
		n.Mine()
		n.Pay(vault, "8")
		n.Mine()
		same(t, kind, readTo(t, dial(t, n), 3), "optimism 7 tx -1 in 1", "optimism 8 tx -1 in 3")
	}
}

func TestTokensAreSeenByTheirTransferLogs(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 1)
	n.Token(usdc, other, "3")
	n.Token(usdc, vault, "247500001")
	n.Token("ethereum/erc20/dai_stablecoin_v2_0", vault, "5")
	n.Token(usdc, vault, "0")
	n.Mine()
	w := dial(t, n)
	same(t, "few addresses", readTo(t, w, 1), usdc+" 247500001 tx 1 in 1", "ethereum/erc20/dai_stablecoin_v2_0 5 tx 2 in 1")
	many := chain.Watched{vault: true}
	for i := range 600 {
		many[fmt.Sprintf("0x%040x", i)] = true
	}
	_, all, err := w.Read(t.Context(), at(t, w, 0), 1, many)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "many addresses", lines(all), usdc+" 247500001 tx 1 in 1", "ethereum/erc20/dai_stablecoin_v2_0 5 tx 2 in 1")
}

func TestTokensThatAnAddressSendsAreSeen(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 1)
	n.SendToken(usdc, vault, other, "3")
	n.Mine()
	n.SendToken(usdc, vault, vault, "4") // which changes nothing
	n.Token(usdc, vault, "5")
	n.SendToken(usdc, vault, third, "6")
	n.Mine()
	watched := chain.Watched{vault: true, third: true}
	for _, many := range []bool{false, true} {
		for i := range 600 {
			if many {
				watched[fmt.Sprintf("0x%040x", i)] = true
			}
		}
		w := dial(t, n)
		_, all, err := w.Read(t.Context(), at(t, w, 0), 2, watched)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, a := range all {
			got = append(got, fmt.Sprint(a.Address[:4], " ", a.Units, " out ", a.Out))
		}
		same(t, fmt.Sprint("many addresses: ", many), got, "0x52 3 out true", "0x52 5 out false", "0x70 6 out false", "0x52 6 out true")
	}
	quiet := chaintest.New(t, 1)
	quiet.Token(usdc, other, "1")
	quiet.Mine()
	w := dial(t, quiet)
	if _, _, err := w.Read(t.Context(), at(t, w, 0), 1, chain.Watched{vault: true}); err != nil || quiet.Asked("eth_getLogs") != 1 {
		t.Errorf("a block without the vault: %d questions, %v", quiet.Asked("eth_getLogs"), err)
	}
}

func TestAPayoutByAContractIsFoundByTheBalanceInItsBlock(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 31337)
	for range 9 {
		n.Mine()
	}
	n.PayOut(vault, "5")
	n.Pay(vault, "2")
	n.Mine() // 10
	n.Mine()
	n.Pay(vault, "1")
	n.Mine() // 12
	n.PayOut(vault, "7")
	n.PayOut(vault, "4")
	n.Mine() // 13
	w := dial(t, n)
	_, direct, err := w.Read(t.Context(), at(t, w, 0), 13, chain.Watched{vault: true})
	if err != nil {
		t.Fatal(err)
	}
	locate := func(known []chain.Arrival) []string {
		found, err := w.Locate(t.Context(), chain.Gap{Address: vault, From: -1, FromUnits: "0", To: at(t, w, 13), ToUnits: "19", Known: known})
		if err != nil {
			t.Fatal(err)
		}
		return lines(found)
	}
	same(t, "beside what is known", locate(direct), "ethereum 5 balance -1 in 10", "ethereum 11 balance -1 in 13")
	same(t, "when nothing is known", locate(nil), "ethereum 2 tx -1 in 10", "ethereum 5 balance -1 in 10", "ethereum 1 tx -1 in 12", "ethereum 11 balance -1 in 13")
	n.Forget(1)
	same(t, "when old states are gone", locate(direct), "ethereum 16 balance -1 in 13")
}

func TestABalanceThatFallsIsNotAnArrival(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 31337)
	n.Pay(vault, "10")
	n.Mine()
	n.Spend(vault, "4")
	n.Mine()
	w := dial(t, n)
	b, err := w.Balances(t.Context(), at(t, w, 2), []string{vault, other})
	if err != nil || b[0] != "6" || b[1] != "0" {
		t.Fatal(b, err)
	}
	found, err := w.Locate(t.Context(), chain.Gap{Address: vault, From: 1, FromUnits: "10", To: at(t, w, 2), ToUnits: "6"})
	if err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestANodeWithoutBatchesIsAskedOneByOne(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 31337)
	n.Pay(vault, "10")
	n.Mine()
	n.Batches(1)
	w := dial(t, n)
	for range 2 {
		b, err := w.Balances(t.Context(), at(t, w, 1), []string{vault, other, vault})
		if err != nil || strings.Join(b, " ") != "10 0 10" {
			t.Errorf("%v, %v", b, err)
		}
	}
}

func TestAReorganisationIsNoticedWhileReading(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 31337)
	n.Mine()
	n.Mine()
	w := dial(t, n)
	known := at(t, w, 2)
	n.Reorganise(1)
	n.Mine()
	n.Mine()
	if _, _, err := w.Read(t.Context(), known, 3, nil); !errors.Is(err, chain.ErrReorganised) {
		t.Errorf("%v", err)
	}
	if _, err := w.At(t.Context(), 9); !errors.Is(err, chain.ErrAbsent) {
		t.Errorf("a block that is not there: %v", err)
	}
	if _, err := w.Balances(t.Context(), known, []string{vault}); err == nil {
		t.Error("a block that is gone has balances")
	}
}

func TestOnlyTheConfiguredChainIsRead(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 1)
	w, err := chain.New(chain.Config{RPC: n.URL, Chain: "eip155:10"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Head(t.Context()); err == nil || !strings.Contains(err.Error(), "eip155:1,") {
		t.Errorf("another chain: %v", err)
	}
	for _, c := range []chain.Config{
		{RPC: n.URL, Chain: "bip122:1"}, {RPC: n.URL, Chain: "eip155:"}, {RPC: n.URL, Chain: ""}, {RPC: n.URL, Chain: "eip155:x"}, {RPC: n.URL, Chain: "eip155:5"},
		{RPC: "ws://127.0.0.1:1", Chain: "eip155:1"}, {RPC: "/run/geth.ipc", Chain: "eip155:1"}, {RPC: "", Chain: "eip155:1"},
	} {
		if err := c.Check(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func TestWhatFailsIsSaidInWordsAndWithoutTheNodesKey(t *testing.T) {
	t.Parallel()
	const key = "SECRETKEY0123456789"
	answer := func(f http.HandlerFunc) string {
		s := httptest.NewServer(f)
		t.Cleanup(s.Close)
		return s.URL + "/v3/" + key
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, c := range map[string]struct{ url, want string }{
		"no node": {closed.URL + "/v3/" + key, "nothing answers at the node's address"},
		"no name": {"http://node.invalid/v3/" + key, "the node's name is not known"},
		"a wrong key": {answer(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no access for "+r.URL.Path, http.StatusUnauthorized)
		}), "HTTP status 401: the key in its address may be wrong"},
		"too often":  {answer(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }), "HTTP status 429"},
		"a redirect": {answer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }), "HTTP status 302"},
		"a refusal": {answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"project %s is over its limit"}}`, key)
		}), "the node refuses with code -32005: project"},
		"not JSON": {answer(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>"+r.URL.Path) }), "ask the node for its chain"},
		"without end": {answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":"`)
			for range 40 {
				if _, err := w.Write(bytes.Repeat([]byte{0x78}, 1<<20)); err != nil {
					return
				}
			}
		}), "is longer than"},
	} {
		w, err := chain.New(chain.Config{RPC: c.url, Chain: "eip155:1"})
		if err == nil {
			_, err = w.Head(t.Context())
			w.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHoldingsAreWhatTokensSayOfAnAddress(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 1)
	n.Token(usdc, vault, "5")
	n.Token(usdc, other, "7")
	n.Mine()
	n.Token("ethereum/erc20/dai_stablecoin_v2_0", vault, "1")
	n.Token(usdc, vault, "2")
	n.Mine()
	n.Batches(1)
	w := dial(t, n)
	for block, want := range map[int64][]string{1: {usdc + " 5"}, 2: {"ethereum/erc20/dai_stablecoin_v2_0 1", usdc + " 7"}} {
		all, err := w.Holdings(t.Context(), at(t, w, block), []string{vault})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, h := range all {
			got = append(got, h.Asset+" "+h.Units)
		}
		slices.Sort(got)
		same(t, fmt.Sprint("block ", block), got, want...)
	}
	if all, err := w.Holdings(t.Context(), at(t, w, 1), nil); err != nil || len(all) != 0 {
		t.Errorf("of no address: %v, %v", all, err)
	}
}
