package sendtest

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"countersign/web/internal/chain"
	"countersign/web/internal/sandbox/contract"
)

const transferOf = "transfer(address,uint256)"

func sendsTokens(t *testing.T, b *bench) {
	ctx, to := t.Context(), someone(t)
	token := b.token(t, 1_000_000)
	for address, want := range map[common.Address]bool{token: true, b.from: false, to: false} {
		if is, err := b.sender.Contract(ctx, address); err != nil || is != want {
			t.Errorf("%v is a contract: %v, %v", address, is, err)
		}
	}
	before := b.head(t)
	data := contract.Call(transferOf, to, big.NewInt(400))
	gas, err := b.sender.Estimate(ctx, chain.Call{From: b.from, To: token, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	tx := b.sign(t, types.DynamicFeeTx{Nonce: b.nonce(t, true), Gas: gas, To: &token, Data: data})
	b.give(t, tx, chain.Accepted)
	seen := b.mined(t, tx)
	if !seen.Did() || seen.GasUsed >= gas || len(seen.Transfers) != 1 || seen.Transfers[0].Asset != tokenID || !seen.Moved(token, b.from, to, big.NewInt(400)) {
		t.Errorf("gas limit %d: %+v", gas, seen)
	}
	if seen.Moved(token, b.from, to, big.NewInt(401)) || seen.Moved(to, b.from, to, big.NewInt(400)) || seen.Moved(token, to, b.from, big.NewInt(400)) {
		t.Error("what did not move is said to have moved")
	}
	b.moved(t, before, to, tx, "in "+tokenID+" 400")
	b.moved(t, before, b.from, tx, "fee ethereum "+seen.Fee.String(), "out "+tokenID+" 400")
	held, err := b.watcher.Holdings(ctx, b.head(t), []string{lower(to), lower(b.from)})
	if err != nil || len(held) != 2 || held[0].Units != "400" || held[1].Units != "999600" {
		t.Errorf("%+v, %v", held, err)
	}
}

func overdraws(t *testing.T, b *bench) {
	ctx, to := t.Context(), someone(t)
	token := b.token(t, 100)
	data := contract.Call(transferOf, to, big.NewInt(101))
	_, err := b.sender.Estimate(ctx, chain.Call{From: b.from, To: token, Data: data})
	if reason, ok := reverts(err); !ok || reason != contract.Poor {
		t.Errorf("the estimate: %v", err)
	}
	had, before := b.balance(t, b.from), b.head(t)
	tx := b.sign(t, types.DynamicFeeTx{Nonce: b.nonce(t, true), Gas: 300_000, To: &token, Data: data})
	b.give(t, tx, chain.Accepted)
	seen := b.mined(t, tx)
	if !seen.Failed || seen.Did() || len(seen.Transfers) != 0 || seen.Fee.Sign() <= 0 {
		t.Errorf("%+v", seen)
	}
	if want := new(big.Int).Sub(had, seen.Fee); b.balance(t, b.from).Cmp(want) != 0 {
		t.Errorf("the account has %d, not %d", b.balance(t, b.from), want)
	}
	b.moved(t, before, b.from, tx, "fee ethereum "+seen.Fee.String())

	refuser := b.deploy(t, contract.DeployRefuser())
	call := chain.Call{From: b.from, To: refuser, Data: contract.Call(transferOf, to, big.NewInt(1))}
	_, err = b.sender.Estimate(ctx, call)
	if _, ok := reverts(err); !ok {
		t.Errorf("a token that answers with false: %v", err)
	}
	tx = b.sign(t, types.DynamicFeeTx{Nonce: b.nonce(t, true), Gas: 100_000, To: &refuser, Data: call.Data})
	b.give(t, tx, chain.Accepted)
	if seen := b.mined(t, tx); seen.Failed || seen.Did() {
		t.Errorf("the chain did it, the token did not: %+v", seen)
	}
}
