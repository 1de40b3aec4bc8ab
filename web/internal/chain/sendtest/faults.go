package sendtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"countersign/web/internal/chain"
)

func reorganises(t *testing.T, b *bench) {
	ctx, to := t.Context(), someone(t)
	tx := b.sign(t, types.DynamicFeeTx{To: &to, Value: big.NewInt(9)})
	b.give(t, tx, chain.Accepted)
	first := b.mined(t, tx)
	b.setHead(t, first.Block.Number-1)
	if seen := b.find(t, tx.Hash()); seen.State == chain.Mined || b.nonce(t, false) != 0 || b.balance(t, to).Sign() != 0 {
		t.Errorf("%+v", seen)
	}
	b.give(t, tx, chain.Accepted, chain.Included) // the node may have brought it back by itself
	b.fund(t, someone(t), big.NewInt(1))          // another block
	second := b.mined(t, tx)
	if second.Block.Hash == first.Block.Hash || second.Block.Parent == first.Block.Hash {
		t.Errorf("both times in %+v", second.Block)
	}
	if got := b.balance(t, to); got.Int64() != 9 {
		t.Errorf("the recipient has %d", got)
	}
	b.fund(t, someone(t), big.NewInt(1)) // a block that follows, whatever number the first had
	if _, _, err := b.watcher.Read(ctx, first.Block, b.head(t).Number, chain.Watched{}); !errors.Is(err, chain.ErrReorganised) {
		t.Errorf("what follows the block that was dropped: %v", err)
	}
}

func restarts(t *testing.T, b *bench) {
	to := someone(t)
	first := b.sign(t, types.DynamicFeeTx{To: &to, Value: big.NewInt(1)})
	b.give(t, first, chain.Accepted)
	was := b.mined(t, first)
	low := b.stuck(t)
	fee := b.fees(t).Normal.AtLeast(low.Raised())
	waits := b.sign(t, types.DynamicFeeTx{Nonce: 1, GasTipCap: low.Tip, GasFeeCap: low.Cap, To: &to, Value: big.NewInt(2)})
	next := b.sign(t, types.DynamicFeeTx{Nonce: 1, GasTipCap: fee.Tip, GasFeeCap: fee.Cap, To: &to, Value: big.NewInt(2)})
	b.give(t, waits, chain.Accepted)

	b.Down(t)
	b.give(t, next, chain.Unreachable)
	_, err := b.sender.Find(t.Context(), first.Hash())
	if err == nil || strings.Contains(err.Error(), b.URL) || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("%v", err)
	}
	b.Up(t)

	if seen := b.mined(t, first); seen.Block.Hash != was.Block.Hash {
		t.Errorf("the chain is another one: %+v", seen.Block)
	}
	b.give(t, waits, chain.Accepted) // whether the node has kept it or not
	if seen := b.find(t, waits.Hash()); seen.State != chain.Pending {
		t.Errorf("%+v", seen)
	}
	b.give(t, next, chain.Accepted)
	b.mined(t, next)
	if got := b.balance(t, to); got.Int64() != 3 {
		t.Errorf("the recipient has %d", got)
	}
}

// liar passes questions on to the node and changes answers.
type liar struct {
	node string
	lie  map[string]func(result any) any // by method
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "read", http.StatusInternalServerError)
		return
	}
	var asked struct{ Method string }
	_ = json.Unmarshal(body, &asked)
	res, err := http.Post(l.node, "application/json", bytes.NewReader(body))
	if err != nil {
		http.Error(w, "no node", http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		http.Error(w, "no answer", http.StatusBadGateway)
		return
	}
	if lie := l.lie[asked.Method]; lie != nil {
		answer["result"] = lie(answer["result"])
		delete(answer, "error")
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// with replaces members of an answer.
func with(changes map[string]any) func(any) any {
	return func(result any) any {
		object, ok := result.(map[string]any)
		if !ok {
			return result
		}
		for name, value := range changes {
			object[name] = value
		}
		return object
	}
}

func always(value any) func(any) any { return func(any) any { return value } }

// framed lets a node say that an address sent what others did.
func (b *bench) framed(t *testing.T, l *liar, block int64, address common.Address) {
	t.Helper()
	l.lie = map[string]func(any) any{"eth_getBlockByNumber": func(result any) any {
		txs, _ := result.(map[string]any)["transactions"].([]any)
		for i := range txs {
			txs[i] = with(map[string]any{"from": lower(address)})(txs[i])
		}
		return result
	}}
	w, err := chain.New(b.config(serve(t, l)))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, found, err := w.Read(t.Context(), chain.Block{Number: block - 1}, block, chain.Watched{lower(address): true}); !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("%+v, %v", found, err)
	}
}

func lies(t *testing.T, b *bench) {
	ctx, to := t.Context(), someone(t)
	tx := b.sign(t, types.DynamicFeeTx{To: &to, Value: big.NewInt(1)})
	b.give(t, tx, chain.Accepted)
	at := b.mined(t, tx).Block
	l := &liar{node: b.URL}
	sender, another := b.senderAt(t, serve(t, l)), "0x"+strings.Repeat("ab", 32)

	for name, c := range map[string]struct {
		lie  map[string]func(any) any
		want error // nil: any
	}{
		"another hash":          {map[string]func(any) any{"eth_getTransactionByHash": with(map[string]any{"hash": another})}, chain.ErrAnswer},
		"another amount":        {map[string]func(any) any{"eth_getTransactionByHash": with(map[string]any{"value": "0x2"})}, chain.ErrAnswer},
		"another recipient":     {map[string]func(any) any{"eth_getTransactionByHash": with(map[string]any{"to": lower(b.from)})}, chain.ErrAnswer},
		"another nonce":         {map[string]func(any) any{"eth_getTransactionByHash": with(map[string]any{"nonce": "0x7"})}, chain.ErrAnswer},
		"another block":         {map[string]func(any) any{"eth_getTransactionByHash": with(map[string]any{"blockHash": another})}, chain.ErrReorganised},
		"a receipt elsewhere":   {map[string]func(any) any{"eth_getTransactionReceipt": with(map[string]any{"blockHash": another})}, chain.ErrReorganised},
		"another one's receipt": {map[string]func(any) any{"eth_getTransactionReceipt": with(map[string]any{"transactionHash": another})}, nil},
		"too much gas":          {map[string]func(any) any{"eth_getTransactionReceipt": with(map[string]any{"gasUsed": "0xffffff"})}, chain.ErrAnswer},
		"too high a price":      {map[string]func(any) any{"eth_getTransactionReceipt": with(map[string]any{"effectiveGasPrice": "0xffffffffffff"})}, chain.ErrAnswer},
		"no status":             {map[string]func(any) any{"eth_getTransactionReceipt": with(map[string]any{"status": nil})}, nil},
		"no receipt yet":        {map[string]func(any) any{"eth_getTransactionReceipt": always(nil)}, nil},
		"no block yet":          {map[string]func(any) any{"eth_getBlockByNumber": always(nil)}, chain.ErrAbsent},
		"not a transaction":     {map[string]func(any) any{"eth_getTransactionByHash": always("0x1")}, nil},
	} {
		l.lie = c.lie
		if seen, err := sender.Find(ctx, tx.Hash()); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, seen, err)
		}
	}

	l.lie = map[string]func(any) any{"eth_getTransactionByHash": always(nil)} // one that is behind
	if seen, err := sender.Find(ctx, tx.Hash()); err != nil || seen.State != chain.Absent {
		t.Errorf("%+v, %v", seen, err)
	}
	l.lie = map[string]func(any) any{"eth_getTransactionByHash": with(map[string]any{"type": "0x7e", "sourceHash": another})} // of rollups
	if seen, err := sender.Find(ctx, tx.Hash()); err != nil || seen.State != chain.Mined || seen.Tx != nil {
		t.Errorf("a type that is not known: %+v, %v", seen, err)
	}
	l.lie = map[string]func(any) any{"eth_feeHistory": with(map[string]any{"baseFeePerGas": []string{"0xffffffffffffffffff"}})}
	if fees, err := sender.Fees(ctx); !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("%+v, %v", fees, err)
	}
	l.lie = map[string]func(any) any{"eth_estimateGas": always("0xffffffffff")}
	if gas, err := sender.Estimate(ctx, chain.Call{From: b.from, To: to}); !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("%d, %v", gas, err)
	}

	b.framed(t, l, at.Number, to)
	next := b.sign(t, types.DynamicFeeTx{Nonce: 1, To: &to, Value: big.NewInt(1)})
	l.lie = map[string]func(any) any{"eth_sendRawTransaction": always(another)}
	if got, err := sender.Broadcast(ctx, raw(t, next)); got != chain.Unclear || !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("%q, %v", got, err)
	}
	l.lie = nil
	give(t, sender, next, chain.Accepted, chain.Included) // the same bytes, to a node that tells the truth
}
