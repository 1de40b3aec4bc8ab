package chain_test

import (
	"context"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/trie"

	"countersign/web/internal/chain"
)

const vault = "0x52908400098527886E0F7030069857D2E4169EE7"

// fakeNode answers the five methods that the watcher may use, and can change
// its mind about what happened.
type fakeNode struct {
	t *testing.T

	mu     sync.Mutex
	blocks []*types.Block
	failed map[common.Hash]bool
	nonce  uint64
}

func newNode(t *testing.T) (*fakeNode, string) {
	t.Helper()
	n := &fakeNode{t: t, failed: map[common.Hash]bool{}}
	n.mine(0, "")
	s := httptest.NewServer(n)
	t.Cleanup(s.Close)
	return n, s.URL
}

// mine adds a block with transfers of the given amounts of wei to the vault.
func (n *fakeNode) mine(branch uint64, to string, values ...int64) common.Hash {
	n.mu.Lock()
	defer n.mu.Unlock()
	key, err := crypto.ToECDSA(common.LeftPadBytes([]byte{7}, 32))
	if err != nil {
		n.t.Fatal(err)
	}
	var txs types.Transactions
	var receipts types.Receipts
	for _, v := range values {
		address := common.HexToAddress(to)
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(31337)), &types.DynamicFeeTx{
			ChainID: big.NewInt(31337), Nonce: n.nonce, GasFeeCap: big.NewInt(params.GWei), Gas: params.TxGas, To: &address, Value: big.NewInt(v),
		})
		if err != nil {
			n.t.Fatal(err)
		}
		n.nonce++
		txs, receipts = append(txs, tx), append(receipts, &types.Receipt{Status: 1, TxHash: tx.Hash()})
	}
	header := &types.Header{Number: big.NewInt(int64(len(n.blocks))), Difficulty: new(big.Int), BaseFee: new(big.Int), Time: 1_700_000_000 + branch}
	if len(n.blocks) > 0 {
		header.ParentHash = n.blocks[len(n.blocks)-1].Hash()
	}
	n.blocks = append(n.blocks, types.NewBlock(header, &types.Body{Transactions: txs}, receipts, trie.NewStackTrie(nil)))
	if len(txs) == 0 {
		return common.Hash{}
	}
	return txs[0].Hash()
}

// drop forgets the newest blocks, as a reorganisation does.
func (n *fakeNode) drop(count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks = n.blocks[:len(n.blocks)-count]
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct {
		ID     json.RawMessage
		Method string
		Params []any
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		n.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": q.ID, "result": n.answer(q.Method, q.Params)})
}

func (n *fakeNode) answer(method string, args []any) any {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch method {
	case "eth_chainId":
		return "0x7a69"
	case "eth_blockNumber":
		return "0x" + big.NewInt(int64(len(n.blocks)-1)).Text(16)
	case "eth_getBlockByNumber":
		number, _ := new(big.Int).SetString(args[0].(string)[2:], 16)
		if int(number.Int64()) >= len(n.blocks) {
			return nil
		}
		return n.block(n.blocks[number.Int64()])
	case "eth_getTransactionReceipt":
		for _, b := range n.blocks {
			for _, tx := range b.Transactions() {
				if tx.Hash().Hex() == args[0] {
					status := uint64(1)
					if n.failed[tx.Hash()] {
						status = 0
					}
					return &types.Receipt{Status: status, TxHash: tx.Hash(), BlockHash: b.Hash(), BlockNumber: b.Number(), Logs: []*types.Log{}}
				}
			}
		}
		return nil
	}
	n.t.Errorf("%s was called", method)
	return nil
}

func (n *fakeNode) block(b *types.Block) any {
	data, err := json.Marshal(b.Header())
	if err != nil {
		n.t.Error(err)
	}
	out := map[string]any{}
	_ = json.Unmarshal(data, &out)
	txs := []any{}
	for _, tx := range b.Transactions() {
		txs = append(txs, tx)
	}
	out["transactions"], out["uncles"] = txs, []string{}
	return out
}

func dial(t *testing.T, url string, confirmations, batch uint64) *chain.Watcher {
	t.Helper()
	w, err := chain.Dial(t.Context(), chain.Config{RPC: url, Chain: "eip155:31337", Confirmations: confirmations, Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func scan(ctx context.Context, t *testing.T, w *chain.Watcher, from chain.Cursor) ([]chain.Deposit, chain.Cursor) {
	t.Helper()
	found, next, err := w.Scan(ctx, from, []string{vault})
	if err != nil {
		t.Fatal(err)
	}
	return found, next
}

func TestADepositIsReportedUntilItIsFinal(t *testing.T) {
	t.Parallel()
	n, url := newNode(t)
	w, ctx := dial(t, url, 3, 0), t.Context()
	start, err := w.Head(ctx)
	if err != nil || start != "" {
		t.Fatal(start, err)
	}
	n.mine(0, "0x0000000000000000000000000000000000000001", 5)
	tx := n.mine(0, vault, 250_000_000_000_000_000)
	cursor := start
	for confirmations := uint64(1); confirmations <= 3; confirmations++ {
		var found []chain.Deposit
		found, cursor = scan(ctx, t, w, cursor)
		if len(found) != 1 || found[0].TxHash != tx.Hex() || found[0].Amount != "0.25" || found[0].Address != vault ||
			found[0].Block != 2 || found[0].Confirmations != confirmations || found[0].Final != (confirmations == 3) {
			t.Fatalf("%+v", found)
		}
		n.mine(0, "")
	}
	if found, _ := scan(ctx, t, w, cursor); len(found) != 0 {
		t.Errorf("reported again: %+v", found)
	}
	if head, err := w.Head(ctx); err != nil || head == "" {
		t.Errorf("head %q, %v", head, err)
	}
}

func TestAShortReorganisationMovesADeposit(t *testing.T) {
	t.Parallel()
	n, url := newNode(t)
	w, ctx := dial(t, url, 3, 0), t.Context()
	n.mine(0, "")
	n.mine(0, "")
	n.mine(0, vault, 5)
	found, cursor := scan(ctx, t, w, "")
	if len(found) != 1 || found[0].Final {
		t.Fatalf("%+v", found)
	}
	n.drop(1)
	n.mine(9, "")
	n.mine(9, "")
	if found, _ = scan(ctx, t, w, cursor); len(found) != 0 {
		t.Errorf("a deposit that is gone was reported: %+v", found)
	}
}

func TestADeepReorganisationRewinds(t *testing.T) {
	t.Parallel()
	n, url := newNode(t)
	w, ctx := dial(t, url, 1, 0), t.Context()
	for range 4 {
		n.mine(0, "")
	}
	_, cursor := scan(ctx, t, w, "")
	n.drop(2)
	n.mine(9, vault, 5)
	n.mine(9, "")
	found, cursor := scan(ctx, t, w, cursor)
	if len(found) != 0 || cursor != "" {
		t.Fatalf("%+v, %q", found, cursor)
	}
	if found, _ = scan(ctx, t, w, cursor); len(found) != 1 {
		t.Errorf("the deposit of the new branch: %+v", found)
	}
	// A chain that became shorter is one too.
	_, cursor = scan(ctx, t, w, cursor)
	n.drop(2)
	if _, cursor = scan(ctx, t, w, cursor); cursor != "" {
		t.Errorf("cursor %q", cursor)
	}
}

func TestAScanReadsABatchAndIgnoresWhatMovedNothing(t *testing.T) {
	t.Parallel()
	n, url := newNode(t)
	w, ctx := dial(t, url, 1, 2), t.Context()
	tx := n.mine(0, vault, 5)
	n.failed[tx] = true
	n.mine(0, vault, 6, 7)
	var all []chain.Deposit
	var cursor chain.Cursor
	for range 3 {
		var found []chain.Deposit
		found, cursor = scan(ctx, t, w, cursor)
		all = append(all, found...)
	}
	if len(all) != 2 || all[0].Amount != "0.000000000000000006" || all[1].Amount != "0.000000000000000007" {
		t.Errorf("%+v", all)
	}
}

func TestTheNodeMustBeOnTheChain(t *testing.T) {
	t.Parallel()
	_, url := newNode(t)
	for _, c := range []string{"eip155:1", "bip122:1", "eip155:", ""} {
		if w, err := chain.Dial(t.Context(), chain.Config{RPC: url, Chain: c}); err == nil {
			w.Close()
			t.Errorf("%q was accepted", c)
		}
	}
	w := dial(t, url, 1, 0)
	for _, cursor := range []chain.Cursor{"x", "1", "1:0x12", ":"} {
		if _, _, err := w.Scan(t.Context(), cursor, nil); err == nil {
			t.Errorf("cursor %q was accepted", cursor)
		}
	}
	if _, _, err := w.Scan(t.Context(), "", []string{"bc1q"}); err == nil {
		t.Error("an address of another chain was accepted")
	}
}
