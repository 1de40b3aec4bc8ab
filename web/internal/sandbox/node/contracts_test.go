package node_test

import (
	"math/big"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"countersign/web/internal/sandbox/contract"
	"countersign/web/internal/sandbox/node"
)

var tokenAt = common.HexToAddress("0x00000000000000000000000000000000000070c4")

// withToken is a chain whose faucet has all of a token.
func withToken(t *testing.T) (*node.Node, *types.Transaction, common.Address) {
	t.Helper()
	faucet, to := key(t), crypto.PubkeyToAddress(key(t).PublicKey)
	from := crypto.PubkeyToAddress(faucet.PublicKey)
	n, err := node.Open(node.Config{
		Dir: t.TempDir(), Faucet: []common.Address{from}, Contracts: types.GenesisAlloc{tokenAt: contract.Token(from, big.NewInt(1000))},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	tx, err := types.SignNewTx(faucet, types.LatestSignerForChainID(big.NewInt(node.ChainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(node.ChainID), GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(4 * params.GWei), Gas: 200_000, To: &tokenAt,
		Data: contract.Call("transfer(address,uint256)", to, big.NewInt(30)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, tx, to
}

func TestAnUnmodifiedClientUsesAToken(t *testing.T) {
	t.Parallel()
	n, tx, to := withToken(t)
	c, ctx := client(t, n), t.Context()
	if code, err := c.CodeAt(ctx, tokenAt, nil); err != nil || len(code) == 0 {
		t.Fatalf("%x, %v", code, err)
	}
	if err := c.SendTransaction(ctx, tx); err != nil {
		t.Fatal(err)
	}
	receipt, err := c.TransactionReceipt(ctx, tx.Hash())
	if err != nil || receipt.Status != types.ReceiptStatusSuccessful || len(receipt.Logs) != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	checkBlock(ctx, t, c, receipt)
	holds := func(at *big.Int) int64 {
		answer, err := c.CallContract(ctx, ethereum.CallMsg{To: &tokenAt, Data: contract.Call("balanceOf(address)", to)}, at)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(answer).Int64()
	}
	if before, after := holds(common.Big0), holds(nil); before != 0 || after != 30 {
		t.Errorf("%d, then %d", before, after)
	}
	topic := crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	for name, q := range map[string]struct {
		ethereum.FilterQuery
		found int
	}{
		"by block":            {ethereum.FilterQuery{BlockHash: &receipt.BlockHash}, 1},
		"by number":           {ethereum.FilterQuery{FromBlock: common.Big0, ToBlock: common.Big1}, 1},
		"by contract, topics": {ethereum.FilterQuery{FromBlock: common.Big1, Addresses: []common.Address{tokenAt}, Topics: [][]common.Hash{{topic}, nil, {common.BytesToHash(to[:])}}}, 1},
		"another recipient":   {ethereum.FilterQuery{FromBlock: common.Big1, Topics: [][]common.Hash{nil, nil, {topic}}}, 0},
		"another contract":    {ethereum.FilterQuery{FromBlock: common.Big1, Addresses: []common.Address{to}}, 0},
		"another block":       {ethereum.FilterQuery{FromBlock: common.Big0, ToBlock: common.Big0}, 0},
	} {
		if logs, err := c.FilterLogs(ctx, q.FilterQuery); err != nil || len(logs) != q.found {
			t.Errorf("%s: %+v, %v", name, logs, err)
		}
	}
	if h, err := c.FeeHistory(ctx, 5, nil, []float64{10, 90}); err != nil || len(h.BaseFee) != len(h.Reward)+1 || h.Reward[len(h.Reward)-1][0].Int64() != params.GWei {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestTheTokensWords(t *testing.T) {
	t.Parallel()
	n, _, to := withToken(t)
	c := client(t, n)
	ask := func(signature string, args ...any) int64 {
		answer, err := c.CallContract(t.Context(), ethereum.CallMsg{From: to, To: &tokenAt, Data: contract.Call(signature, args...)}, nil)
		if err != nil {
			t.Fatalf("%s: %v", signature, err)
		}
		return new(big.Int).SetBytes(answer).Int64()
	}
	if d := ask("decimals()"); d != contract.Decimals {
		t.Errorf("%d decimals", d)
	}
	if ask("approve(address,uint256)", tokenAt, big.NewInt(5)) != 1 || ask("allowance(address,address)", to, tokenAt) != 0 {
		t.Error("an allowance")
	}
	if _, err := c.CallContract(t.Context(), ethereum.CallMsg{To: &tokenAt, Data: []byte{1, 2, 3, 4}}, nil); err == nil {
		t.Error("an unknown method was called")
	}
}

func TestAReorganisationOutlivesARestartAndBringsTransactionsBack(t *testing.T) {
	t.Parallel()
	dir, faucet := t.TempDir(), key(t)
	to := crypto.PubkeyToAddress(key(t).PublicKey)
	n := open(t, dir, faucet)
	tx, err := n.Transfer(faucet, to, big.NewInt(7))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := n.Mine(); err != nil {
			t.Fatal(err)
		}
	}
	c, ctx := client(t, n), t.Context()
	was, err := c.TransactionReceipt(ctx, tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.SetHead(0); err != nil {
		t.Fatal(err)
	}
	if err := n.SetHead(0); err == nil {
		t.Error("nothing was dropped, and no error")
	}
	if _, pending, err := c.TransactionByHash(ctx, tx); err != nil || !pending {
		t.Errorf("pending %v, %v", pending, err)
	}
	if _, ok := n.Find(to, big.NewInt(7)); ok {
		t.Error("a dropped transaction was found")
	}
	if err := n.Tick(); err != nil {
		t.Fatal(err)
	}
	is, err := c.TransactionReceipt(ctx, tx)
	if err != nil || is.BlockHash == was.BlockHash && is.BlockNumber.Cmp(was.BlockNumber) == 0 && n.Mine() != nil {
		t.Errorf("%+v, %v", is, err)
	}
	n.Close()
	n = open(t, dir, faucet)
	if again, err := client(t, n).TransactionReceipt(ctx, tx); err != nil || again.BlockHash != is.BlockHash {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
}

func TestMuchAtOnceIsMinedInOrder(t *testing.T) {
	t.Parallel()
	faucet := key(t)
	n := open(t, t.TempDir(), faucet)
	c, to := client(t, n), crypto.PubkeyToAddress(key(t).PublicKey)
	const count = 20
	var all sync.WaitGroup
	for i := range uint64(count) {
		tx, err := types.SignNewTx(faucet, types.LatestSignerForChainID(big.NewInt(node.ChainID)), &types.DynamicFeeTx{
			ChainID: big.NewInt(node.ChainID), Nonce: i, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(4 * params.GWei), Gas: params.TxGas, To: &to, Value: common.Big1,
		})
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := c.SendTransaction(t.Context(), tx); err != nil {
				t.Error(err)
			}
			if _, err := c.BalanceAt(t.Context(), to, nil); err != nil {
				t.Error(err)
			}
			if err := n.Tick(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if b, err := c.BalanceAt(t.Context(), to, nil); err != nil || b.Int64() != count {
		t.Errorf("the recipient has %v, %v", b, err)
	}
}
