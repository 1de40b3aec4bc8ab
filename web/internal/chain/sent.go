package chain

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/core/types"
)

// signed fails unless the sender that a node names signed a transaction, where its type
// is known: a node cannot make an address spend.
func (w *Watcher) signed(tx rawTx, data json.RawMessage) error {
	full, err := known(data)
	if err != nil {
		return fmt.Errorf("%w: %s is not a transaction of %s", ErrAnswer, tx.Hash, tx.From)
	}
	if full == nil {
		return nil
	}
	id, _ := new(big.Int).SetString(strings.TrimPrefix(w.cfg.Chain, "eip155:"), 10)
	from, err := types.Sender(types.LatestSignerForChainID(id), full)
	if err != nil || strings.ToLower(from.Hex()) != tx.From || strings.ToLower(full.Hash().Hex()) != tx.Hash {
		return fmt.Errorf("%w: %s did not sign transaction %s", ErrAnswer, tx.From, tx.Hash)
	}
	return nil
}

// sent are the value and the fee of a transaction of a watched address. Where the receipt
// does not tell the fee, both are left to the balance: it has fallen by their sum.
func (w *Watcher) sent(raw rawBlock, tx rawTx, r rawReceipt) (all []Arrival) {
	fee := r.fee()
	if fee == nil {
		return nil
	}
	out := Arrival{Asset: w.coin, Address: tx.From, Tx: tx.Hash, Out: true, Block: raw.id()}
	if r.succeeded() && tx.Value != nil && tx.Value.ToInt().Sign() > 0 && tx.To != tx.From {
		value := out
		value.Units, value.Index = tx.Value.ToInt().String(), IndexSent
		all = append(all, value)
	}
	if fee.Sign() > 0 {
		out.Units, out.Index, out.Fee = fee.String(), IndexFee, true
		all = append(all, out)
	}
	return all
}

// fee is what a transaction cost, in wei; nil where the node does not tell.
func (r rawReceipt) fee() *big.Int {
	if r.GasUsed == nil || r.GasPrice == nil {
		return nil
	}
	fee := new(big.Int).Mul(r.GasPrice.ToInt(), new(big.Int).SetUint64(uint64(*r.GasUsed)))
	if r.Below != nil {
		fee.Add(fee, r.Below.ToInt())
	}
	return fee
}
