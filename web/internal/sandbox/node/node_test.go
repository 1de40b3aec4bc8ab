package node_test

import (
	"context"
	"crypto/ecdsa"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/trie"

	"countersign/web/internal/sandbox/node"
)

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t *testing.T, dir string, faucet *ecdsa.PrivateKey) *node.Node {
	t.Helper()
	n, err := node.Open(node.Config{Dir: dir, Faucet: []common.Address{crypto.PubkeyToAddress(faucet.PublicKey)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func client(t *testing.T, n *node.Node) *ethclient.Client {
	t.Helper()
	h, err := n.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := ethclient.DialContext(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAnUnmodifiedClientTransfersAndReads(t *testing.T) {
	t.Parallel()
	faucet := key(t)
	c, ctx := client(t, open(t, t.TempDir(), faucet)), t.Context()
	from, to := crypto.PubkeyToAddress(faucet.PublicKey), crypto.PubkeyToAddress(key(t).PublicKey)
	nonce, err := c.PendingNonceAt(ctx, from)
	if err != nil {
		t.Fatal(err)
	}
	price, err := c.SuggestGasPrice(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tip, err := c.SuggestGasTipCap(ctx)
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.ChainID(ctx)
	if err != nil || id.Uint64() != node.ChainID {
		t.Fatal(id, err)
	}
	tx, err := types.SignNewTx(faucet, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, GasTipCap: tip, GasFeeCap: price, Gas: params.TxGas, To: &to, Value: big.NewInt(12345),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SendTransaction(ctx, tx); err != nil {
		t.Fatal(err)
	}
	if err := c.SendTransaction(ctx, tx); err == nil {
		t.Error("a transaction was mined twice")
	}
	receipt, err := c.TransactionReceipt(ctx, tx.Hash())
	if err != nil || receipt.Status != types.ReceiptStatusSuccessful || receipt.BlockNumber.Uint64() != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	if b, err := c.BalanceAt(ctx, to, nil); err != nil || b.Int64() != 12345 {
		t.Errorf("balance %v, %v", b, err)
	}
	found, pending, err := c.TransactionByHash(ctx, tx.Hash())
	if err != nil || pending || found.Value().Int64() != 12345 {
		t.Errorf("%v, %v", found, err)
	}
	checkBlock(ctx, t, c, receipt)
}

// checkBlock derives every hash again.
func checkBlock(ctx context.Context, t *testing.T, c *ethclient.Client, receipt *types.Receipt) {
	t.Helper()
	block, err := c.BlockByHash(ctx, receipt.BlockHash)
	if err != nil || block.Hash() != receipt.BlockHash {
		t.Fatal(err)
	}
	parent, err := c.HeaderByNumber(ctx, common.Big0)
	if err != nil || parent.Hash() != block.ParentHash() {
		t.Errorf("parent: %v", err)
	}
	if got := types.DeriveSha(block.Transactions(), trie.NewStackTrie(nil)); got != block.TxHash() {
		t.Error("the transactions' root is wrong")
	}
	if got := types.DeriveSha(types.Receipts{receipt}, trie.NewStackTrie(nil)); got != block.ReceiptHash() {
		t.Error("the receipts' root is wrong")
	}
}

func TestTheChainSurvivesARestartAndAHalfWrittenBlock(t *testing.T) {
	t.Parallel()
	dir, faucet := t.TempDir(), key(t)
	to := crypto.PubkeyToAddress(key(t).PublicKey)
	n := open(t, dir, faucet)
	tx, err := n.Transfer(faucet, to, big.NewInt(7))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // twelve of these mine a block
		if err := n.Tick(); err != nil {
			t.Fatal(err)
		}
	}
	n.Close()
	path := filepath.Join(dir, "chain.rlp")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole, whole[:40]...), 0o600); err != nil {
		t.Fatal(err)
	}
	n = open(t, dir, faucet)
	if got, ok := n.Find(to, big.NewInt(7)); !ok || got != tx {
		t.Errorf("found %v, %v", got, ok)
	}
	if _, err := n.Transfer(faucet, to, big.NewInt(8)); err != nil {
		t.Error(err)
	}
	n.Close()
	if head, err := client(t, open(t, dir, faucet)).BlockNumber(t.Context()); err != nil || head != 14 {
		t.Errorf("head %d, %v", head, err)
	}
	// The same file under another faucet is another chain.
	if _, err := node.Open(node.Config{Dir: dir, Faucet: []common.Address{to}}); err == nil {
		t.Error("a foreign chain was opened")
	}
}

func TestTheChainRefusesWhatARealOneRefuses(t *testing.T) {
	t.Parallel()
	faucet, poor := key(t), key(t)
	n := open(t, t.TempDir(), faucet)
	to := crypto.PubkeyToAddress(key(t).PublicKey)
	good := types.DynamicFeeTx{
		ChainID: big.NewInt(node.ChainID), GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(3 * params.GWei), Gas: params.TxGas, To: &to, Value: big.NewInt(1),
	}
	for name, c := range map[string]struct {
		key    *ecdsa.PrivateKey
		change func(*types.DynamicFeeTx)
	}{
		"no funds":       {poor, func(*types.DynamicFeeTx) {}},
		"another chain":  {faucet, func(tx *types.DynamicFeeTx) { tx.ChainID = common.Big1 }},
		"tip above cap":  {faucet, func(tx *types.DynamicFeeTx) { tx.GasTipCap = big.NewInt(4 * params.GWei) }},
		"too little gas": {faucet, func(tx *types.DynamicFeeTx) { tx.Gas = 1 }},
	} {
		tx := good
		c.change(&tx)
		signed, err := types.SignNewTx(c.key, types.LatestSignerForChainID(tx.ChainID), &tx)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Send(signed); err == nil {
			t.Errorf("%s: mined", name)
		}
	}
}

func FuzzReplay(f *testing.F) {
	faucet, err := crypto.GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0xc0})
	f.Add([]byte{0xf8, 0xff, 1, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "chain.rlp"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := node.Open(node.Config{Dir: dir, Faucet: []common.Address{crypto.PubkeyToAddress(faucet.PublicKey)}})
		if err == nil {
			n.Close()
		}
	})
}
