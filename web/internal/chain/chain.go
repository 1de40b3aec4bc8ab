// Package chain watches Ethereum-like chains for deposits through the JSON-RPC
// methods that every node has: eth_chainId, eth_blockNumber,
// eth_getBlockByNumber and eth_getTransactionReceipt (execution-apis). The
// gateway completes orders with what it reports.
package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"countersign/shared/amount"
)

// etherPlaces are the decimals of an Ethereum-like chain's own coin.
const etherPlaces = 18

// Config says which node, and how sure to be.
type Config struct {
	RPC           string // http or https URL of the node
	Chain         string // CAIP-2 that the node must be on: eip155:31337
	Confirmations uint64 // blocks, the deposit's own included, until it is final; 0: 1
	Batch         uint64 // blocks that one scan reads at the most; 0: 500
}

// Cursor says up to where a chain was read: the last final block. Its text form
// ("number:hash") is kept by the caller; the empty cursor is before block 0.
type Cursor string

// Deposit is one transfer of the chain's own coin to a watched address.
type Deposit struct {
	Address       string    // as it was asked for
	TxHash        string    // 0x and 64 hex digits
	Amount        string    // decimal, in the whole unit, without trailing zeros: 0.25
	Block         uint64    // its number
	BlockHash     string    // 0x and 64 hex digits
	Time          time.Time // of the block
	Confirmations uint64    // including the block itself
	Final         bool      // enough confirmations: it is not reported again from the new cursor
}

// Watcher reads one chain. It is safe for concurrent use.
type Watcher struct {
	cfg    Config
	client *ethclient.Client
}

// Dial connects and checks that the node is on the chain that was configured.
func Dial(ctx context.Context, cfg Config) (*Watcher, error) {
	cfg.Confirmations = max(cfg.Confirmations, 1)
	if cfg.Batch == 0 {
		cfg.Batch = 500
	}
	id, ok := strings.CutPrefix(cfg.Chain, "eip155:")
	want, err := strconv.ParseUint(id, 10, 64)
	if !ok || err != nil {
		return nil, fmt.Errorf("chain %q is not eip155: and a number", cfg.Chain)
	}
	client, err := ethclient.DialContext(ctx, cfg.RPC)
	if err != nil {
		return nil, fmt.Errorf("connect to the node of %s: %w", cfg.Chain, err)
	}
	got, err := client.ChainID(ctx)
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("ask the node of %s for its chain: %w", cfg.Chain, err)
	}
	if got.Cmp(new(big.Int).SetUint64(want)) != 0 {
		client.Close()
		return nil, fmt.Errorf("the node of %s is on chain %s", cfg.Chain, got)
	}
	return &Watcher{cfg: cfg, client: client}, nil
}

// Close ends the connection.
func (w *Watcher) Close() { w.client.Close() }

// Head is the cursor of the newest final block: where to start when nothing
// older is of interest.
func (w *Watcher) Head(ctx context.Context) (Cursor, error) {
	head, err := w.client.BlockNumber(ctx)
	if err != nil {
		return "", fmt.Errorf("ask for the newest block: %w", err)
	}
	if head+1 < w.cfg.Confirmations {
		return "", nil
	}
	b, err := w.block(ctx, head+1-w.cfg.Confirmations)
	if err != nil {
		return "", err
	}
	return cursorOf(b), nil
}

// Scan reports the deposits to the addresses in the blocks after from, also
// those that are not final yet, and the cursor for the next scan. Deposits that
// were not final are reported again: recognise them by TxHash. After a
// reorganisation deeper than Confirmations the new cursor is before from, and
// the blocks since are read again.
func (w *Watcher) Scan(ctx context.Context, from Cursor, addresses []string) ([]Deposit, Cursor, error) {
	next, parent, err := from.parse()
	if err != nil {
		return nil, from, err
	}
	watched := make(map[common.Address]string, len(addresses))
	for _, a := range addresses {
		if !common.IsHexAddress(a) {
			return nil, from, fmt.Errorf("address %q is not an Ethereum address", a)
		}
		watched[common.HexToAddress(a)] = a
	}
	head, err := w.client.BlockNumber(ctx)
	if err != nil {
		return nil, from, fmt.Errorf("ask for the newest block: %w", err)
	}
	if parent != (common.Hash{}) {
		known, err := w.block(ctx, next-1)
		switch {
		case errors.Is(err, ethereum.NotFound) || err == nil && known.Hash() != parent:
			return nil, w.rewind(next), nil
		case err != nil:
			return nil, from, err
		}
	}
	deposits, cursor := []Deposit{}, from
	for n := next; n <= head && n-next < w.cfg.Batch; n++ {
		b, err := w.block(ctx, n)
		if err != nil {
			return nil, from, err
		}
		if n > 0 && parent != (common.Hash{}) && b.ParentHash() != parent {
			break // the chain changed while it was read; what came before still stands
		}
		parent = b.Hash()
		confirmations := head - n + 1
		found, err := w.deposits(ctx, b, confirmations, watched)
		if err != nil {
			return nil, from, err
		}
		deposits = append(deposits, found...)
		if confirmations >= w.cfg.Confirmations {
			cursor = cursorOf(b)
		}
	}
	return deposits, cursor, nil
}

// rewind is the cursor from which to read again when the block before next is
// not in the chain any more. Its hash is left out: whatever is there now counts.
func (w *Watcher) rewind(next uint64) Cursor {
	back := max(64, 2*w.cfg.Confirmations)
	if next <= back+1 {
		return ""
	}
	return Cursor(strconv.FormatUint(next-1-back, 10) + ":")
}

func (w *Watcher) block(ctx context.Context, number uint64) (*types.Block, error) {
	b, err := w.client.BlockByNumber(ctx, new(big.Int).SetUint64(number))
	if err != nil {
		return nil, fmt.Errorf("read block %d: %w", number, err)
	}
	return b, nil
}

// deposits finds the transfers in one block, and asks for the receipt of each:
// a transaction that failed moved nothing.
func (w *Watcher) deposits(ctx context.Context, b *types.Block, confirmations uint64, watched map[common.Address]string) ([]Deposit, error) {
	var found []Deposit
	for _, tx := range b.Transactions() {
		if tx.To() == nil || tx.Value().Sign() <= 0 {
			continue
		}
		address, ok := watched[*tx.To()]
		if !ok {
			continue
		}
		receipt, err := w.client.TransactionReceipt(ctx, tx.Hash())
		if err != nil {
			return nil, fmt.Errorf("read the receipt of %s: %w", tx.Hash(), err)
		}
		if receipt.Status != types.ReceiptStatusSuccessful || receipt.BlockHash != b.Hash() {
			continue
		}
		value, err := amount.FromUnits(tx.Value().String(), etherPlaces)
		if err != nil {
			return nil, fmt.Errorf("read the value of %s: %w", tx.Hash(), err)
		}
		found = append(found, Deposit{
			Address: address, TxHash: tx.Hash().Hex(), Amount: value.Trim().String(),
			Block: b.NumberU64(), BlockHash: b.Hash().Hex(), Time: time.Unix(int64(b.Time()), 0).UTC(),
			Confirmations: confirmations, Final: confirmations >= w.cfg.Confirmations,
		})
	}
	return found, nil
}

func cursorOf(b *types.Block) Cursor {
	return Cursor(strconv.FormatUint(b.NumberU64(), 10) + ":" + b.Hash().Hex())
}

// parse gives the number of the next block and the hash that its parent must
// have (zero: any).
func (c Cursor) parse() (next uint64, parent common.Hash, err error) {
	if c == "" {
		return 0, parent, nil
	}
	number, hash, ok := strings.Cut(string(c), ":")
	n, err := strconv.ParseUint(number, 10, 63)
	if !ok || err != nil || hash != "" && len(hash) != 66 {
		return 0, parent, fmt.Errorf("cursor %q is not a block number and its hash", c)
	}
	if hash != "" {
		if err := parent.UnmarshalText([]byte(hash)); err != nil {
			return 0, parent, fmt.Errorf("cursor %q is not a block number and its hash", c)
		}
	}
	return n + 1, parent, nil
}
