package sendtest

import (
	"errors"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"countersign/web/internal/chain"
	"countersign/web/internal/sandbox/contract"
)

func deposits(t *testing.T, b *bench) {
	to, before := someone(t), b.head(t)
	b.fund(t, to, big.NewInt(12345))
	found := b.read(t, before, to)
	if len(found) != 1 || found[0].Asset != "ethereum" || found[0].Units != "12345" || found[0].Tx == "" || found[0].Out {
		t.Errorf("%+v", found)
	}

	// A contract that forwards what it gets: nothing in the block names the recipient.
	forwarder, hidden := b.deploy(t, contract.DeployForwarder()), someone(t)
	before = b.head(t)
	tx := b.sign(t, types.DynamicFeeTx{Nonce: b.nonce(t, false), Gas: 200_000, To: &forwarder, Value: big.NewInt(777), Data: common.LeftPadBytes(hidden[:], 32)})
	b.give(t, tx, chain.Accepted)
	at := b.mined(t, tx).Block
	if found := b.read(t, before, hidden); len(found) != 0 {
		t.Errorf("a payout by a contract was read: %+v", found)
	}
	found, err := b.watcher.Locate(t.Context(), chain.Gap{Address: lower(hidden), From: before.Number, FromUnits: "0", To: at, ToUnits: "777"})
	if err != nil || len(found) != 1 || found[0].Units != "777" || found[0].Tx != "" || found[0].Block.Hash != at.Hash {
		t.Errorf("%+v, %v", found, err)
	}
}

func sendsEther(t *testing.T, b *bench) {
	ctx, to, had, before := t.Context(), someone(t), b.balance(t, b.from), b.head(t)
	fees := b.fees(t)
	speeds := []chain.Fee{fees.Slow, fees.Normal, fees.Fast}
	for i, f := range speeds {
		if f.Tip.Sign() <= 0 || f.Cap.Cmp(new(big.Int).Add(f.Tip, fees.Base)) < 0 || i > 0 && f.Cap.Cmp(speeds[i-1].Cap) < 0 {
			t.Errorf("speed %d: tip %d, cap %d, at a base fee of %d", i, f.Tip, f.Cap, fees.Base)
		}
	}
	gas, err := b.sender.Estimate(ctx, chain.Call{From: b.from, To: to, Value: ether(1)})
	if err != nil || gas != params.TxGas {
		t.Fatalf("%d, %v", gas, err)
	}
	tx := b.sign(t, types.DynamicFeeTx{Nonce: b.nonce(t, true), Gas: gas, To: &to, Value: ether(1)})
	if seen := b.find(t, tx.Hash()); seen.State != chain.Absent {
		t.Errorf("before it was sent: %+v", seen)
	}
	b.give(t, tx, chain.Accepted)
	seen := b.mined(t, tx)
	if seen.Failed || seen.GasUsed != params.TxGas || seen.GasPrice.Cmp(tx.GasFeeCap()) > 0 || len(seen.Transfers) != 0 {
		t.Errorf("%+v", seen)
	}
	if want := new(big.Int).Sub(new(big.Int).Sub(had, ether(1)), seen.Fee); b.balance(t, b.from).Cmp(want) != 0 {
		t.Errorf("the account has %d, not %d", b.balance(t, b.from), want)
	}
	if n := b.nonce(t, false); n != 1 {
		t.Errorf("the next nonce is %d", n)
	}
	b.moved(t, before, to, tx, "in ethereum "+ether(1).String())
	b.moved(t, before, b.from, tx, "out ethereum "+ether(1).String(), "fee ethereum "+seen.Fee.String())
	b.give(t, tx, chain.Included) // the same bytes again
}

func raises(t *testing.T, b *bench) {
	to := someone(t)
	low := b.stuck(t)
	with := func(fee chain.Fee) *types.Transaction {
		return b.sign(t, types.DynamicFeeTx{GasTipCap: fee.Tip, GasFeeCap: fee.Cap, To: &to, Value: big.NewInt(5)})
	}
	first := with(low)
	b.give(t, first, chain.Accepted)
	b.give(t, first, chain.Accepted) // the same bytes again
	if seen := b.find(t, first.Hash()); seen.State != chain.Pending || seen.Tx.Hash() != first.Hash() {
		t.Errorf("%+v", seen)
	}
	if latest, pending := b.nonce(t, false), b.nonce(t, true); latest != 0 || pending != 1 {
		t.Errorf("the next nonce is %d, and %d with what waits", latest, pending)
	}
	raised := low.Raised()
	b.give(t, with(chain.Fee{Tip: big.NewInt(109), Cap: big.NewInt(1090)}), chain.Underpriced)
	b.give(t, with(chain.Fee{Tip: raised.Tip, Cap: low.Cap}), chain.Underpriced)
	b.give(t, with(chain.Fee{Tip: low.Tip, Cap: raised.Cap}), chain.Underpriced)
	b.give(t, with(raised), chain.Accepted)
	if seen := b.find(t, first.Hash()); seen.State != chain.Absent {
		t.Errorf("what was replaced: %+v", seen)
	}
	last := with(b.fees(t).Normal.AtLeast(raised.Raised()))
	b.give(t, last, chain.Accepted)
	b.mined(t, last)
	if got := b.balance(t, to); got.Int64() != 5 {
		t.Errorf("the recipient has %d", got)
	}
}

func cancels(t *testing.T, b *bench) {
	to, before := someone(t), b.head(t)
	low := b.stuck(t)
	first := b.sign(t, types.DynamicFeeTx{GasTipCap: low.Tip, GasFeeCap: low.Cap, To: &to, Value: big.NewInt(5)})
	b.give(t, first, chain.Accepted)
	fee := b.fees(t).Normal.AtLeast(low.Raised())
	cancel := b.sign(t, types.DynamicFeeTx{GasTipCap: fee.Tip, GasFeeCap: fee.Cap, To: &b.from})
	b.give(t, cancel, chain.Accepted)
	seen := b.mined(t, cancel)
	if seen.Failed {
		t.Errorf("%+v", seen)
	}
	b.moved(t, before, b.from, cancel, "fee ethereum "+seen.Fee.String())
	if seen := b.find(t, first.Hash()); seen.State != chain.Absent || b.nonce(t, false) != 1 {
		t.Errorf("%+v, next nonce %d", seen, b.nonce(t, false))
	}
	b.give(t, first, chain.Displaced)
	if got := b.balance(t, to); got.Sign() != 0 {
		t.Errorf("the recipient has %d", got)
	}
}

func gaps(t *testing.T, b *bench) {
	to := someone(t)
	second := b.sign(t, types.DynamicFeeTx{Nonce: 1, To: &to, Value: big.NewInt(2)})
	b.give(t, second, chain.Accepted)
	if seen := b.find(t, second.Hash()); seen.State != chain.Pending || b.nonce(t, true) != 0 {
		t.Errorf("%+v, next nonce %d", seen, b.nonce(t, true))
	}
	first := b.sign(t, types.DynamicFeeTx{To: &to, Value: big.NewInt(1)})
	b.give(t, first, chain.Accepted)
	b.mined(t, first)
	b.mined(t, second)
	if got := b.balance(t, to); got.Int64() != 3 {
		t.Errorf("the recipient has %d", got)
	}
}

func lacks(t *testing.T, b *bench) {
	to := someone(t)
	if _, err := b.sender.Estimate(t.Context(), chain.Call{From: b.from, To: to, Value: ether(11)}); !errors.Is(err, chain.ErrFunds) {
		t.Errorf("the estimate: %v", err)
	}
	b.give(t, b.sign(t, types.DynamicFeeTx{To: &to, Value: ether(11)}), chain.NoFunds)
	b.give(t, b.sign(t, types.DynamicFeeTx{To: &to, Value: ether(10)}), chain.NoFunds) // the fee is missing
	limit := big.NewInt(100_000 * params.GWei)
	b.give(t, b.sign(t, types.DynamicFeeTx{To: &to, GasTipCap: big.NewInt(params.GWei), GasFeeCap: limit}), chain.NodeCap)
	b.give(t, b.sign(t, types.DynamicFeeTx{To: &to, GasTipCap: new(big.Int), GasFeeCap: big.NewInt(params.GWei)}), chain.TooCheap)
}

func mistakes(t *testing.T, b *bench) {
	to := someone(t)
	b.give(t, b.sign(t, types.DynamicFeeTx{To: &to, Gas: params.TxGas - 1}), chain.Malformed)
	b.give(t, b.sign(t, types.DynamicFeeTx{To: &to, GasTipCap: big.NewInt(3 * params.GWei), GasFeeCap: big.NewInt(2 * params.GWei)}), chain.Malformed)

	good := b.sign(t, types.DynamicFeeTx{To: &to, Value: big.NewInt(1)})
	b.give(t, highS(t, good), chain.Malformed)
	other, err := types.SignNewTx(b.key, types.LatestSignerForChainID(big.NewInt(999)), &types.DynamicFeeTx{ChainID: big.NewInt(999), Gas: params.TxGas, To: &to})
	if err != nil {
		t.Fatal(err)
	}
	b.give(t, other, chain.Malformed)
	for _, data := range [][]byte{nil, {2}, {2, 0xc0}, []byte("not a transaction"), raw(t, good)[:50]} {
		if got, err := b.sender.Broadcast(t.Context(), data); got != chain.Malformed || err == nil {
			t.Errorf("%x: %q, %v", data, got, err)
		}
	}
	if n := b.nonce(t, true); n != 0 {
		t.Errorf("the next nonce is %d", n)
	}
}

// highS is a transaction with the other of the two signatures that fit: consensus takes
// the one with the lower s only (EIP-2).
func highS(t *testing.T, tx *types.Transaction) *types.Transaction {
	t.Helper()
	n, ok := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	v, r, s := tx.RawSignatureValues()
	if !ok {
		t.Fatal("the order of the curve")
	}
	sig := make([]byte, 65)
	r.FillBytes(sig[:32])
	n.Sub(n, s).FillBytes(sig[32:64])
	sig[64] = byte(1 - v.Uint64())
	high, err := tx.WithSignature(types.LatestSignerForChainID(tx.ChainId()), sig)
	if err != nil {
		t.Fatal(err)
	}
	return high
}
